"""The checks of `leadline doctor` about a ledger in PostgreSQL: how it is reached, its limits, clocks and servers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from leadline_server.cli.diagnosis import Diagnosis
from leadline_server.cli.doctor_keys import check_keys
from leadline_server.cli.doctor_records import waiting_entries
from leadline_server.cli.doctor_replicas import SKEW, compared, running_of

if TYPE_CHECKING:
    from leadline_server.config import Settings
    from leadline_server.ledger.postgres.facts import LedgerFacts, ServerFacts

_LISTENING: Final = 1
"""Connections of a server beside its pool: it listens for wake-ups on one."""

_REACH: Final = "Check the setting ledger, the user, and the server."


def diagnosed(settings: "Settings") -> Iterator[Diagnosis]:
    """The findings about the database, and about all servers that use it. Nothing is written."""
    import asyncio

    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.ledger.postgres.facts import read_facts
    from leadline_server.ledger_opening import address_of

    try:
        pooler = asyncio.run(_pooler(settings))
        if pooler.state == "problem":
            yield pooler
            return
        asyncio.run(_use(settings))
        facts = asyncio.run(read_facts(address_of(settings)))
    except LedgerUnavailable as error:
        yield Diagnosis("ledger", "problem", error.message, _REACH)
        return
    yield _ledger(facts)
    yield pooler if settings.ledger_direct == "" else _timeout(pooler, facts)
    yield connections(settings, facts)
    yield clock(facts.ahead)
    if facts.ledger is not None:
        yield from _content(settings, facts, facts.ledger)


def connections(settings: "Settings", facts: "ServerFacts") -> Diagnosis:
    """Whether PostgreSQL allows the connections that the servers may use together, and those of one server more."""
    each = _LISTENING if settings.ledger_direct else settings.ledger_connections + _LISTENING
    running = running_of(facts.ledger.replicas, facts.now) if facts.ledger else []
    servers, allowed = max(1, len(running)), facts.most_connections
    found = f"{servers} x {each} connections, of {allowed} that PostgreSQL allows"
    if settings.ledger_direct:
        found += "; the pooler has its own limits"
    action = "Raise max_connections of PostgreSQL, lower ledger_connections, or use a pooler."
    if servers * each > allowed:
        return Diagnosis("connections to PostgreSQL", "problem", found, action)
    if (servers + 1) * each > allowed:
        found += "; a rolling upgrade starts one server more"
        return Diagnosis("connections to PostgreSQL", "warning", found, action)
    return Diagnosis("connections to PostgreSQL", "ok", found)


def clock(ahead: timedelta) -> Diagnosis:
    """Whether this machine's clock agrees with PostgreSQL's."""
    if abs(ahead) > SKEW:
        found = f"this machine's clock differs from PostgreSQL's by {ahead.total_seconds():+.1f} s"
        return Diagnosis("clock", "problem", found, "Set the clocks, and keep them with NTP.")
    return Diagnosis("clock", "ok", "as PostgreSQL's")


async def _use(settings: "Settings") -> None:
    """Connect as a server does. Raises LedgerUnavailable."""
    from leadline_server.ledger_opening import address_of
    from leadline_server.storage.postgres.database import open_pool

    async with open_pool(address_of(settings)):
        pass


async def _pooler(settings: "Settings") -> Diagnosis:
    """Whether there is a pooler, and whether the settings say so. Raises LedgerUnavailable."""
    from leadline_server.ledger_opening import address_of
    from leadline_server.storage.postgres.pooling import Pooling, pooling_of

    address = address_of(settings)
    found = await pooling_of(address, address.url)
    if address.direct and await pooling_of(address, address.direct) is Pooling.TRANSACTIONS:
        text = "ledger_direct leads to a transaction pooler, where migrations and wake-ups fail"
        return Diagnosis("pooler", "problem", text, "Set ledger_direct to the PostgreSQL server itself.")
    if found is Pooling.TRANSACTIONS and not address.direct:
        text = "ledger leads to a transaction pooler, such as PgBouncer, and ledger_direct is empty"
        action = "Set ledger_direct to the PostgreSQL server itself: sessions do not last behind the pooler."
        return Diagnosis("pooler", "problem", text, action)
    words = {Pooling.NONE: "none", Pooling.SESSIONS: "one that keeps sessions", Pooling.TRANSACTIONS: "of transactions"}
    return Diagnosis("pooler", "ok", words[found])


def _timeout(pooler: Diagnosis, facts: "ServerFacts") -> Diagnosis:
    """Behind a pooler leadline cannot set the timeout of statements itself."""
    if facts.statement_timeout != "0":
        return pooler
    found = f"{pooler.found}; statement_timeout is 0, so a statement may take for ever"
    action = "As the database's owner: ALTER ROLE leadline SET statement_timeout = '10s'"
    return Diagnosis("pooler", "warning", found, action)


def _ledger(facts: "ServerFacts") -> Diagnosis:
    from leadline_server.ledger.postgres.ledger import MIGRATIONS
    from leadline_server.storage.postgres.migrations import load_halves

    server, ledger = f"PostgreSQL {facts.version}", facts.ledger
    if ledger is None:
        return Diagnosis("ledger", "ok", f"{server}; a server of leadline creates the tables")
    found, known = f"{server}, schema {ledger.schema}", max(half.version for half in load_halves(MIGRATIONS))
    if ledger.schema != known:
        found += f"; this leadline has schema {known}"
        return Diagnosis("ledger", "warning", found, "Finish the upgrade.")
    if ledger.copy.is_standby:
        action = "If it is to replace the first one, stop its servers, then run: leadline restore --live"
        return Diagnosis("ledger", "warning", f"{found}; it is a restored copy that writes to no CRM", action)
    return Diagnosis("ledger", "ok", found)


def _content(settings: "Settings", facts: "ServerFacts", ledger: "LedgerFacts") -> Iterator[Diagnosis]:
    from leadline_server.replica_recorder import settings_digests

    yield check_keys(settings, ledger.needed_keys)
    yield waiting_entries(ledger.audit_entries, ledger.audit_waiting)
    yield from compared(ledger.replicas, facts.now, settings_digests(settings))
