"""The reports of clients and their answers, and whether ledger and CRM agree with it in the end."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import grpc
from fakes.written import Written
from leadline.v1.call_log_pb2 import CallLog

LOGGED = "CALL_LOG_STATE_LOGGED"


@dataclass
class History:
    """All reports of a run.

    Attributes:
        sent: the caller's number of each call that was reported.
        accepted: the answers to each call's reports that ended OK.
        refused: the codes of the reports that did not, by call.
    """

    sent: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, list[CallLog]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[str, list[grpc.StatusCode]] = field(default_factory=lambda: defaultdict(list))


def problems(history: History, logs: Mapping[str, CallLog], written: Written) -> list[str]:
    """The faults, a sentence each, of the ledger's logs by call id, and of the calls in the CRM."""
    return [
        *_refusals(history),
        *_lost(history, logs),
        *(problem for log in logs.values() for problem in _of_log(log, written)),
        *(f"{call_id} is in the CRM, and the ledger has no log of it" for call_id in written.logs.keys() - logs.keys()),
        *(f"{number} has {len(ids)} contacts" for number, ids in written.contacts.items() if len(ids) > 1),
    ]


def _refusals(history: History) -> Iterator[str]:
    for call_id, codes in history.refused.items():
        for code in codes:
            if code is not grpc.StatusCode.UNAVAILABLE:
                yield f"{call_id} was refused with {code.name}"


def _lost(history: History, logs: Mapping[str, CallLog]) -> Iterator[str]:
    for call_id, answers in history.accepted.items():
        if call_id not in logs:
            yield f"{call_id} was accepted and is lost"
            continue
        told = {answer.crm_log_id for answer in answers if answer.crm_log_id}
        if not told <= {logs[call_id].crm_log_id}:
            yield f"{call_id} was told as {sorted(told)}, and is {logs[call_id].crm_log_id}"
    for call_id in logs.keys() - history.sent.keys():
        yield f"{call_id} was never reported"


def _of_log(log: CallLog, written: Written) -> Iterator[str]:
    in_crm = written.logs.get(log.call.id, [])
    if len(in_crm) != 1:
        yield f"{log.call.id} is in the CRM {len(in_crm)} times"
    elif in_crm[0]["contact_id"] not in written.contacts.get(log.call.caller.phone_number, ()):
        yield f"{log.call.id} is logged against a contact that does not have its number"
