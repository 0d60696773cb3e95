"""How a connection is granted access: the parameters of OAuth, as settings have them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

BY_CONSENT: Final = "connect"
"""The refresh token in settings that says: a person grants access by `leadline connections connect`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthGrant:
    """The parameters of requests for access tokens.

    Attributes:
        token_url: the address of the token endpoint. Secrets are sent to this host only.
        client_id: the id that the CRM gave to leadline.
        client_secret: the secret of that id; empty for a public client.
        refresh_token: the first refresh token; empty: the client credentials grant is used.
        scope: the scope to request; empty: the CRM's default.
        client_in: whether the client's id is in the form or in an HTTP basic header.
        scheme: the word before the token in the Authorization header.
        extra: further fields of the form.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    scope: str = ""
    client_in: Literal["body", "header"] = "body"
    scheme: str = "Bearer"
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def seed(self) -> str:
        """A digest that identifies the grant. Stored tokens of another grant are not used."""
        text = f"{self.token_url}\0{self.client_id}\0{self.refresh_token}"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceGrant:
    """How a person consents on another device (RFC 8628).

    Attributes:
        url: the address that gives the codes.
        extra: further fields of that request.
        grant_type: of the requests for tokens.
        code_field: the field of the device code in those.
        token_url: the address of those; empty: the grant's.
        interval, life: how often tokens are asked for, and how long codes are good, in seconds, whatever the answer
            says; None: as the answer says.
    """

    url: str
    extra: Mapping[str, str] = field(default_factory=dict)
    grant_type: str = "urn:ietf:params:oauth:grant-type:device_code"
    code_field: str = "device_code"
    token_url: str = ""
    interval: float | None = None
    life: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthConsent:
    """Where a person consents, and what is asked for.

    Attributes:
        grant: the parameters of token requests.
        authorize_url: the address that people open.
        scope: the scopes to ask for; empty: those of the app's registration.
        has_pkce: whether the CRM knows PKCE.
        extra: further parameters of the address.
        device: how a person consents on another device; None: the CRM does not have that.
    """

    grant: OAuthGrant
    authorize_url: str
    scope: str = ""
    has_pkce: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)
    device: DeviceGrant | None = None
