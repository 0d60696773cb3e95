"""The contract's words as the command line has them: lower case, without their prefixes.

They are written out, since reading them from the contract would slow the start of every command; a test compares both.
"""

from enum import StrEnum, auto
from typing import Any


class Direction(StrEnum):
    """CallDirection."""

    INBOUND = auto()
    OUTBOUND = auto()
    INTERNAL = auto()


class Result(StrEnum):
    """CallResult."""

    ANSWERED = auto()
    NO_ANSWER = auto()
    BUSY = auto()
    REJECTED = auto()
    CANCELED = auto()
    FAILED = auto()
    VOICEMAIL = auto()


class Verified(StrEnum):
    """Attestation."""

    A = auto()
    B = auto()
    C = auto()
    FAILED = auto()


class State(StrEnum):
    """CallLogState."""

    LOGGED = auto()
    UNLOGGED = auto()
    PENDING = auto()
    FAILED = auto()


class Reason(StrEnum):
    """CallLogReason."""

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


def word(enum: Any, number: int) -> str:
    """A value of the contract's enum without its prefix; empty for UNSPECIFIED, the number for one not known here.

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
