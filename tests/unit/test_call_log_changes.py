"""The changes of a call log, which mypy checks: their fields are those of the log."""

from dataclasses import replace
from typing import get_type_hints

from leadline_server.domain.call_log import CallLog, CallLogChange, CallLogChanges, changed
from leadline_server.domain.lease_fields import DueFields, LeaseFields
from unit.logs import accepted, after


def test_changes_have_fields_and_types_of_the_call_log() -> None:
    fields = get_type_hints(CallLog)
    for changes in (CallLogChanges, DueFields, LeaseFields):
        for name, kind in get_type_hints(changes).items():
            assert fields[name] == kind, name


def test_a_change_of_what_clients_see_makes_a_revision() -> None:
    log = accepted()
    assert changed(log, after(seconds=1), attempts=1).revision == log.revision + 1
    assert changed(log, after(seconds=1), lease_owner="other").revision == log.revision
    assert changed(log, after(seconds=1), attempts=log.attempts) is log


def test_a_change_knows_whether_anything_was_written() -> None:
    log = accepted()
    assert not CallLogChange(log, log).has_changed
    assert CallLogChange(log, replace(log, attempts=1)).has_changed
    assert CallLogChange(None, log).has_changed
