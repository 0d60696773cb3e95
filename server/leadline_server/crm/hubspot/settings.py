"""The settings of a connection to HubSpot."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from leadline_server.crm.hubspot.paths import API_VERSION
from leadline_server.crm.toolkit.own_fields import SettingsWithFields
from leadline_server.crm.toolkit.url_settings import Origin
from leadline_server.secret_settings import Secret

LIFECYCLE_STAGES: Final = (
    "lead",
    "subscriber",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
"""The stages of a new account (HubSpot's "Default contact properties")."""

Property = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
"""A property's internal name."""

OptionalProperty = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*)?$")]
"""A property's internal name, or an empty text."""


class HubSpotSettings(SettingsWithFields):
    """One HubSpot account. It needs `token`, or else `client_id`, `client_secret` and `refresh_token`."""

    token: Secret | None = Field(None, description="A service key, or a private app's access token.")
    client_id: str = Field("", description="OAuth: the app's client id.")
    client_secret: Secret | None = Field(None, description="OAuth: the app's client secret.")
    refresh_token: Secret | None = Field(None, description="OAuth: the refresh token of the installation.")
    api_url: Origin = Field("https://api.hubapi.com", description="The address of the API.")
    api_version: str = Field(API_VERSION, pattern=r"^20\d\d-(03|09)$", description="The dated version of the API.")
    app_url: Origin = Field("https://app.hubspot.com", description="The address that people use, for links.")
    portal_id: str = Field("", pattern=r"^\d*$", description="The account's Hub ID. Empty: there are no links.")
    lifecycle_stages: tuple[str, ...] = Field(
        LIFECYCLE_STAGES, description="Internal names of the account's lifecycle stages. The first is for new contacts."
    )
    placeholder_property: OptionalProperty = Field(
        "", description="A single checkbox property of contacts that marks placeholders."
    )
    call_id_property: OptionalProperty = Field(
        "", description="A property of calls that requires unique values, for the call's id."
    )
    more_phone_properties: tuple[Property, ...] = Field(
        (), max_length=6, description="Further properties of contacts with numbers, besides `phone` and `mobilephone`."
    )
    dispositions: dict[str, str] = Field(
        default_factory=dict, description="Call outcomes: a reported disposition, and HubSpot's id for it."
    )
    requests_per_10_seconds: int = Field(100, ge=10, le=1_000_000, description="The account's rate limit.")
    searches_per_second: int = Field(5, ge=1, le=1_000_000, description="Its rate limit for searches.")

    @model_validator(mode="after")
    def _one_way_in(self) -> "HubSpotSettings":
        oauth = (self.client_id, self.client_secret, self.refresh_token)
        if self.token is not None and any(oauth):
            raise ValueError("give token, or client_id, client_secret and refresh_token, not both")
        if self.token is None and not all(oauth):
            raise ValueError("token is needed, or else client_id, client_secret and refresh_token")
        return self
