"""The adapter type `hubspot`."""

from typing import Any, Final

from leadline_server.crm.hubspot.adapter import HubSpotCrm, capabilities_of
from leadline_server.crm.hubspot.errors import failure, pause
from leadline_server.crm.hubspot.paths import Paths
from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.crm.toolkit import Authorizer, HttpClient, StaticAuthorizer, Throttle
from leadline_server.crm.toolkit.adapter_type import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    Declared,
    KnownGaps,
)
from leadline_server.crm.toolkit.oauth import oauth_authorizer
from leadline_server.crm.toolkit.oauth_grant import OAuthConsent, OAuthGrant
from leadline_server.crm.toolkit.throttle import spread
from leadline_server.ports.crm import CrmAdapter


async def _open(settings: HubSpotSettings, context: AdapterContext) -> Connect:
    """Make the client that the connection's accounts share. It sends nothing yet."""
    client = HttpClient(
        context.session,
        settings.api_url,
        _authorizer(settings, context),
        failure=failure,
        throttle=Throttle([spread(limit) for limit in capabilities_of(settings).rate_limits], pause=pause),
    )

    def connect(account: AccountView) -> CrmAdapter:
        return HubSpotCrm(client, account, settings)

    return connect


SCOPES: Final = "crm.objects.contacts.read crm.objects.contacts.write crm.objects.owners.read crm.schemas.contacts.read"
"""The scopes that leadline asks for."""


def _authorizer(settings: HubSpotSettings, context: AdapterContext) -> Authorizer:
    if settings.token is not None:
        return StaticAuthorizer.bearer(settings.token.get_secret_value())
    return oauth_authorizer(_grant(settings), context)


def _grant(settings: HubSpotSettings) -> OAuthGrant:
    secret, refresh = settings.client_secret, settings.refresh_token
    return OAuthGrant(
        token_url=f"{settings.api_url}{Paths(settings.api_version).token}",
        client_id=settings.client_id,
        client_secret=secret.get_secret_value() if secret else "",
        refresh_token=refresh.get_secret_value() if refresh else "",
    )


def _consent(settings: HubSpotSettings) -> OAuthConsent | None:
    """HubSpot's "Working with OAuth": the address of the installation."""
    if settings.token is not None:
        return None
    return OAuthConsent(grant=_grant(settings), authorize_url=f"{settings.app_url}/oauth/authorize", scope=SCOPES)


def _declared(forms: frozenset[str] = frozenset(), **options: Any) -> Declared:
    """The guarantees and known gaps of a connection with these settings."""
    settings = HubSpotSettings.model_validate({"token": "unused", **options})
    return Declared(
        capabilities=capabilities_of(settings),
        known_gaps=KnownGaps(
            fields=frozenset({"caller_extension", "linked_id", "legs"}),
            forms=forms,
            texts=frozenset({"lines of Windows", "tabs and runs of spaces"}),
        ),
    )


BY_DEFAULT: Final = "by default"
WITH_PROPERTIES: Final = "with `call_id_property` and `more_phone_properties`"

HUBSPOT = AdapterType(
    name="hubspot",
    title="HubSpot",
    settings=HubSpotSettings,
    open=_open,
    consent=_consent,
    variants={
        BY_DEFAULT: _declared(frozenset({"as the third number"})),
        WITH_PROPERTIES: _declared(call_id_property="call_id", more_phone_properties=["other_phone"]),
    },
)
