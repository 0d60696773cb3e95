"""The checks of `leadline doctor` that compare the servers of one ledger."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from leadline_server.cli.diagnosis import Diagnosis

if TYPE_CHECKING:
    from leadline_server.config import Settings
    from leadline_server.ports.ledger import Replica

_ALIVE: Final = timedelta(seconds=90)
"""A server records itself every 30 seconds; one that missed three turns was killed, or cannot write."""

SKEW: Final = timedelta(seconds=1)
"""Leases are compared with clocks and last 10 seconds; a second of difference is safe."""


def replicas(settings: "Settings") -> Iterator[Diagnosis]:
    """Compare the running servers; nothing if there is no ledger."""
    import sqlite3

    from leadline_server.ledger.sqlite.replicas import read_replicas
    from leadline_server.replica_recorder import settings_digests
    from leadline_server.storage.read_only import read_only

    if not settings.ledger_path.exists():
        return
    try:
        with read_only(settings.ledger_path) as connection:
            recorded = read_replicas(connection)
    except (sqlite3.Error, OSError):
        return  # the check of the ledger says more
    yield from compared(recorded, datetime.now(UTC), settings_digests(settings))


def compared(recorded: "Sequence[Replica]", now: datetime, own: "Mapping[str, str]") -> Iterator[Diagnosis]:
    """The findings about the servers that were seen lately, and about `own`, the digests of the doctor's settings."""
    running = running_of(recorded, now)
    lost = [each for each in recorded if each not in running]
    yield _versions(running)
    yield from _settings(running, own)
    yield from _clocks(running)
    if lost:
        found = f"did not stop, and were not seen for {_ALIVE.seconds} seconds: {_names(lost)}"
        yield Diagnosis("lost servers", "warning", found, "Read their logs. A record is dropped after a day.")


def running_of(recorded: "Sequence[Replica]", now: datetime) -> "Sequence[Replica]":
    """The servers that were seen lately; `now` is the ledger's time."""
    return [each for each in recorded if each.seen_time is not None and now - each.seen_time < _ALIVE]


def _versions(running: "Sequence[Replica]") -> Diagnosis:
    versions = sorted({each.version for each in running})
    if len(versions) > 1:
        which = "; ".join(f"{one}: {_names([each for each in running if each.version == one])}" for one in versions)
        return Diagnosis("servers", "warning", f"different versions run: {which}", "Finish the upgrade.")
    if not running:
        return Diagnosis("servers", "ok", "none runs")
    return Diagnosis("servers", "ok", f"{len(running)}, version {versions[0]}: {_names(running)}")


def _settings(running: "Sequence[Replica]", own: "Mapping[str, str]") -> Iterator[Diagnosis]:
    """Settings that differ between servers; else those that differ between the servers and this command."""
    if not running:
        return
    first = running[0].settings
    names = sorted({name for each in running for name in each.settings})
    differing = [name for name in names if any(each.settings.get(name) != first.get(name) for each in running)]
    if differing:
        found = f"servers differ in {', '.join(differing)}"
        action = "Give all of them the same settings, and restart those with the old ones."
        yield Diagnosis("settings of servers", "problem", found, action)
        return
    changed = sorted(name for name in own if own[name] != first.get(name))
    if changed:
        found = f"the running servers have other values than these settings: {', '.join(changed)}"
        yield Diagnosis("settings of servers", "warning", found, "Restart the servers, or correct the settings.")
        return
    yield Diagnosis("settings of servers", "ok", "the same for all, and those given here")


def _clocks(running: "Sequence[Replica]") -> Iterator[Diagnosis]:
    """How far each server's clock is from the ledger's."""
    ahead = [(each, each.clock_time - each.seen_time) for each in running if each.seen_time is not None]
    wrong = [f"{each.name} by {skew.total_seconds():+.1f} s" for each, skew in ahead if abs(skew) > SKEW]
    if wrong:
        found = f"clocks differ from the ledger's: {'; '.join(wrong)}"
        yield Diagnosis("clocks of servers", "problem", found, "Set the clocks, and keep them with NTP.")
    elif running:
        yield Diagnosis("clocks of servers", "ok", "as the ledger's")


def _names(some: "Sequence[Replica]") -> str:
    return ", ".join(each.name for each in some)
