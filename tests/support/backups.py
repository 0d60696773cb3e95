"""Calls in the ledger of a server, and backups of them by the command line."""

import asyncio
import itertools
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes.connections import write_toml
from fakes.process import FakeProcess, fake_process
from leadline import AsyncClient, Client, errors
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_LOGGED, CallLog
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, Call, Party

from support.databases import rows
from support.servers import leadline

KNOWN = "+12025550147"
PERSON = {"FirstName": "Ada", "LastName": "Lovelace", "MobilePhone": "(202) 555-0147"}
PER_SECOND = 200


def a_call(call_id: str) -> Call:
    return Call(id=call_id, direction=CALL_DIRECTION_INBOUND, caller=Party(phone_number=KNOWN))


def log(client: Client, call_id: str) -> CallLog:
    return client.log_call(a_call(call_id))


async def report(client: AsyncClient, call_id: str) -> None:
    """Report a call as phone systems do: a report whose answer did not come is sent again, for two minutes at most."""
    async with asyncio.timeout(120):
        while True:
            try:
                await client.log_call(a_call(call_id))
            except (errors.DeadlineExceeded, errors.Unavailable):
                await asyncio.sleep(0.2)
            else:
                return


def log_some(address: str, call_ids: Sequence[str]) -> None:
    with Client(address, account="demo", user="alice") as client:
        for call_id in call_ids:
            log(client, call_id)


def calls_in(ledger: Path) -> set[str]:
    return {call_id for (call_id,) in rows(ledger, "SELECT call_id FROM call_logs")}


def saved(folder: Path, data_dir: Path, *more: str | Path) -> str:
    done = leadline("backup", folder, "--data-dir", data_dir, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def log_at_a_rate(address: str, call_ids: Iterable[str], accepted: list[str]) -> None:
    """Report PER_SECOND calls each second, however long each takes; `accepted` gets those that are answered."""

    async def accept(call_id: str) -> None:
        await report(client, call_id)
        accepted.append(call_id)

    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with AsyncClient(address, account="demo", user="alice") as client, asyncio.TaskGroup() as reports:
        for number, call_id in enumerate(call_ids):
            await asyncio.sleep(begun + number / PER_SECOND - loop.time())
            reports.create_task(accept(call_id))


def ids_until(is_done: threading.Event) -> Iterator[str]:
    """Ids of calls, until an event and for half a second more; for a minute at most."""
    numbers, more = itertools.count(), PER_SECOND // 2
    for number in itertools.islice(numbers, 60 * PER_SECOND):
        if is_done.is_set():
            break
        yield f"call-{number}"
    yield from (f"call-{number}" for number in itertools.islice(numbers, more))


@dataclass(frozen=True)
class Rotating:
    """A Salesforce that rotates refresh tokens, and the settings that connect servers to it."""

    crm: FakeProcess
    config: Path

    @property
    def tokens(self) -> dict[str, int]:
        """How many requests for tokens there were: `asked`, and of these `refused`."""
        counts: dict[str, int] = self.crm.control("GET", "/tokens")
        return counts

    def expire(self, new_token: str) -> None:
        """The present access token expires; the next grant gives `new_token`."""
        self.crm.misbehave(token=new_token)


@contextmanager
def rotating_crm(folder: Path) -> Iterator[Rotating]:
    """A Salesforce that rotates refresh tokens, with a person, while the body runs."""
    with fake_process("salesforce", folder / "salesforce", rotates=True) as crm:
        crm.control("POST", "/people/Contact", PERSON)
        yield Rotating(crm, write_toml(folder / "leadline.toml", "salesforce", crm.url, settle_seconds=1))


def all_logged(address: str, call_ids: Sequence[str]) -> bool:
    with Client(address, account="demo", user="alice") as client:
        # A minute: the machine may be busy, and how fast a read is answered is not in question here.
        return all(client.get_call_log(call_id, timeout=60).state == CALL_LOG_STATE_LOGGED for call_id in call_ids)
