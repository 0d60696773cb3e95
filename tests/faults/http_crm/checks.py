"""Checks the CRM after the faults: it must have every accepted call once, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence

from fakes.written import Written
from faults.http_crm.phones import LOGGED, Phones
from leadline.v1.call_log_pb2 import CallLog

_SHOWN = 10


def assert_exactly_once(written: Written, logs: Mapping[str, CallLog], phones: Sequence[Phones]) -> None:
    """Every accepted call in the CRM once, as it was last reported; one contact a number; nothing else."""
    __tracebackhide__ = True  # the sentences say it all
    sent = {call_id: step for phone in phones for call_id, step in phone.sent.items()}
    answered = {call_id: step for phone in phones for call_id, step in phone.answered.items()}
    problems = [
        *_lost(logs, sent, answered),
        *(problem for log in logs.values() for problem in _amiss(log, written)),
        *(f"{call_id} is in the CRM, not in the ledger" for call_id in written.logs.keys() - logs.keys()),
        *_contacts_amiss(written, {log.call.caller.phone_number for log in logs.values()}),
    ]
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems[:_SHOWN])


def _lost(logs: Mapping[str, CallLog], sent: Mapping[str, int], answered: Mapping[str, int]) -> Iterator[str]:
    for call_id, step in answered.items():
        if call_id not in logs:
            yield f"{call_id} was accepted and is lost"
        elif not step <= _step(logs[call_id].call.subject) <= sent[call_id]:
            yield f"{call_id} was accepted at step {step}, and is at {logs[call_id].call.subject!r}"
    for call_id in logs.keys() - sent.keys():
        yield f"{call_id} was never reported"


def _amiss(log: CallLog, written: Written) -> Iterator[str]:
    call_id, in_crm = log.call.id, written.logs.get(log.call.id, [])
    if log.state != LOGGED:
        yield f"{call_id} is not logged: {log.explanation} {log.last_error}"
    if len(in_crm) != 1:
        yield f"{call_id} is in the CRM {len(in_crm)} times"
        return
    [body] = in_crm
    if (body["id"], body["contact_id"]) != (log.crm_log_id, log.contact.id):
        yield f"{call_id} is {body['id']} of {body['contact_id']}, told as {log.crm_log_id} of {log.contact.id}"
    if body["subject"] != log.call.subject:
        yield f"{call_id} says {body['subject']!r} in the CRM, and {log.call.subject!r} in the ledger"
    steps = [_step(subject) for subject in written.steps[call_id]]
    if steps != sorted(steps):
        yield f"{call_id} was written out of order: {steps}"
    if [log.contact.id] != written.contacts[log.call.caller.phone_number]:
        yield f"{call_id} is logged against {log.contact.id}, the number is that of another contact"


def _contacts_amiss(written: Written, numbers: set[str]) -> Iterator[str]:
    for number, ids in written.contacts.items():
        if len(ids) != 1 and ids:
            yield f"{number} has {len(ids)} contacts"
        if number not in numbers:
            yield f"{number} has a contact and never called"


def _step(subject: str) -> int:
    return int(subject.removeprefix("step "))
