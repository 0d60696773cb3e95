"""Placeholders that calls create: their limits, and whether anyone touched one since.

Example: account demo may create 200 placeholders an hour. At 15:20 UTC the 201st unknown caller since 15:00 calls. The
call stays UNLOGGED with the reason PLACEHOLDER_LIMIT.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from leadline_server.domain.call import Attestation
from leadline_server.domain.fast_init import fast_init
from leadline_server.domain.preferences import AccountSettings
from leadline_server.domain.unshown import unshown

_ATTESTED: Final = frozenset({Attestation.A, Attestation.B})
"""The carrier knows its customer who makes the call (ATIS-1000074, "full" and "partial" attestation)."""

_PERCENT: Final = 100


class PlaceholderLimit(NamedTuple):
    """How many placeholders the calls of one scope may create. Example: `("user:alice", 20, 50)`.

    Attributes:
        scope: the calls that count together: `account`, `unattested`, `user:ID`.
        per_hour: in one hour of UTC. None: no limit.
        per_day: in `placeholder_bounds.DAY_HOURS` such hours. None: no limit.
    """

    scope: str
    per_hour: int | None
    per_day: int | None


class LimitPeriod(StrEnum):
    """The time that a limit is for; the values are words for explanations."""

    HOUR = "an hour"
    DAY = "a day"
    REPLAY = "in a replay"


class LimitReached(NamedTuple):
    """A limit that leaves no room for a placeholder.

    Attributes:
        scope: of the limit, as in PlaceholderLimit; `replay` for that of a replay.
        limit: how many placeholders it allows.
        period: in which time.
        is_first: whether this is the account's first refusal in this hour, or the first of the replay.
    """

    scope: str
    limit: int
    period: LimitPeriod
    is_first: bool

    @property
    def sentence(self) -> str:
        """The limit in words: "The account's limit of 200 placeholders an hour is reached"."""
        kind, _, user_id = self.scope.partition(":")
        owner = {"user": f"{user_id}'s", "unattested": "The account's share for unattested calls, its"}
        named = owner.get(kind, "The replay's" if kind == "replay" else "The account's")
        return f"{named} limit of {self.limit} placeholders {self.period} is reached"


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The room that the creation of a placeholder takes in the limits, and the placeholder's name and number.

    Attributes:
        name, phone_number: of the contact. The number is in E.164.
        limits: the limits that its call counts against.
        replay_id: the replay whose limit counts instead; empty: a live call.
        user_id, call_id: of the call, for the audit trail.
    """

    name: str
    phone_number: str
    limits: tuple[PlaceholderLimit, ...] = ()
    replay_id: str = ""
    user_id: str = ""
    call_id: str = ""


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A placeholder that a call created, as it was then."""

    contact_id: str
    name: str
    phone_number: str
    create_time: datetime


class PlaceholderState(IntEnum):
    """Whether anyone touched a placeholder. Numbers as in the contract."""

    UNTOUCHED = 1
    TOUCHED = 2
    UNKNOWN = 3
    GONE = 4


class PlaceholderCheck(NamedTuple):
    """A state, and the sentence that says why."""

    state: PlaceholderState
    explanation: str


def limits_of(settings: AccountSettings, user_id: str, attestation: Attestation | None) -> tuple[PlaceholderLimit, ...]:
    """The limits that a call of this user counts against."""
    per_hour, per_day = settings.placeholder_limit_per_hour, settings.placeholder_limit_per_day
    limits = [PlaceholderLimit("account", per_hour, per_day)]
    share = settings.placeholder_unattested_percent
    if share < _PERCENT and attestation not in _ATTESTED:
        limits.append(PlaceholderLimit("unattested", per_hour * share // _PERCENT, per_day * share // _PERCENT))
    of_user = settings.placeholder_limit_per_user_per_hour, settings.placeholder_limit_per_user_per_day
    if of_user != (None, None):
        limits.append(PlaceholderLimit(f"user:{user_id}", *of_user))
    return tuple(limits)
