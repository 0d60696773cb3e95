"""The facts that a decision reads, and its possible outcomes."""

from dataclasses import dataclass
from typing import Final

from leadline_server.domain.call import Call
from leadline_server.domain.call_log import Decision
from leadline_server.domain.call_log_states import CallLogReason, LogTrigger
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.fast_init import fast_init, maker
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.unshown import unshown


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The call, and who wants it logged.

    Attributes:
        call: everything known of the call.
        user_id: the log's user.
        number: the other party's number.
        trigger: the phone system (AUTOMATIC) or a person (MANUAL).
        chosen: the contact that a person chose, if any.
        is_own: whether that number is the account's own.
        wait_is_over: whether leadline no longer waits for more reports, final or not.
        can_log: whether the CRM can log calls.
        finds_every_form: whether the CRM finds a number however it is stored there.
        create_without_log: whether the account wants placeholders although the CRM cannot.
        caller_id_prefixes: the account's labels before caller-ID names.
        region: the account's region, which decides how a caller-ID name is written.
    """

    call: Call
    user_id: str
    number: PhoneNumber
    trigger: LogTrigger = LogTrigger.AUTOMATIC
    chosen: Contact | None = None
    is_own: bool = False
    wait_is_over: bool = False
    can_log: bool = True
    finds_every_form: bool = True
    create_without_log: bool = False
    caller_id_prefixes: tuple[str, ...] = ()
    region: str = ""


@fast_init
@dataclass(frozen=True, slots=True)
class LookUp:
    """No outcome yet: look the number up, then decide again.

    Attributes:
        number: the other party's number.
        numbers: the number, and its other reading where what was dialled has two.
    """

    number: PhoneNumber
    numbers: tuple[PhoneNumber, ...]


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePlaceholder:
    """Create a contact for the number, then log the call against it if the CRM can log calls."""

    number: PhoneNumber
    name: str
    contact_type: str
    explanation: str
    can_log: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveUnlogged:
    """Write nothing to the CRM; a person can still log the call."""

    reason: CallLogReason
    explanation: str
    candidates: tuple[ContactMatch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Decide once the call is final, or once no report has come for FINAL_WAIT."""

    explanation: str


new_situation: Final = maker(Situation)
new_look_up: Final = maker(LookUp)
new_create_placeholder: Final = maker(CreatePlaceholder)

Outcome = Decision | CreatePlaceholder | LeaveUnlogged | Wait


def unlogged(reason: CallLogReason, explanation: str, candidates: tuple[ContactMatch, ...] = ()) -> LeaveUnlogged:
    """The outcome that a call stays unlogged."""
    return LeaveUnlogged(reason=reason, explanation=explanation, candidates=candidates)
