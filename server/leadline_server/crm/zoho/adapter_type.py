"""Zoho CRM as a kind of adapter: its settings, and a connection of them."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.adapter_type import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    ConnectionSettings,
    Declared,
    KnownGaps,
)
from leadline_server.crm.toolkit.oauth import OAuthGrant, oauth
from leadline_server.crm.toolkit.secret_settings import Secret
from leadline_server.crm.toolkit.url_settings import Origin
from leadline_server.crm.zoho.adapter import CAPABILITIES, WITH_KEY, ZohoCrm
from leadline_server.crm.zoho.errors import failure
from leadline_server.crm.zoho.records import ZohoRecords
from leadline_server.crm.zoho.wire import MOST_TEXT, ZohoNames, contact_kind, lead_kind
from leadline_server.ports.crm import CrmAdapter

FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")]
OptionalFieldName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z][A-Za-z0-9_]{0,99})?$")]

DataCenter = Literal["com", "eu", "in", "com.au", "jp", "com.cn", "sa", "ca"]

_CANADA: Final = "ca"


class ZohoSettings(ConnectionSettings):
    """What can be set of a connection to Zoho CRM."""

    data_center: DataCenter = Field(
        "com", description="Where the organization is: the end of the address that people use."
    )
    client_id: str = Field(description="The client id of the self client or server-based application.")
    client_secret: Secret = Field(description="Its client secret.")
    refresh_token: Secret = Field(description="The refresh token granted to it.")
    call_key_field: OptionalFieldName = Field(
        "", description="The API name of a single-line field of calls that keeps the call's key; empty: there is none."
    )
    placeholder_field: OptionalFieldName = Field(
        "", description="The API name of a checkbox of leads and contacts that marks placeholders; empty: no mark."
    )
    contact_phone_fields: tuple[FieldName, ...] = Field(
        ("Phone", "Mobile", "Home_Phone", "Other_Phone"),
        min_length=1,
        max_length=10,
        description="The contacts' fields with numbers; a new contact's goes into the first.",
    )
    lead_phone_fields: tuple[FieldName, ...] = Field(
        ("Phone", "Mobile"),
        min_length=1,
        max_length=10,
        description="The leads' fields with numbers; a new lead's goes into the first.",
    )
    lead_company: str = Field(
        "Unknown", min_length=1, max_length=MOST_TEXT, description="Stands in for a new lead's company."
    )
    workflows: bool = Field(True, description="Whether workflows, approvals and blueprints run on what is written.")
    concurrency: int = Field(10, ge=1, le=100, description="Requests under way at once, of this process.")
    api_url: Origin | None = Field(None, description="Where the API is, if not where the data centre has it.")
    accounts_url: Origin | None = Field(
        None, description="Where tokens are got, if not where the data centre has them."
    )


def addresses(settings: ZohoSettings) -> tuple[str, str, str]:
    """Where the API is, where tokens are got, and what people use."""
    end = settings.data_center
    zoho = f"zohocloud.{end}" if end == _CANADA else f"zoho.{end}"
    api = settings.api_url or f"https://www.zohoapis.{end}"
    return api, settings.accounts_url or f"https://accounts.{zoho}", f"https://crm.{zoho}"


async def _open(settings: ZohoSettings, around: AdapterContext) -> Connect:
    """A connection. The `api_domain` in token answers is not gone by: requests go where the settings say."""
    api, accounts, web = addresses(settings)
    grant = OAuthGrant(
        token_url=f"{accounts}/oauth/v2/token",
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        refresh_token=settings.refresh_token.get_secret_value(),
        scheme="Zoho-oauthtoken",
    )
    authorizer = oauth(grant, around)
    client = HttpClient(around.session, f"{api}/crm/v8", authorizer, failure=failure)
    words = ZohoNames(
        company=settings.lead_company,
        placeholder_field=settings.placeholder_field,
        key_field=settings.call_key_field,
        web_url=web,
    )
    kinds = (lead_kind(settings.lead_phone_fields), contact_kind(settings.contact_phone_fields))
    records = ZohoRecords(client, kinds, words, settings.concurrency, None if settings.workflows else ())

    def connect(account: AccountView) -> CrmAdapter:
        return ZohoCrm(records, words, account)

    return connect


LOSSES: Final = KnownGaps(
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
    known_gaps=LOSSES,
    variants={
        BY_DEFAULT: Declared(capabilities=CAPABILITIES, known_gaps=LOSSES),
        WITH_KEY_FIELD: Declared(capabilities=WITH_KEY, known_gaps=LOSSES),
    },
)
