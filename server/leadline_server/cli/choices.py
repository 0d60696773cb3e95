"""The values of the contract's enums as words of the command line: `INBOUND` of `CALL_DIRECTION_INBOUND`.

Importing the contract would slow the start of every command, so the words are repeated here. A test compares both.
"""

from enum import StrEnum, auto
from typing import Any


class Direction(StrEnum):
    """The values of CallDirection."""

    INBOUND = auto()
    OUTBOUND = auto()
    INTERNAL = auto()


class Result(StrEnum):
    """The values of CallResult."""

    ANSWERED = auto()
    NO_ANSWER = auto()
    BUSY = auto()
    REJECTED = auto()
    CANCELED = auto()
    FAILED = auto()
    VOICEMAIL = auto()


class Verified(StrEnum):
    """The values of Attestation."""

    A = auto()
    B = auto()
    C = auto()
    FAILED = auto()


class State(StrEnum):
    """The values of CallLogState."""

    LOGGED = auto()
    UNLOGGED = auto()
    PENDING = auto()
    FAILED = auto()


class Reason(StrEnum):
    """The values of CallLogReason."""

    CONTACT_MATCHED = auto()
    CONTACT_CHOSEN = auto()
    MATCH_RESOLVED = auto()
    PLACEHOLDER_CREATED = auto()
    PLACEHOLDER_REUSED = auto()
    NO_CONTACT = auto()
    SEVERAL_CONTACTS = auto()
    AUTO_LOGGING_OFF = auto()
    NUMBER_WITHHELD = auto()
    NUMBER_UNUSABLE = auto()
    INTERNAL_CALL = auto()
    EXCLUDED = auto()
    NOT_FINAL = auto()
    UNTRUSTED_CALLER = auto()
    CRM_UNAVAILABLE = auto()
    CRM_REJECTED = auto()
    CRM_CANNOT_LOG = auto()
    PLACEHOLDER_LIMIT = auto()
    CONTACT_REMOVED = auto()


def word(enum: Any, number: int) -> str:
    """An enum's value without its prefix, such as `INBOUND`; empty for UNSPECIFIED.

    A value of a newer contract is its number, such as `99`.

    Args:
        enum: the generated enum, or its descriptor.
        number: the value.
    """
    if not number:
        return ""
    descriptor = getattr(enum, "DESCRIPTOR", enum)
    found = descriptor.values_by_number.get(number)
    prefix = descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return found.name.removeprefix(prefix) if found else str(number)
