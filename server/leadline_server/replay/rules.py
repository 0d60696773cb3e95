"""How one phone system's records are read: its extensions and users, its contexts, its clock."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo

from leadline_server.domain.call import CallDirection
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.short_numbers import is_in_service_range, is_own_extension
from leadline_server.replay.clock_texts import DateOrder
from leadline_server.replay.own_numbers import OwnNumbers
from leadline_server.replay.records import UnusableFile

# Dial plan contexts whose names say where a call comes from or goes to; names as FreePBX and the Asterisk samples use
# them, and `public` of FreeSWITCH's samples. `from-internal` is not here: calls to colleagues and calls to the outside
# both start in it. Nor is FreeSWITCH's `default`.
_INBOUND_CONTEXTS = (
    "from-trunk*",
    "from-pstn*",
    "from-external*",
    "from-outside*",
    "from-did*",
    "from-sip-external*",
    "from-dahdi*",
    "from-zaptel*",
    "ext-did*",
    "incoming*",
    "inbound*",
    "public",
)
_OUTBOUND_CONTEXTS = ("outbound*", "outgoing*", "outrt-*", "macro-dialout*")

# Asterisk's special extensions: start, invalid, timeout, hangup, operator, attendant, exception, absolute timeout.
_SPECIAL = frozenset({"", "s", "i", "t", "h", "o", "a", "e", "T"})
_FEATURE_CODE = re.compile(r"[*#][\d*#]{0,6}")


class Target(Enum):
    """The kinds of dialled strings."""

    EXTENSION = auto()
    FEATURE_CODE = auto()  # such as *97; it never leaves the phone system
    DIAL_PLAN = auto()  # Asterisk's `s` and its like: no number at all
    NUMBER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the records of one phone system are read, by the person's options and the account's settings.

    Attributes:
        time_zone: of times without an offset.
        date_order: whether 10/5/2026 is in October or in May; None where the file has no such date.
        users: who has which extension.
        default_user: the user of calls that no extension claims. Empty: such calls are skipped.
        numbering: how the account's numbers are read: its region, and what its extensions look like.
        own_numbers: numbers outside that are the account's own. Calls to them are no calls to customers.
        inbound_contexts, outbound_contexts, internal_contexts: dial plan contexts (`*` stands for anything) that tell
            the direction whatever the numbers look like.
        default_direction: of records that do not tell theirs; None where they are skipped.
    """

    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    date_order: DateOrder | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    default_user: str = ""
    numbering: NumberingRules = field(default_factory=lambda: NumberingRules("US"))
    own_numbers: OwnNumbers = field(default_factory=OwnNumbers)
    inbound_contexts: tuple[str, ...] = ()
    outbound_contexts: tuple[str, ...] = ()
    internal_contexts: tuple[str, ...] = ()
    default_direction: CallDirection | None = None

    def is_extension(self, text: str) -> bool:
        """Whether this is one of the phone system's own extensions: one with a user, or one that looks like it."""
        return text in self.users or is_own_extension(text, self.numbering)

    def target(self, dialled: str) -> Target:
        """The kind of a dialled string."""
        if self.is_extension(dialled):
            return Target.EXTENSION
        if dialled in _SPECIAL:
            return Target.DIAL_PLAN
        if is_in_service_range(dialled, self.numbering.region):
            return Target.NUMBER
        return Target.FEATURE_CODE if _FEATURE_CODE.fullmatch(dialled) else Target.NUMBER

    def user_of(self, *extensions: str) -> str | None:
        """The user of the first of these extensions that has one."""
        return next((self.users[extension] for extension in extensions if extension in self.users), None)

    def direction(self, context: str, *, caller_is_ours: bool, callee_is_ours: bool) -> CallDirection | None:
        """The direction of a call, None where nothing tells it (neither side is ours).

        The contexts given by the person go first, then contexts that are named after a direction, then the sides, then
        the person's `default_direction`.
        """
        by_context = _direction_of(
            context,
            (self.internal_contexts, self.inbound_contexts, self.outbound_contexts),
            ((), _INBOUND_CONTEXTS, _OUTBOUND_CONTEXTS),
        )
        if by_context is not None:
            return by_context
        if caller_is_ours:
            return CallDirection.INTERNAL if callee_is_ours else CallDirection.OUTBOUND
        return CallDirection.INBOUND if callee_is_ours else self.default_direction


def _direction_of(context: str, *tables: tuple[Iterable[str], Iterable[str], Iterable[str]]) -> CallDirection | None:
    name = context.lower()
    directions = (CallDirection.INTERNAL, CallDirection.INBOUND, CallDirection.OUTBOUND)
    for table in tables:
        for direction, patterns in zip(directions, table, strict=True):
            if any(fnmatchcase(name, pattern.lower()) for pattern in patterns):
                return direction
    return None


def read_users(path: Path) -> dict[str, str]:
    """The users by extension, from a CSV file with the columns extension and user; a header is optional.

    Raises:
        UnusableFile: a row has not both, or an extension has two users.
    """
    users: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.reader(stream), start=1):
            cells = [cell.strip() for cell in row]
            if not any(cells) or (number == 1 and [cell.lower() for cell in cells] == ["extension", "user"]):
                continue
            if len(cells) != 2 or not all(cells):  # noqa: PLR2004 the two columns
                raise UnusableFile(f"{path}, line {number}: expected two values, extension and user")
            add_user(users, *cells)
    return users


def add_user(users: dict[str, str], extension: str, user: str) -> None:
    """Gives an extension its user.

    Raises:
        UnusableFile: it has another one already.
    """
    if users.setdefault(extension, user) != user:
        raise UnusableFile(f"extension {extension} has two users, {users[extension]} and {user}")
