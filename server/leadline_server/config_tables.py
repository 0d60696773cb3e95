"""The tables of the settings file for accounts and connections."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from leadline_server.config_values import (
    check_region,
    check_time_zone,
)
from leadline_server.ingress.settings import RouteConfig, RouteName

DEMO_ACCOUNT: Final = "demo"
EMBEDDED: Final = "embedded"
"""The connection to the CRM in the data directory, which needs no table."""


class AccountConfig(BaseModel):
    """An account that exists from the start. Its values are those of a new account; RPCs change them later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_region: Annotated[str, AfterValidator(check_region)] = Field(
        "US", description="The region of numbers without a country code, as an ISO 3166-1 code."
    )
    time_zone: Annotated[str, AfterValidator(check_time_zone)] | None = Field(
        None, description="The IANA time zone in which people see times. Without it they see UTC."
    )
    connection: str = Field(EMBEDDED, description="The connection to the account's CRM: a table [connections.NAME].")
    ingress: dict[RouteName, RouteConfig] = Field(
        default_factory=dict,
        description="The phone systems that report calls by webhooks, tables [accounts.ID.ingress.NAME].",
    )
    calls_per_second: float | None = Field(
        None, ge=0, le=100_000, description="The account's own account_calls_per_second."
    )
    bytes_per_minute: int | None = Field(
        None, ge=0, le=2**40, description="The account's own account_bytes_per_minute."
    )
    in_flight_bytes: int | None = Field(None, ge=0, le=2**40, description="The account's own account_in_flight_bytes.")
    watches: int | None = Field(None, ge=0, le=100_000, description="The account's own account_watches.")
    stored_bytes: int | None = Field(None, ge=0, le=2**50, description="The account's own account_stored_bytes.")


class ConnectionTable(BaseModel):
    """A connection to a CRM: its adapter, and that adapter's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    adapter: str = Field(description="The adapter's name; `leadline adapter list` shows them.")
    search_lag_seconds: float | None = Field(
        None, ge=0, le=3600, description="Seconds until this CRM's search shows a new contact."
    )
    settle_seconds: float | None = Field(
        None, ge=0, le=3600, description="Seconds in which a write without an answer may still take effect."
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Leave the adapter's own settings out: some are secrets, and only the adapter knows which."""
        return [(name, value) for name, value in super().__repr_args__() if name in type(self).model_fields]

    @property
    def options(self) -> dict[str, Any]:
        """The adapter's own settings."""
        return dict(self.model_extra or {})
