"""The adapter type `pipedrive`."""

from typing import Any, Final

from leadline_server.crm.pipedrive.adapter import PipedriveCrm, capabilities_of
from leadline_server.crm.pipedrive.errors import failure, pause
from leadline_server.crm.pipedrive.settings import PipedriveSettings
from leadline_server.crm.toolkit import Authorizer, HttpClient, StaticAuthorizer, Throttle
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext, AdapterType, Connect, KnownGaps
from leadline_server.crm.toolkit.oauth import oauth_authorizer
from leadline_server.crm.toolkit.oauth_grant import OAuthConsent, OAuthGrant
from leadline_server.crm.toolkit.throttle import spread
from leadline_server.ports.crm import CrmAdapter

_SEPARATED: Final = frozenset({"national with dots"})
"""Forms that a lookup finds only with the account's `number_formats`."""


async def _open(settings: PipedriveSettings, context: AdapterContext) -> Connect:
    """Make the client that the connection's accounts share. It sends nothing yet."""
    client = HttpClient(
        context.session,
        settings.origin,
        _authorizer(settings, context),
        failure=failure,
        throttle=Throttle([spread(limit) for limit in capabilities_of(settings).rate_limits], pause=pause),
    )

    def connect(account: AccountView) -> CrmAdapter:
        return PipedriveCrm(client, account, settings, context.clock)

    return connect


def _authorizer(settings: PipedriveSettings, context: AdapterContext) -> Authorizer:
    if settings.api_token is not None:
        token = settings.api_token.get_secret_value()
        return StaticAuthorizer("x-api-token", token, token)
    return oauth_authorizer(_grant(settings), context)


def _grant(settings: PipedriveSettings) -> OAuthGrant:
    secret, refresh = settings.client_secret, settings.refresh_token
    return OAuthGrant(
        token_url=f"{settings.oauth_url}/oauth/token",
        client_id=settings.client_id,
        client_secret=secret.get_secret_value() if secret else "",
        refresh_token=refresh.get_secret_value() if refresh else "",
        client_in="header",
    )


def _consent(settings: PipedriveSettings) -> OAuthConsent | None:
    """Pipedrive's "OAuth authorization". The scopes are those of the app's registration."""
    if settings.api_token is not None:
        return None
    return OAuthConsent(grant=_grant(settings), authorize_url=f"{settings.oauth_url}/oauth/authorize")


_DEFAULTS: Final[dict[str, Any]] = {"company_domain": "company", "api_token": "unused"}

PIPEDRIVE = AdapterType(
    name="pipedrive",
    title="Pipedrive",
    settings=PipedriveSettings,
    open=_open,
    consent=_consent,
    capabilities=capabilities_of(PipedriveSettings.model_validate(_DEFAULTS)),
    known_gaps=KnownGaps(
        fields=frozenset({"caller_extension", "linked_id", "legs"}),
        forms=_SEPARATED,
        texts=frozenset({"lines of Windows", "tabs and runs of spaces"}),
    ),
)
