"""The fields of a call, and the obligation to show them in the CRM's log."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from leadline_server.domain.call import Attestation, Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.ports.crm import LogEntry
from leadline_server.testing.crm_harness import START, CrmUnderTest, Report, a_key

Change = Callable[[LogEntry], LogEntry]


def _call(**values: Any) -> Change:
    return lambda entry: replace(entry, call=replace(entry.call, **values))


def _caller(**values: Any) -> Change:
    return lambda entry: replace(entry, call=replace(entry.call, caller=replace(entry.call.caller, **values)))


def _callee(**values: Any) -> Change:
    return lambda entry: replace(entry, call=replace(entry.call, callee=replace(entry.call.callee, **values)))


def _times(**shifts: int) -> Change:
    """Moves times by a number of seconds."""

    def change(entry: LogEntry) -> LogEntry:
        moved = {name: getattr(entry.call, name) + timedelta(seconds=seconds) for name, seconds in shifts.items()}
        return replace(entry, call=replace(entry.call, **moved))

    return change


def _other_number(entry: LogEntry) -> LogEntry:
    number = "+14155550188"
    return replace(_caller(phone_number=number)(entry), number=number)


FIELDS: Final[Mapping[str, Change]] = {
    "direction": _call(direction=CallDirection.OUTBOUND),
    "number": _other_number,
    "caller_name": _caller(name="Grace Hopper"),
    "caller_extension": _caller(extension="203"),
    "callee_extension": _callee(extension="102"),
    "callee_name": _callee(name="Bob Baker"),
    "start_time": _times(start_time=60, answer_time=60, end_time=60),
    "answer_time": _times(answer_time=7, end_time=7),
    "duration": _times(end_time=60),
    "result": _call(result=CallResult.VOICEMAIL),
    "disposition": _call(disposition="Left a message"),
    "subject": _call(subject="Another subject"),
    "note": _call(note="Another note"),
    "recording_url": _call(recording_url="https://recordings.example/2"),
    "voicemail_url": _call(voicemail_url="https://voicemail.example/2"),
    "summary": _call(summary="Another summary"),
    "transcript": _call(transcript="Another transcript"),
    "attestation": _call(attestation=Attestation.B),
    "linked_id": _call(linked_id="another-conversation"),
    "legs": _call(legs=(CallLeg(id="leg-2", user_id="bob", party=Party(extension="109")),)),
    "attributes": _call(attributes={"campaign": "autumn"}),
}
"""The fields of a call, each with a change of it."""


def full_entry(contact_id: str) -> LogEntry:
    """An entry of a call with every field."""
    entry = Report().entry(contact_id)
    return replace(entry, call=_with_everything(entry.call))


def _with_everything(call: Call) -> Call:
    return replace(
        call,
        linked_id="one-conversation",
        caller=replace(call.caller, extension="202"),
        callee=replace(call.callee, name="Alice Archer"),
        disposition="Interested",
        recording_url="https://recordings.example/1",
        voicemail_url="https://voicemail.example/1",
        summary="A summary",
        transcript="A transcript",
        attestation=Attestation.A,
        is_final=True,
        event_time=START,
        legs=(CallLeg(id="leg-1", user_id="alice", party=Party(extension="101"), answer_time=START),),
        attributes={"campaign": "spring"},
    )


async def find_lost_fields(crm: CrmUnderTest) -> frozenset[str]:
    """The fields whose change does not change what the CRM shows of a log."""
    people, contact = crm.other_hands(), await crm.a_contact()
    entry = full_entry(contact.id)
    log = await crm.adapter.create_call_log(entry, a_key())

    async def shown(change: Change = lambda entry: entry) -> Mapping[str, str]:
        await crm.adapter.update_call_log(log.id, change(entry))
        return (await people.see_log(log.id)).fields

    before = await shown()
    if not before:
        pytest.skip("SeenLog.fields is empty: nobody can tell which fields of a call the CRM shows.")
    seen = {name: _differing(before, await shown(change)) for name, change in FIELDS.items()}
    by_itself = _differing(before, await shown())
    return frozenset(name for name, changed in seen.items() if not changed - by_itself)


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


class FieldCases:
    """The fields of a call in its log. Subclasses provide the fixture `crm`."""

    async def test_the_fields_of_a_call_are_shown_unless_declared_lost(self, crm: CrmUnderTest) -> None:
        lost = await find_lost_fields(crm)
        assert lost == crm.lost_fields, "Declare in lost_fields what this CRM does not show, and nothing else."

    async def test_a_log_shows_the_same_whether_it_was_created_or_updated_so(self, crm: CrmUnderTest) -> None:
        people, contact = crm.other_hands(), await crm.a_contact()
        entry = full_entry(contact.id)
        log = await crm.adapter.create_call_log(entry, a_key())
        created = await people.see_log(log.id)
        await crm.adapter.update_call_log(log.id, entry)
        assert await people.see_log(log.id) == created

    async def test_what_is_cleared_of_a_call_is_cleared_in_its_log(self, crm: CrmUnderTest) -> None:
        people, contact = crm.other_hands(), await crm.a_contact()
        entry = full_entry(contact.id)
        log = await crm.adapter.create_call_log(entry, a_key())
        await crm.adapter.update_call_log(log.id, _call(note="")(entry))
        assert (await people.see_log(log.id)).note == ""
