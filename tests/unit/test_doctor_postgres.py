"""The words of `leadline doctor` about a PostgreSQL server: its clock, and the connections that it allows."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from leadline_server.cli.doctor_postgres import clock, connections
from leadline_server.config import Settings
from leadline_server.ledger.postgres.facts import LedgerFacts, ServerFacts
from leadline_server.ports.ledger import CopyState, Replica

NOW: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [-3.0, 3.0])
def test_a_clock_that_differs_from_postgresqls_is_a_problem(seconds: float) -> None:
    told = clock(timedelta(seconds=seconds))
    assert (told.state, told.found) == (
        "problem",
        f"this machine's clock differs from PostgreSQL's by {seconds:+.1f} s",
    )


def test_a_clock_that_differs_by_less_than_a_second_is_in_order() -> None:
    assert clock(timedelta(seconds=0.9)).state == "ok"


def replica(name: str, seen: float) -> Replica:
    then = NOW - timedelta(seconds=seen)
    return Replica(id=name, name=name, version="1", settings={}, start_time=then, clock_time=then, seen_time=then)


def facts(servers: int, lost: int = 0) -> ServerFacts:
    """A server that allows 97 connections, and some servers of leadline."""
    replicas = [replica(f"on-{one}", 5) for one in range(servers)] + [replica(f"off-{one}", 120) for one in range(lost)]
    ledger = LedgerFacts(
        schema=1,
        finished=0,
        copy=CopyState(),
        needed_keys=frozenset(),
        audit_entries=0,
        audit_waiting=0,
        replicas=replicas,
    )
    return ServerFacts(
        version="15.8", now=NOW, ahead=timedelta(), statement_timeout="0", most_connections=97, ledger=ledger
    )


@pytest.mark.parametrize(("servers", "state"), [(0, "ok"), (7, "ok"), (8, "warning"), (9, "problem")])
def test_the_pools_of_all_servers_that_run_are_added_up(servers: int, state: str) -> None:
    told = connections(Settings(ledger="postgresql://leadline@db.example/leadline"), facts(servers, lost=3))
    assert told.state == state
    assert told.found.startswith(f"{max(1, servers)} x 11 connections, of 97 that PostgreSQL allows")


def test_behind_a_pooler_each_server_has_one_connection_of_its_own() -> None:
    url = "postgresql://leadline@db.example/leadline"
    told = connections(Settings(ledger=url, ledger_direct=url), facts(20))
    assert (told.state, told.found) == (
        "ok",
        "20 x 1 connections, of 97 that PostgreSQL allows; the pooler has its own limits",
    )
