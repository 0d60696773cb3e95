"""Two processes use a claim and may die at any time: one of them holds it, and no creation is forgotten."""

import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from leadline_server.contacts.settling_time import unsettled_for
from leadline_server.ledger.sqlite.claims import SqliteClaims
from leadline_server.ledger.sqlite.ledger import MIGRATIONS
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.ports.ledger import Claimed
from leadline_server.storage.migrations import load_migrations, migrate
from leadline_server.storage.sqlite import SqliteDatabase
from unit.strategies import NOW, NUMBER

T = TypeVar("T")
LEASE = timedelta(seconds=10)
PLACE = ("acme", NUMBER)
OWNERS = st.sampled_from(["ann", "bob"])
SECONDS = st.integers(0, 15).map(lambda seconds: timedelta(seconds=seconds))


class Database:
    """A SqliteDatabase in memory that runs work at once."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(self._connection, load_migrations(MIGRATIONS))

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return work(self._connection)

    read = read_inline = write

    async def write_batched(
        self, many: Callable[[sqlite3.Connection, list[Any]], list[T]], item: Any, *, within: float = 0.0
    ) -> T:
        del within
        [result] = many(self._connection, [item])
        return result

    def close(self) -> None:
        self._connection.close()


def done(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    raise AssertionError("it waited")


@dataclass
class Holder:
    """The state of one process: until when it holds the claim, and the key of its request to the CRM."""

    until: Any
    claimed: Claimed
    key: str
    has_asked: bool = False


class OneHolder(RuleBasedStateMachine):
    """Two processes that follow the rules, or die; `open` has the creations whose end was not recorded.

    Each with the latest time at which a process may have been asking the CRM for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.database = Database()
        self.claims = SqliteClaims(cast("SqliteDatabase", self.database))
        self.now = NOW
        self.holders: dict[str, Holder] = {}
        self.open: dict[str, Any] = {}
        self.keys = 0

    def teardown(self) -> None:
        self.database.close()

    def holding(self, owner: str) -> Holder | None:
        """The holder, if the process may still act. A process stops when its lease ends."""
        holder = self.holders.get(owner)
        return holder if holder is not None and holder.until > self.now else None

    @rule(by=SECONDS)
    def time_passes(self, by: timedelta) -> None:
        self.now += by

    @rule(owner=OWNERS)
    def acquire(self, owner: str) -> None:
        if self.holding(owner):
            return  # a process asks for a claim once at a time
        self.keys += 1
        key, until = f"{owner}-{self.keys}", self.now + LEASE
        answer = done(self.claims.acquire(*PLACE, owner, key, self.now, until))
        if isinstance(answer, Claimed):
            self.holders[owner] = Holder(until, answer, key)
            for open_key, asked_until in self.open.items():
                assert answer.creation_key == open_key
                assert answer.given_up is not None
                assert asked_until <= answer.given_up <= self.now
            assert answer.given_up is not None or answer.creation_key == key
        else:
            assert answer.lease_until > self.now

    @rule(owner=OWNERS)
    def renew(self, owner: str) -> None:
        if holder := self.holding(owner):
            assert done(self.claims.renew(*PLACE, owner, self.now + LEASE))
            holder.until = self.now + LEASE
            self.ask_on(holder)

    @rule(owner=OWNERS)
    def ask(self, owner: str) -> None:
        """Ask the CRM: with the earlier creation's key, as one that enforces keys is asked."""
        if holder := self.holding(owner):
            holder.has_asked = True
            self.ask_on(holder)

    def ask_on(self, holder: Holder) -> None:
        if holder.has_asked:
            self.open[holder.claimed.creation_key] = self.now

    @rule(owner=OWNERS)
    def give_up(self, owner: str) -> None:
        if holder := self.holding(owner):
            self.ask_on(holder)
            done(self.claims.release(*PLACE, owner, self.now if holder.has_asked else None))
            del self.holders[owner]

    @rule(owner=OWNERS)
    def succeed(self, owner: str) -> None:
        if (holder := self.holding(owner)) and holder.has_asked:
            key = holder.claimed.creation_key
            done(self.claims.finish(*PLACE, f"c {key}", self.now, lease_owner=owner, creation_key=key))
            self.open.clear()
            del self.holders[owner]

    @rule(owner=OWNERS)
    def die(self, owner: str) -> None:
        """The process stops without a word. Until its lease ends, no other process gets the claim."""
        if holder := self.holding(owner):
            self.ask_on(holder)
            answer = done(self.claims.acquire(*PLACE, "another process", "key", self.now, self.now + LEASE))
            assert not isinstance(answer, Claimed)
            self.now = holder.until
            del self.holders[owner]

    @rule(owner=OWNERS)
    def come_late(self, owner: str) -> None:
        """A process that lost its claim writes to the ledger nevertheless."""
        if owner in self.holders and not self.holding(owner):
            done(self.claims.release(*PLACE, owner, self.now if self.holders.pop(owner).has_asked else None))

    @invariant()
    def one_process_holds_the_claim(self) -> None:
        assert len([owner for owner in self.holders if self.holding(owner)]) <= 1


TestOneHolder = OneHolder.TestCase
TestOneHolder.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)

TIMES = st.integers(-20, 20).map(lambda seconds: NOW + timedelta(seconds=seconds))
CAPABILITIES = st.builds(
    Capabilities,
    finds_log_by_key=st.booleans(),
    enforces_unique_key=st.booleans(),
    moves_log=st.booleans(),
    search_lag=SECONDS,
    settle_time=SECONDS,
)


@given(given_up=TIMES, asked_at=TIMES, capabilities=CAPABILITIES)
def test_nobody_is_conclusive_once_an_earlier_write_has_settled_and_shows(
    given_up: Any, asked_at: Any, capabilities: Capabilities
) -> None:
    left = unsettled_for(Claimed("key", given_up), capabilities, asked_at)
    shown = given_up + capabilities.settle_time + capabilities.search_lag
    assert left >= timedelta(0)
    if capabilities.enforces_unique_key:
        assert not left
    else:
        assert (not left) == (asked_at >= shown)
        assert asked_at + left >= shown


@given(asked_at=TIMES, capabilities=CAPABILITIES)
def test_a_creation_of_ones_own_waits_for_nothing(asked_at: Any, capabilities: Capabilities) -> None:
    assert not unsettled_for(Claimed("key"), capabilities, asked_at)
