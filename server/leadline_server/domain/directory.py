"""The directory: which extensions, numbers and e-mail addresses belong to which user of an account.

    User(user_id="jane", extensions=("101",), phone_numbers=("+12025550101",), emails=("jane@example.com",))

A phone system that knows no user ids reports extensions and numbers. `DirectoryIndex` finds the user by them, and tells
the account's own numbers from those of other people.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.domain.unshown import unshown

MAX_USERS: Final = 10_000
"""Users of one account. The index of them all is kept in memory."""

MAX_ENTRIES: Final = 16
"""Extensions, numbers and addresses of one user, each."""


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user. `phone_numbers` are E.164, `emails` are in lower case."""

    user_id: str
    name: str = ""
    extensions: tuple[str, ...] = ()
    phone_numbers: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    crm_user_id: str = ""
    is_active: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that reports find the user by, with their kinds: `x:101`, `n:+12025550101`, `m:jane@example.com`."""
        return (
            *(f"x:{extension}" for extension in self.extensions),
            *(f"n:{number}" for number in self.phone_numbers),
            *(f"m:{email}" for email in self.emails),
        )


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class CrmUser:
    """A user of an account's CRM: someone who can own contacts and logs there.

    Attributes:
        id: the CRM's id, such as `41629779`: the value of `User.crm_user_id`.
        name: the name for people; may be empty.
        email: the e-mail address as the CRM has it; may be empty.
        is_active: whether the CRM still lets the user work.
    """

    id: str
    name: str = ""
    email: str = ""
    is_active: bool = True


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryIndex:
    """The users of one account, by their keys.

    Attributes:
        users: user ids by key, of active users and others.
        inactive: the ids of users that reports do not find.
        crm_user_ids: the CRM's ids of those users who have one.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    inactive: frozenset[str] = frozenset()
    crm_user_ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def addresses(self) -> frozenset[str]:
        """The numbers and extensions of all users, active or not: {"+12025550101", "101"}."""
        return frozenset(key[len("n:") :] for key in self.users if key.startswith(("n:", "x:")))

    def user_of(self, event: CallEvent, rules: RulesOrRegion) -> str:
        """The user whose call a report tells of; empty where its parties name none."""
        for party in _parties(event):
            if user_id := party.get("user_id") or self._found(party, rules):
                return str(user_id)
        return ""

    def _found(self, party: Mapping[str, Any], rules: RulesOrRegion) -> str:
        for key in _keys(party, rules):
            user_id = self.users.get(key, "")
            if user_id and user_id not in self.inactive:
                return user_id
        return ""


EMPTY: Final = DirectoryIndex()


def described(event: CallEvent) -> str:
    """The kinds of keys that a report's parties had, for an error. Kinds only: numbers are not repeated."""
    kinds = {"extension": "extension", "phone_number": "number", "user_id": "user_id"}
    given = {kinds[name] for party in _parties(event) for name, value in party.items() if value and name in kinds}
    return ", ".join(sorted(given)) or "nothing: the report names no party on the user's side"


def _parties(event: CallEvent) -> Iterator[Mapping[str, Any]]:
    """The parties that may be the account's user, the likeliest first."""
    legs = [(fields, _leg_party(fields)) for fields in event.legs.values()]
    yield from (party for fields, party in legs if _is_answered(fields))
    direction = event.fields.get("direction")
    sides = ("callee", "caller") if direction is not CallDirection.OUTBOUND else ("caller", "callee")
    # The other side of a call with the outside is not the account's; without a direction either may be.
    wanted = sides[:1] if direction in (CallDirection.INBOUND, CallDirection.OUTBOUND) else sides
    yield from (_side(event, side) for side in wanted)
    yield from (party for fields, party in legs if not _is_answered(fields))


def _side(event: CallEvent, side: str) -> dict[str, Any]:
    prefix = f"{side}."
    return {name.removeprefix(prefix): value for name, value in event.fields.items() if name.startswith(prefix)}


def _leg_party(fields: Mapping[str, Any]) -> dict[str, Any]:
    party = {name.removeprefix("party."): value for name, value in fields.items() if name.startswith("party.")}
    return party | ({"user_id": fields["user_id"]} if fields.get("user_id") else {})


def _is_answered(fields: Mapping[str, Any]) -> bool:
    return fields.get("result") is CallResult.ANSWERED or fields.get("answer_time") is not None


def _keys(party: Mapping[str, Any], rules: RulesOrRegion) -> Iterator[str]:
    """The keys that a party may be found by."""
    if extension := party.get("extension"):
        yield f"x:{extension}"
    written = party.get("phone_number")
    if not written:
        return
    if key := _number_key(parse_number(written, rules)):
        yield key
    if "@" in written:  # `sip:jane@example.com`, `jane@example.com`
        yield f"m:{written.partition(':')[2] if ':' in written else written}".partition(";")[0].casefold()


def _number_key(number: PhoneNumber) -> str:
    if number.e164:
        return f"n:{number.e164}"
    return f"x:{number.extension}" if number.extension else ""
