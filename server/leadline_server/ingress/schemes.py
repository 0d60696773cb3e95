"""The models of `authentication` in an ingress definition: how a phone system proves that a request is its own."""

from typing import Annotated, Literal

from pydantic import Field

from leadline_server.definitions.schema import DefinitionTable

Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Tolerance = Annotated[int, Field(ge=1, le=86_400)]


class HmacScheme(DefinitionTable):
    """A header has an HMAC (RFC 2104) of the body, keyed with the secret."""

    type: Literal["hmac"]
    header: Header = Field(description="The header with the signature.")
    algorithm: Literal["sha1", "sha256", "sha512"] = Field("sha256", description="The hash function.")
    encoding: Literal["hex", "base64"] = Field("hex", description="How the signature is written.")
    prefix: str = Field("", max_length=40, description="A text before the signature, such as `sha256=`.")
    signed: str = Field(
        "{body}",
        max_length=100,
        description="The text that is signed: `{body}`, and `{timestamp}` if it has one.",
    )
    timestamp_header: Header | None = Field(None, description="The header with the signed time, in seconds since 1970.")
    tolerance: Tolerance = Field(300, description="Seconds that a signed time may be away from now.")


class TwilioScheme(DefinitionTable):
    """Twilio's X-Twilio-Signature: an HMAC of the address and the form's fields. It needs `public_url`.

    The hash is SHA-1, or SHA-256 if X-Twilio-Webhooks-Signature-Settings says so.
    """

    type: Literal["twilio"]


class Ed25519Scheme(DefinitionTable):
    """A header has an Ed25519 signature (RFC 8032) in Base64. The secret is the public key, in Base64."""

    type: Literal["ed25519"]
    header: Header = Field(description="The header with the signature.")
    timestamp_header: Header = Field(description="The header with the signed time, in seconds since 1970.")
    signed: str = Field("{timestamp}|{body}", max_length=100, description="The text that is signed.")
    tolerance: Tolerance = Field(300, description="Seconds that the signed time may be away from now.")


class JwtScheme(DefinitionTable):
    """`Authorization: Bearer` has a JWT (RFC 7519), signed with HS256, with the SHA-256 hash of the body."""

    type: Literal["jwt"]
    hash_claim: str = Field("payload_hash", max_length=64, description="The claim with the body's hash, in hex.")
    tolerance: Tolerance = Field(300, description="Seconds that the claim `iat` may be away from now.")


class TokenScheme(DefinitionTable):
    """A header has the secret itself."""

    type: Literal["token"]
    header: Header = Field(description="The header.")


class BearerScheme(DefinitionTable):
    """`Authorization: Bearer` has the secret itself (RFC 6750)."""

    type: Literal["bearer"]


class BasicScheme(DefinitionTable):
    """A user and a password (RFC 7617). The secret is the password; the user is the route's setting `user`."""

    type: Literal["basic"]


Scheme = Annotated[
    HmacScheme | TwilioScheme | Ed25519Scheme | JwtScheme | TokenScheme | BearerScheme | BasicScheme,
    Field(discriminator="type"),
]
