"""The adapter type `salesforce`: its settings, and how a connection opens."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, StringConstraints

from leadline_server.crm.salesforce.adapter import CAPABILITIES, SalesforceCrm
from leadline_server.crm.salesforce.errors import SalesforceErrors
from leadline_server.crm.salesforce.records import SalesforceRecords
from leadline_server.crm.salesforce.wire import SalesforceNames, contact_kind, lead_kind
from leadline_server.crm.toolkit import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    HttpClient,
    KnownGaps,
    OAuthGrant,
    Origin,
    Secret,
    Throttle,
    oauth_authorizer,
)
from leadline_server.crm.toolkit.lead_records import MOST_TEXT
from leadline_server.crm.toolkit.oauth_grant import DeviceGrant, OAuthConsent
from leadline_server.crm.toolkit.own_fields import OwnFields, SettingsWithFields
from leadline_server.ports.crm import CrmAdapter

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]

_NONE: Final = SecretStr("")


class SalesforceSettings(SettingsWithFields):
    """The settings of a connection to Salesforce."""

    instance_url: Origin = Field(description="The organization's My Domain, such as https://acme.my.salesforce.com.")
    login_url: Origin = Field(
        "https://login.salesforce.com",
        description="Where access tokens come from: this, https://test.salesforce.com for sandboxes, or the My Domain.",
    )
    client_id: str = Field(description="The consumer key of the connected app.")
    client_secret: Secret = Field(_NONE, description="Its consumer secret; empty if the app requires none.")
    refresh_token: Secret = Field(
        _NONE, description="The refresh token granted to the app. Empty: the client credentials flow, at the My Domain."
    )
    api_version: str = Field("v67.0", pattern=r"^v[1-9][0-9]\.0$", description="The version of the REST API.")
    lookup: Literal["search", "query"] = Field(
        "search", description="How numbers are looked up: in the search index, or by queries of the whole database."
    )
    index_lag_minutes: int = Field(
        30,
        ge=1,
        le=1440,
        description="How long the search index may lag. Later changes are read from the database.",
    )
    contact_phone_fields: tuple[FieldName, ...] = Field(
        ("Phone", "MobilePhone", "HomePhone", "OtherPhone"),
        min_length=1,
        max_length=10,
        description="The contacts' fields with numbers. The number of a new contact goes into the first.",
    )
    lead_phone_fields: tuple[FieldName, ...] = Field(
        ("Phone", "MobilePhone"),
        min_length=1,
        max_length=10,
        description="The leads' fields with numbers. The number of a new lead goes into the first.",
    )
    lead_company: str = Field(
        "Unknown",
        max_length=MOST_TEXT,
        description="Replaces a new lead's company if it is unknown. Empty: none, where leads become person accounts.",
    )
    placeholder_source: str = Field(
        "Unknown Caller",
        max_length=MOST_TEXT,
        description="The lead source that marks placeholders; empty: no mark.",
    )
    task_status: str = Field(
        "Completed", min_length=1, max_length=MOST_TEXT, description="The status of a new call's task."
    )
    call_key_field: FieldName = Field("CallObject", description="The task's text field for the call's key.")
    limit_share: int = Field(
        100, ge=1, le=100, description="The percentage of the day's API requests that all programs together may use."
    )


def _names(settings: SalesforceSettings) -> SalesforceNames:
    return SalesforceNames(
        company=settings.lead_company,
        placeholder_source=settings.placeholder_source,
        task_status=settings.task_status,
        key_field=settings.call_key_field,
        record_url=f"{settings.instance_url}/",
    )


def _grant(settings: SalesforceSettings) -> OAuthGrant:
    return OAuthGrant(
        token_url=f"{settings.login_url}/services/oauth2/token",
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        refresh_token=settings.refresh_token.get_secret_value(),
    )


def _consent(settings: SalesforceSettings) -> OAuthConsent | None:
    """Salesforce's "OAuth 2.0 Web Server Flow", and its "OAuth 2.0 Device Flow", which has its own words."""
    grant = _grant(settings)
    return OAuthConsent(
        grant=grant,
        device=DeviceGrant(
            url=grant.token_url,
            extra={"response_type": "device_code"},
            grant_type="device",
            code_field="code",
        ),
        authorize_url=f"{settings.login_url}/services/oauth2/authorize",
        scope="api refresh_token",
        has_pkce=True,
    )


async def _open(settings: SalesforceSettings, context: AdapterContext) -> Connect:
    """Open a connection. Requests go to the address in the settings, whatever `instance_url` a token answer has."""
    throttle = Throttle()
    client = HttpClient(
        context.session,
        f"{settings.instance_url}/services/data/{settings.api_version}",
        oauth_authorizer(_grant(settings), context),
        failure=SalesforceErrors(throttle, settings.limit_share),
        throttle=throttle,
    )
    names = _names(settings)
    kinds = (lead_kind(settings.lead_phone_fields), contact_kind(settings.contact_phone_fields))
    records = SalesforceRecords(client, settings.instance_url, kinds, names)
    own = OwnFields(settings)
    lag = timedelta(minutes=settings.index_lag_minutes) if settings.lookup == "search" else None

    def connect(account: AccountView) -> CrmAdapter:
        return SalesforceCrm(client, records, names, lag, account, context.clock, own)

    return connect


SALESFORCE = AdapterType(
    name="salesforce",
    title="Salesforce",
    settings=SalesforceSettings,
    open=_open,
    consent=_consent,
    capabilities=CAPABILITIES,
    known_gaps=KnownGaps(fields=frozenset({"caller_extension", "linked_id", "legs"}), texts=frozenset({"NUL"})),
)
