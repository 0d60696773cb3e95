"""The adapter type `zoho`: its settings, and how a connection opens."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from leadline_server.crm.toolkit import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    Declared,
    HttpClient,
    KnownGaps,
    OAuthGrant,
    Origin,
    Secret,
    oauth_authorizer,
)
from leadline_server.crm.toolkit.lead_records import MOST_TEXT
from leadline_server.crm.toolkit.oauth_grant import DeviceGrant, OAuthConsent
from leadline_server.crm.toolkit.own_fields import OwnFields, SettingsWithFields
from leadline_server.crm.zoho.adapter import CAPABILITIES, WITH_KEY, ZohoCrm
from leadline_server.crm.zoho.errors import failure
from leadline_server.crm.zoho.records import ZohoRecords
from leadline_server.crm.zoho.wire import ZohoNames, contact_kind, lead_kind
from leadline_server.ports.crm import CrmAdapter

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")]
OptionalFieldName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z][A-Za-z0-9_]{0,99})?$")]

DataCenter = Literal["com", "eu", "in", "com.au", "jp", "com.cn", "sa", "ca"]

_CANADA: Final = "ca"


class ZohoSettings(SettingsWithFields):
    """The settings of a connection to Zoho CRM."""

    data_center: DataCenter = Field("com", description="The data centre: the end of the address that people use.")
    client_id: str = Field(description="The client id of the self client or server-based application.")
    client_secret: Secret = Field(description="Its client secret.")
    refresh_token: Secret = Field(description="The refresh token granted to it.")
    call_key_field: OptionalFieldName = Field(
        "", description="The API name of a single-line field of calls for the call's key; empty: there is none."
    )
    placeholder_field: OptionalFieldName = Field(
        "",
        description="The API name of a checkbox of leads and contacts that marks placeholders; empty: no mark.",
    )
    contact_phone_fields: tuple[FieldName, ...] = Field(
        ("Phone", "Mobile", "Home_Phone", "Other_Phone"),
        min_length=1,
        max_length=10,
        description="The contacts' fields with numbers. The number of a new contact goes into the first.",
    )
    lead_phone_fields: tuple[FieldName, ...] = Field(
        ("Phone", "Mobile"),
        min_length=1,
        max_length=10,
        description="The leads' fields with numbers. The number of a new lead goes into the first.",
    )
    lead_company: str = Field(
        "Unknown", min_length=1, max_length=MOST_TEXT, description="Replaces a new lead's company if it is unknown."
    )
    workflows: bool = Field(True, description="Whether workflows, approvals and blueprints run on leadline's writes.")
    concurrency: int = Field(10, ge=1, le=100, description="The most concurrent requests of this process.")
    api_url: Origin | None = Field(None, description="The address of the API, if it is not the data centre's.")
    accounts_url: Origin | None = Field(
        None, description="Where access tokens come from, if not from the data centre's address."
    )


SCOPES: Final = (
    "ZohoCRM.modules.contacts.ALL,"
    "ZohoCRM.modules.leads.ALL,"
    "ZohoCRM.modules.calls.ALL,"
    "ZohoCRM.coql.READ,"
    "ZohoCRM.users.READ,"
    "ZohoCRM.settings.layouts.READ"
)
"""The scopes that leadline asks for."""


def addresses(settings: ZohoSettings) -> tuple[str, str, str]:
    """The addresses of the API, of the token server, and of the pages that people use."""
    end = settings.data_center
    zoho = f"zohocloud.{end}" if end == _CANADA else f"zoho.{end}"
    api = settings.api_url or f"https://www.zohoapis.{end}"
    return api, settings.accounts_url or f"https://accounts.{zoho}", f"https://crm.{zoho}"


def _grant(settings: ZohoSettings) -> OAuthGrant:
    _, accounts, _ = addresses(settings)
    return OAuthGrant(
        token_url=f"{accounts}/oauth/v2/token",
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        refresh_token=settings.refresh_token.get_secret_value(),
        scheme="Zoho-oauthtoken",
    )


def _consent(settings: ZohoSettings) -> OAuthConsent | None:
    """Zoho's "Authorization Request", and its "Non-browser applications", which have their own words and addresses.

    Without `access_type` and `prompt` there is no refresh token. Codes are good for 5 minutes, and tokens may be asked
    for once in 30 seconds ("Initiation request" and "Polling request"). The answer's own times are not read: the pages
    do not say whether they are seconds, and programs read them as milliseconds, too.
    """
    _, accounts, _ = addresses(settings)
    extra = {"access_type": "offline", "prompt": "consent"}
    device = DeviceGrant(
        url=f"{accounts}/oauth/v3/device/code",
        extra={"grant_type": "device_request", **extra},
        grant_type="device_token",
        code_field="code",
        token_url=f"{accounts}/oauth/v3/device/token",
        interval=30.0,
        life=300.0,
    )
    address = f"{accounts}/oauth/v2/auth"
    return OAuthConsent(grant=_grant(settings), authorize_url=address, scope=SCOPES, extra=extra, device=device)


async def _open(settings: ZohoSettings, context: AdapterContext) -> Connect:
    """Open a connection. Requests go to the address in the settings, whatever `api_domain` a token answer has."""
    api, _, web = addresses(settings)
    authorizer = oauth_authorizer(_grant(settings), context)
    client = HttpClient(context.session, f"{api}/crm/v8", authorizer, failure=failure)
    names = ZohoNames(
        company=settings.lead_company,
        placeholder_field=settings.placeholder_field,
        key_field=settings.call_key_field,
        web_url=web,
    )
    kinds = (lead_kind(settings.lead_phone_fields), contact_kind(settings.contact_phone_fields))
    records = ZohoRecords(client, kinds, names, settings.concurrency, None if settings.workflows else ())

    own = OwnFields(settings)

    def connect(account: AccountView) -> CrmAdapter:
        return ZohoCrm(records, names, account, own)

    return connect


KNOWN_GAPS: Final = KnownGaps(
    fields=frozenset({"caller_extension", "linked_id", "legs"}),
    texts=frozenset({"NUL"}),
)

BY_DEFAULT: Final = "by default"
WITH_KEY_FIELD: Final = "with `call_key_field`"

ZOHO = AdapterType(
    name="zoho",
    title="Zoho CRM",
    settings=ZohoSettings,
    open=_open,
    consent=_consent,
    known_gaps=KNOWN_GAPS,
    variants={
        BY_DEFAULT: Declared(capabilities=CAPABILITIES, known_gaps=KNOWN_GAPS),
        WITH_KEY_FIELD: Declared(capabilities=WITH_KEY, known_gaps=KNOWN_GAPS),
    },
)
