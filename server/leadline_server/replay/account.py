"""The account's settings and directory, read before its calls are imported."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leadline.v1 import directory_pb2, preferences_pb2

from leadline_server.domain.numbers.numbering_rules import NumberingRules


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDetails:
    """An account's settings and directory, as far as they say how its call records are read.

    Attributes:
        time_zone: IANA name; empty where none was set.
        numbering: how its numbers are read.
        own_numbers: its own numbers, and those of its users.
        users: who has which extension. Users who are not active have none.
    """

    time_zone: str = ""
    numbering: NumberingRules = field(default_factory=lambda: NumberingRules("US"))
    own_numbers: tuple[str, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)


def account_details(settings: preferences_pb2.AccountSettings, users: Iterable[directory_pb2.User]) -> AccountDetails:
    """The details of an account with these settings and users."""
    known = list(users)
    active = [user for user in known if user.is_active or not user.HasField("is_active")]
    region = settings.default_region or "US"
    return AccountDetails(
        time_zone=settings.time_zone,
        numbering=NumberingRules(region, settings.extension_pattern, tuple(settings.dial_prefixes)),
        own_numbers=(*settings.own_numbers, *(number for user in known for number in user.phone_numbers)),
        users={extension: user.user_id for user in active for extension in user.extensions},
    )
