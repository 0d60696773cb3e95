"""Counts the costs of calls in a ledger: syncs, statements, documents of calls, and bytes of the write-ahead log."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from unittest import mock

from leadline_server.app import open_app
from leadline_server.config import Settings
from leadline_server.ledger.codec import CALL_LOG
from leadline_server.parts import PLAIN
from leadline_server.ports.crm import CrmAdapter
from leadline_server.storage.checkpoints import log_bytes
from leadline_server.storage.sqlite import SqliteDatabase

from support.apps import Harness, SettableClock

_OF_CALLS: Final = (" call_logs ", " claims ", " crm_call_logs ", " crm_contacts ")


@dataclass
class Costs:
    """The costs of some calls. A commit that changes a row is one sync.

    Attributes:
        all: the statements of writing transactions, with BEGIN and COMMIT.
        documents: how many documents of calls were encoded.
        log_bytes: how much the write-ahead log grew.
    """

    all: list[str] = field(default_factory=list)
    documents: int = 0
    log_bytes: int = 0

    def note(self, statement: str) -> None:
        if not statement.startswith("--"):  # those of a trigger, which belong to the statement before
            self.all.append(statement)

    @property
    def statements(self) -> list[str]:
        """Those of transactions about calls. Others are of leadline's background work, such as the audit trail's."""
        found: list[str] = []
        for transaction in "\0".join(self.all).split("COMMIT"):
            if any(table in transaction for table in _OF_CALLS):
                found += [*filter(None, transaction.split("\0")), "COMMIT"]
        return found

    @property
    def syncs(self) -> int:
        return self.statements.count("COMMIT")


class CountedDatabase(SqliteDatabase):
    """A database whose writing statements can be seen."""

    @contextmanager
    def counted(self) -> Iterator[Costs]:
        costs, before = Costs(), log_bytes(self.path)
        encode = CALL_LOG.encode

        def counting(log: Any) -> bytes:
            costs.documents += 1
            return encode(log)

        self._writer.connection.set_trace_callback(costs.note)
        try:
            with mock.patch.object(CALL_LOG, "encode", counting):
                yield costs
        finally:
            self._writer.connection.set_trace_callback(None)
            costs.log_bytes = log_bytes(self.path) - before


@dataclass
class CountedHarness(Harness):
    """A harness whose ledger can be watched."""

    def counted(self) -> Any:
        storage = self.app.ledger.storage
        assert isinstance(storage, CountedDatabase)
        return storage.counted()


@asynccontextmanager
async def open_counted(
    folder: Path, *, wrap: Callable[[CrmAdapter], CrmAdapter] = lambda adapter: adapter
) -> AsyncIterator[CountedHarness]:
    """A service whose ledger can be watched."""
    clock, parts = SettableClock(), replace(PLAIN, database=CountedDatabase)
    async with open_app(Settings(data_dir=folder), clock=clock, wrap=wrap, parts=parts) as app:
        yield CountedHarness(app, clock)
