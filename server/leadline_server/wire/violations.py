"""Collects all broken rules of a request, so that one answer names them all."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from leadline_server.domain.clean_text import is_safe_id
from leadline_server.domain.errors import FieldViolation, InvalidRequest
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number

ID_LENGTH: Final = 128
"""The most characters of the ids of accounts, users, calls, contacts and legs."""

TOKEN_LENGTH: Final = 1024
"""The most characters of page tokens and resume tokens."""

DEFAULT_PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 1000
NUMBER_LENGTH: Final = 64
SIP_URI_LENGTH: Final = 256
URL_LENGTH: Final = 2048

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# google/protobuf/timestamp.proto: from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
_NANOS: Final = 1_000_000_000

_has_control = re.compile(r"[\x00-\x1f\x7f-\x9f]").search
_has_control_but_layout = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]").search
_is_web_address = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE).fullmatch

_is_sip_uri = re.compile(r"sips?:", re.IGNORECASE).search

_Member = TypeVar("_Member")


class Violations:
    """The broken rules of one request. Each method checks a value, and returns it as the domain has it.

    After a violation the returned value is not usable. `raise_any` makes sure that it is not used.
    """

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[FieldViolation] = []

    def __bool__(self) -> bool:
        """Whether a rule is broken so far."""
        return bool(self._found)

    def add(self, field: str, description: str) -> None:
        """Add a broken rule: the path of the field, such as `call.legs[0].id`, and a sentence."""
        self._found.append(FieldViolation(field, description))

    def sentences(self) -> list[str]:
        """The broken rules as texts: `call.id: Required.` and the like."""
        return [f"{violation.field}: {violation.description}" for violation in self._found]

    def raise_any(self) -> None:
        """Raise InvalidRequest with all broken rules, if there are any."""
        if self._found:
            raise InvalidRequest(self._found)

    def identifier(self, field: str, value: str) -> str:
        """A required id."""
        if not value:
            self.add(field, "Required.")
        return self.optional_id(field, value)

    def optional_id(self, field: str, value: str) -> str:
        """An id that may be empty: without control characters, and without format characters, which are invisible."""
        if value and not is_id(value):
            is_long = len(value) > ID_LENGTH
            self.add(
                field,
                f"At most {ID_LENGTH} characters; there are {len(value)}."
                if is_long
                else "No control characters and no format characters.",
            )
        return value

    def account_and_user(self, account_id: str, user_id: str) -> None:
        """The required `account_id`, and the `user_id` that may be empty."""
        self.identifier("account_id", account_id)
        self.optional_id("user_id", user_id)

    def text(self, field: str, value: str, limit: int = ID_LENGTH) -> str:
        """One line of at most `limit` characters."""
        if len(value) > limit:
            self.add(field, f"At most {limit} characters; there are {len(value)}.")
        elif _has_control(value):
            self.add(field, "No control characters.")
        return value

    def long_text(self, field: str, value: str, limit: int) -> str:
        """Several lines of at most `limit` characters together."""
        if len(value) > limit:
            self.add(field, f"At most {limit} characters; there are {len(value)}.")
        elif _has_control_but_layout(value):
            self.add(field, "No control characters but line feeds, carriage returns and tabs.")
        return value

    def number_text(self, field: str, value: str) -> str | None:
        """A phone number as it was written; None if it is too long. Only the length is checked."""
        if len(value) > NUMBER_LENGTH:
            limit = SIP_URI_LENGTH if _is_sip_uri(value) else NUMBER_LENGTH
            if len(value) > limit:
                self.add(field, f"At most {limit} characters; there are {len(value)}.")
                return None
        return value

    def readable_number(self, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
        """The number in `text`; a violation if `text` is not a number. A withheld number is readable.

        Example: "020 7946 0123" in region GB is +442079460123; in region US it is a violation.

        Like the methods below it returns None if `text` is too long, or if the rules are None. The rules are None if
        the request names no account that exists; then only the length is checked.
        """
        number = self._number(field, text, rules)
        if number is not None and rules and number.kind is NumberKind.UNUSABLE:
            self.add(field, f"Not a phone number in region {rules.region}.")
        return number

    def searchable_number(self, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
        """The number in `text`; a violation if no contact can be found by it."""
        number = self._number(field, text, rules)
        if number is not None and rules and not number.key:
            self.add(field, f"Not a phone number that a contact can be found by, read in region {rules.region}.")
        return number

    def dialable_number(self, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
        """The number in `text`; a violation if it cannot be dialled from outside."""
        number = self._number(field, text, rules)
        if number is not None and rules and number.kind is not NumberKind.DIALABLE:
            self.add(field, f"Not a phone number that can be dialled from outside, read in region {rules.region}.")
        return number

    def _number(self, field: str, text: str, rules: NumberingRules | None) -> PhoneNumber | None:
        written = self.number_text(field, text)
        return None if written is None or rules is None else parse_number(written, rules)

    def web_address(self, field: str, value: str) -> str:
        """An http or https address; the empty string passes."""
        if self.text(field, value, URL_LENGTH) and not _is_web_address(value):
            self.add(field, "Must be an http or https address.")
        return value

    def member(self, field: str, value: int, members: Mapping[int, _Member]) -> _Member | None:
        """The enum's member with this number; None after a violation."""
        found = members.get(value)
        if found is None:
            self.add(field, "Must be set." if value == 0 else f"{value} is not a value of this enum.")
        return found

    def members(self, field: str, values: Iterable[int], members: Mapping[int, _Member]) -> tuple[_Member, ...]:
        """The enum's members with these numbers, each once."""
        found = (self.member(f"{field}[{index}]", value, members) for index, value in enumerate(values))
        return tuple(dict.fromkeys(member for member in found if member is not None))

    def time(self, field: str, value: Timestamp) -> datetime | None:
        """A point in time, to the microsecond; None after a violation."""
        seconds, nanos = value.seconds, value.nanos
        time = point_in_time(seconds, nanos)
        if time is None:
            is_second = _FIRST_SECOND <= seconds <= _LAST_SECOND
            rule = (
                "`nanos` must be between 0 and 999,999,999." if is_second else "Must be between the years 1 and 9999."
            )
            self.add(field, rule)
        return time

    def count(self, field: str, value: int, most: int) -> int:
        """A number from 0 to `most`."""
        if not 0 <= value <= most:
            self.add(field, f"Must be between 0 and {most}.")
        return value

    def page_size(self, value: int) -> int:
        """The most entries of a page; 0 means the default."""
        if not 0 <= value <= MAX_PAGE_SIZE:
            self.add("page_size", f"Must be between 0 and {MAX_PAGE_SIZE}.")
        return value or DEFAULT_PAGE_SIZE


def is_id(text: str) -> bool:
    """Whether a text is an id, or empty."""
    return len(text) <= ID_LENGTH and (text.isprintable() or is_safe_id(text))


def point_in_time(seconds: int, nanos: int) -> datetime | None:
    """The time so long after 1970, to the microsecond; None if it is outside of the years 1 to 9999."""
    if not (_FIRST_SECOND <= seconds <= _LAST_SECOND and 0 <= nanos < _NANOS):
        return None
    return _EPOCH + timedelta(0, seconds, nanos // 1000)
