"""The settings of a connection to Pipedrive."""

from pydantic import Field, model_validator

from leadline_server.crm.toolkit.own_fields import SettingsWithFields
from leadline_server.crm.toolkit.url_settings import Origin
from leadline_server.secret_settings import Secret


class PipedriveSettings(SettingsWithFields):
    """One Pipedrive company. It needs `api_token`, or else `client_id`, `client_secret` and `refresh_token`."""

    company_domain: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", description="COMPANY in https://COMPANY.pipedrive.com."
    )
    api_token: Secret | None = Field(None, description="The personal API token of a user.")
    client_id: str = Field("", description="OAuth: the app's client id.")
    client_secret: Secret | None = Field(None, description="OAuth: the app's client secret.")
    refresh_token: Secret | None = Field(None, description="OAuth: the refresh token of the installation.")
    api_url: Origin | None = Field(None, description="The address of the API, if it is not the company's domain.")
    oauth_url: Origin = Field("https://oauth.pipedrive.com", description="OAuth: the address that refreshes tokens.")
    placeholder_field: str = Field(
        "", pattern=r"^([0-9a-f]{40})?$", description="The key of a text field of persons that marks placeholders."
    )
    requests_per_2_seconds: int = Field(20, ge=1, le=1_000_000, description="The token's burst limit.")
    searches_per_2_seconds: int = Field(10, ge=1, le=1_000_000, description="Its limit for searches.")

    @property
    def origin(self) -> str:
        """The address of the API."""
        return self.api_url or self.home

    @property
    def home(self) -> str:
        """The address that people use."""
        return f"https://{self.company_domain}.pipedrive.com"

    @model_validator(mode="after")
    def _one_way_in(self) -> "PipedriveSettings":
        oauth = (self.client_id, self.client_secret, self.refresh_token)
        if self.api_token is not None and any(oauth):
            raise ValueError("give api_token, or client_id, client_secret and refresh_token, not both")
        if self.api_token is None and not all(oauth):
            raise ValueError("api_token is needed, or else client_id, client_secret and refresh_token")
        return self
