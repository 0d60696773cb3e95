"""The obligations of the ledger port about the records of servers, as tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from leadline_server.ports.ledger import Ledger, Replica
from leadline_server.testing.ledger_samples import OpenLedger


def _replica(name: str, clock_time: datetime) -> Replica:
    settings = {"accounts": "01234567"}
    return Replica(
        id=f"id-{name}", name=name, version="0.1.0", settings=settings, start_time=clock_time, clock_time=clock_time
    )


class ReplicaCases:
    """Records of servers, which come, are renewed, and go."""

    async def test_every_process_sees_the_servers_that_recorded_themselves(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        now = datetime.now(UTC)
        await ledger.replicas.record(_replica("b", now))
        await ledger.replicas.record(_replica("a", now))
        async with open_ledger() as other:
            found = await other.replicas.all()
        assert [each.name for each in found] == ["a", "b"]
        assert found[0].settings == {"accounts": "01234567"}
        assert all(each.seen_time is not None and abs(each.seen_time - now) < timedelta(minutes=1) for each in found)

    async def test_a_new_record_takes_the_place_of_the_servers_older_one(self, ledger: Ledger) -> None:
        now = datetime.now(UTC)
        first = _replica("a", now - timedelta(seconds=30))
        await ledger.replicas.record(first)
        await ledger.replicas.record(replace(first, clock_time=now))
        [found] = await ledger.replicas.all()
        assert (found.clock_time, found.start_time) == (now, first.start_time)

    async def test_a_server_that_stops_is_forgotten(self, ledger: Ledger) -> None:
        await ledger.replicas.record(_replica("a", datetime.now(UTC)))
        await ledger.replicas.forget("id-a")
        await ledger.replicas.forget("id-a")
        assert await ledger.replicas.all() == []
