"""The defaults of all that a stored call log holds never change: its document leaves them out (decision 78)."""

import typing
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Final, TypeAlias

from leadline_server.domain.call import Call, CallLeg, Party
from leadline_server.domain.call_log import CallLog, Decision
from leadline_server.domain.call_log_states import CallLogState, LogTrigger
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.linked_calls import JoinedCalls, LinkedCall
from leadline_server.domain.merge import Stamp, Stamps
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber

Defaults: TypeAlias = dict[str, tuple[type, object]]
"""The type and the value of each default by `Class.field`. 0, False, "", () and None are all different."""

REQUIRED: Final = MISSING
DEFAULTS: Final[dict[type, Sequence[tuple[object, str]]]] = {
    CallLog: (
        (REQUIRED, "account_id user_id call pending_since last_news_time create_time update_time"),
        (None, "reason contact decision next_attempt_time lease_until unsettled_until joined"),
        ("", "explanation crm_log_id crm_log_url chosen_contact_id lease_owner last_error replay_id"),
        ((), "candidates linked_call_ids reporters"),
        (0, "decided_revision delivered_revision attempts omitted_leg_count"),
        (1, "input_revision content_revision revision"),
        (False, "user_answered"),
        (CallLogState.PENDING, "state"),
        (LogTrigger.AUTOMATIC, "trigger"),
        (PhoneNumber("", NumberKind.WITHHELD), "number"),
        (Stamps(), "stamps"),
    ),
    Call: (
        (REQUIRED, "id"),
        (None, "linked_id direction start_time answer_time end_time result disposition subject note recording_url"),
        (None, "voicemail_url summary transcript attestation is_final event_time"),
        (Party(), "caller callee"),
        ((), "legs"),
        ({}, "attributes"),
    ),
    CallLeg: (
        (REQUIRED, "id"),
        (None, "user_id start_time answer_time end_time result"),
        (Party(), "party"),
    ),
    Party: ((None, "phone_number name extension user_id"),),
    Stamps: (({}, "fields attributes legs"), (None, "ended")),
    Stamp: ((None, "time"), (False, "final")),
    Contact: (
        (REQUIRED, "id"),
        ("", "name type email company title url"),
        ((), "phone_numbers"),
        (None, "create_time last_activity_time"),
        (False, "is_placeholder"),
        ({}, "attributes"),
    ),
    ContactMatch: ((REQUIRED, "contact phone_number kind"), (False, "is_respelled")),
    PhoneNumber: ((REQUIRED, "text kind"), ("", "e164 significant extension spelled other_reading")),
    Decision: ((REQUIRED, "contact reason explanation"), ((), "candidates")),
    JoinedCalls: ((REQUIRED, "stored_id calls"), ((), "omitted_legs")),
    LinkedCall: ((REQUIRED, "id"), (False, "is_final"), (None, "ended")),
}
"""Each class that a call log's document holds: its defaults, and the fields that have them."""


def pinned() -> Defaults:
    """The defaults of the table above."""
    return {
        f"{kind.__name__}.{name}": (type(default), default)
        for kind, rows in DEFAULTS.items()
        for default, names in rows
        for name in names.split()
    }


def stored(kind: Any) -> Iterator[type]:
    """The classes with fields that a type holds at any depth."""
    if is_dataclass(kind) or hasattr(kind, "_field_defaults"):
        yield kind
        for hint in typing.get_type_hints(kind).values():
            yield from stored(hint)
    for argument in typing.get_args(kind):
        yield from stored(argument)


def defaults_of(kind: Any) -> Iterator[tuple[str, object]]:
    """The fields of a class with their defaults, also those that a factory makes."""
    if not is_dataclass(kind):
        yield from {**dict.fromkeys(kind._fields, REQUIRED), **kind._field_defaults}.items()
        return
    for field in fields(kind):
        yield field.name, field.default if field.default_factory is MISSING else field.default_factory()


def found() -> Defaults:
    """The defaults of the code."""
    return {
        f"{kind.__name__}.{name}": (type(default), default)
        for kind in set(stored(CallLog))
        for name, default in defaults_of(kind)
    }


def test_the_default_of_each_field_that_a_call_logs_document_may_leave_out_never_changes() -> None:
    now, before = found(), pinned()
    changed = {name: (before[name], now[name]) for name in before.keys() & now.keys() if before[name] != now[name]}
    assert not changed, (
        "Documents leave out fields that have their defaults. An old document without such a field would be read with "
        f"the new default. Keep the old one, and add a field for a new meaning. Before, now: {changed}"
    )
    gone = before.keys() - now.keys()
    assert not gone, f"Old documents have these fields, and this version would pass over them: {gone}"
    new = now.keys() - before.keys()
    assert not new, f"A field that documents hold gets its default for good. Add it to DEFAULTS: {new}"
