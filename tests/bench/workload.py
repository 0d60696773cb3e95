"""The requests of the benchmarks, all different and made beforehand, and checks of the answers."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from leadline.v1 import call_log_pb2, call_log_service_pb2, call_pb2, contact_service_pb2

ACCOUNT = "demo"
KEEPER = "keeper"
"""A user whose unknown callers get placeholders."""

FIND = "/leadline.v1.ContactService/FindContact"
LOG = "/leadline.v1.CallLogService/LogCall"


def known_number(index: int) -> str:
    """The number of the contact `index`, below ten million: possible ones in the US plan, each different."""
    area, line = divmod(index, 1_000_000)
    return f"+1{201 + area}5{line:06d}"


def unknown_number(index: int) -> str:
    """A number that no contact has."""
    return f"+447{index:09d}"


def write_contacts(path: Path, count: int) -> None:
    """A CSV file of `count` contacts with one number each."""
    with path.open("w") as file:
        file.write("name,phone,email\n")
        file.writelines(f"Person {i},{known_number(i)},person{i}@example.com\n" for i in range(count))


def rebuild_name_index(ledger: Path) -> None:
    """Make the full-text index of an SQLite ledger's names anew, as one segment of a size that its names alone decide.

    An import takes as many rows a commit as fit in a time, and FTS5 makes a segment a commit. So the clock would decide
    which later commit has to merge the import's segments.
    """
    with closing(sqlite3.connect(ledger)) as connection, connection:
        for command in ("rebuild", "optimize"):
            connection.execute("INSERT INTO crm_contact_names (crm_contact_names) VALUES (?)", (command,))


def find_requests(indexes: Sequence[int], *, skip_cache: bool = False) -> list[bytes]:
    """A lookup for each of these contacts."""
    return [
        contact_service_pb2.FindContactRequest(
            account_id=ACCOUNT, user_id="user", phone_numbers=[known_number(i)], skip_cache=skip_cache
        ).SerializeToString()
        for i in indexes
    ]


def log_requests(prefix: str, user: str, numbers: Sequence[str]) -> list[bytes]:
    """A new, ended call from each of these numbers."""
    start = Timestamp(seconds=1_790_000_000)
    return [
        call_log_service_pb2.LogCallRequest(
            account_id=ACCOUNT,
            user_id=user,
            call=call_pb2.Call(
                id=f"{prefix}-{i}",
                direction=call_pb2.CALL_DIRECTION_INBOUND,
                caller=call_pb2.Party(phone_number=number, name=f"CALLER {i}"),
                callee=call_pb2.Party(phone_number="+12025550100", extension="101", user_id=user),
                start_time=start,
                end_time=Timestamp(seconds=start.seconds + 60),
                result=call_pb2.CALL_RESULT_ANSWERED,
                is_final=True,
            ),
        ).SerializeToString()
        for i, number in enumerate(numbers)
    ]


Check = Callable[[Sequence[bytes]], int]
"""Counts the right answers."""


def found(answers: Sequence[bytes]) -> int:
    """Answers that name exactly one contact."""
    return sum(len(contact_service_pb2.FindContactResponse.FromString(answer).matches) == 1 for answer in answers)


def logged_as(reason: "call_log_pb2.CallLogReason.ValueType") -> Check:
    """Answers that say LOGGED for this reason."""

    def check(answers: Sequence[bytes]) -> int:
        logs = [call_log_service_pb2.LogCallResponse.FromString(answer).call_log for answer in answers]
        return sum(log.state == call_log_pb2.CALL_LOG_STATE_LOGGED and log.reason == reason for log in logs)

    return check


@dataclass(frozen=True)
class Journal:
    """How many contacts and logged calls the embedded CRM has."""

    contacts: int
    call_logs: int


def journal(data: Path) -> Journal:
    """Count what arrived."""
    with sqlite3.connect(f"file:{data / 'ledger.db'}?mode=ro", uri=True) as connection:
        [(contacts,)] = connection.execute("SELECT count(*) FROM crm_contacts").fetchall()
        [(logs,)] = connection.execute("SELECT count(*) FROM crm_call_logs").fetchall()
    return Journal(contacts, logs)
