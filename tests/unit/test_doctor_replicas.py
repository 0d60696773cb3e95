"""The words of `leadline doctor` about the servers of one ledger."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from leadline_server.cli.doctor_replicas import compared
from leadline_server.config import Settings
from leadline_server.ports.ledger import Replica
from leadline_server.replica_recorder import settings_digests

NOW: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
ALIKE: Final = {"accounts": "01234567", "keep_calls_days": "89abcdef"}


def replica(name: str, *, version: str = "0.1.0", settings: Mapping[str, str] = ALIKE, **times: float) -> Replica:
    """A server that was seen `seen` seconds ago, and whose clock was ahead by `ahead` seconds then."""
    seen = NOW - timedelta(seconds=times.get("seen", 10))
    return Replica(
        id=name,
        name=name,
        version=version,
        settings=settings,
        start_time=seen,
        clock_time=seen + timedelta(seconds=times.get("ahead", 0)),
        seen_time=seen,
    )


def found(*recorded: Replica, own: Mapping[str, str] = ALIKE) -> dict[str, tuple[str, str]]:
    return {one.check: (one.state, one.found) for one in compared(recorded, NOW, own)}


def test_servers_that_are_alike_are_ok() -> None:
    assert found(replica("a"), replica("b", ahead=0.5)) == {
        "servers": ("ok", "2, version 0.1.0: a, b"),
        "settings of servers": ("ok", "the same for all, and those given here"),
        "clocks of servers": ("ok", "as the ledger's"),
    }


def test_different_versions_are_named_with_their_servers() -> None:
    told = found(replica("a"), replica("b", version="0.2.0"))["servers"]
    assert told == ("warning", "different versions run: 0.1.0: a; 0.2.0: b")


def test_settings_that_differ_between_servers_are_a_problem_and_named() -> None:
    told = found(replica("a"), replica("b", settings=ALIKE | {"keep_calls_days": "00000000"}))["settings of servers"]
    assert told == ("problem", "servers differ in keep_calls_days")


def test_settings_that_the_servers_have_not_read_yet_are_a_warning() -> None:
    state, text = found(replica("a"), own=ALIKE | {"accounts": "76543210"})["settings of servers"]
    assert (state, text.rpartition(": ")[2]) == ("warning", "accounts")


@pytest.mark.parametrize("ahead", [-2.5, 2.5])
def test_a_clock_that_differs_from_the_ledgers_is_a_problem(ahead: float) -> None:
    told = found(replica("a"), replica("b", ahead=ahead))["clocks of servers"]
    assert told == ("problem", f"clocks differ from the ledger's: b by {ahead:+.1f} s")


def test_a_server_that_was_not_seen_lately_is_lost_and_not_compared() -> None:
    told = found(replica("a"), replica("b", version="0.2.0", seen=120, ahead=60))
    assert told["lost servers"] == ("warning", "did not stop, and were not seen for 90 seconds: b")
    assert told["servers"] == ("ok", "1, version 0.1.0: a")
    assert told["clocks of servers"][0] == "ok"


def test_without_servers_there_is_nothing_to_compare() -> None:
    assert found() == {"servers": ("ok", "none runs")}


def digests(**settings: Any) -> Mapping[str, str]:
    return settings_digests(Settings(**settings))


def test_the_digests_tell_settings_apart_but_not_those_that_are_each_servers_own() -> None:
    assert digests(listen="127.0.0.1:1", data_dir=Path("a"), log_level="debug") == digests()
    changed = digests(keep_calls_days=30)
    assert {name for name, digest in changed.items() if digest != digests()[name]} == {"keep_calls_days"}


def test_secrets_are_in_no_digest() -> None:
    def of(token: str, company: str = "acme") -> Mapping[str, str]:
        table = {"adapter": "pipedrive", "api_token": token, "company_domain": company}
        return digests(connections={"sales": table}, secrets_key=token)

    assert of("a-secret") == of("another")
    assert of("a-secret") != of("a-secret", "other")
