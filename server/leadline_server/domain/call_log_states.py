"""The states of a call log, of its update, and why it is as it is."""

from enum import IntEnum


class CallLogState(IntEnum):
    """The state of a call log. Numbers as in the contract."""

    LOGGED = 1
    UNLOGGED = 2
    PENDING = 3
    FAILED = 4


class CallLogReason(IntEnum):
    """The reason of a state. Numbers as in the contract."""

    CONTACT_MATCHED = 1
    CONTACT_CHOSEN = 2
    MATCH_RESOLVED = 3
    PLACEHOLDER_CREATED = 4
    PLACEHOLDER_REUSED = 5
    NO_CONTACT = 6
    SEVERAL_CONTACTS = 7
    AUTO_LOGGING_OFF = 8
    NUMBER_WITHHELD = 9
    NUMBER_UNUSABLE = 10
    INTERNAL_CALL = 11
    EXCLUDED = 12
    NOT_FINAL = 13
    UNTRUSTED_CALLER = 14
    CRM_UNAVAILABLE = 15
    CRM_REJECTED = 16
    CRM_CANNOT_LOG = 17
    PLACEHOLDER_LIMIT = 18
    CONTACT_REMOVED = 19


class UpdateState(IntEnum):
    """Whether the CRM has the latest state of a call that is LOGGED. Numbers as in the contract."""

    NONE = 1
    PENDING = 2
    FAILED = 3


class LogTrigger(IntEnum):
    """The phone system, or a person, wants the call logged. Numbers as in the contract."""

    AUTOMATIC = 1
    MANUAL = 2
