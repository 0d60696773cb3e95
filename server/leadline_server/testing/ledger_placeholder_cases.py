"""The obligations of the ledger port about limits of placeholders and replays, as tests."""

import asyncio
from datetime import datetime, timedelta

from leadline_server.domain.placeholder_bounds import MAX_REPLAYS, REPLAY_AGE
from leadline_server.domain.placeholders import (
    LimitPeriod,
    LimitReached,
    Placeholder,
    PlaceholderLimit,
    Reservation,
)
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.ledger import Claimed, Ledger
from leadline_server.testing.ledger_samples import ACCOUNT, NOW, OpenLedger

_HOUR_START = NOW.replace(minute=0, second=0, microsecond=0)
_HOUR = timedelta(hours=1)
_TICK = timedelta(microseconds=1)
_LEASE = timedelta(seconds=10)
_LATER = NOW + timedelta(minutes=1)


class PlaceholderCases:
    """Reservations of claims, the placeholders that they make, and replays."""

    async def test_of_many_reservations_at_once_as_many_as_the_limit_are_granted(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        async with open_ledger() as other:
            answers = await asyncio.gather(
                *(
                    _reserve(handle, f"{place}{handle is ledger}", per_hour=7)
                    for place in range(10)
                    for handle in (ledger, other)
                )
            )
        refusals = [answer for answer in answers if answer is not None]
        assert len(refusals) == 13
        assert sum(refusal.is_first for refusal in refusals) == 1

    async def test_a_refusal_names_its_limit(self, ledger: Ledger) -> None:
        refusal = await _reserve(ledger, "1", per_hour=0)
        assert refusal == LimitReached("account", 0, LimitPeriod.HOUR, is_first=True)
        assert await _reserve(ledger, "1", per_day=0) == LimitReached("account", 0, LimitPeriod.DAY, is_first=False)

    async def test_an_hour_begins_at_a_full_hour(self, ledger: Ledger) -> None:
        end = _HOUR_START + _HOUR
        assert await _reserve(ledger, "1", end - _TICK, per_hour=1) is None
        assert await _reserve(ledger, "2", end - _TICK, per_hour=1) is not None
        assert await _reserve(ledger, "3", end, per_hour=1) is None
        assert await _reserve(ledger, "4", end + _HOUR - _TICK, per_hour=1) is not None

    async def test_a_day_is_24_hours(self, ledger: Ledger) -> None:
        assert await _reserve(ledger, "1", _HOUR_START, per_day=1) is None
        assert await _reserve(ledger, "2", _HOUR_START + 24 * _HOUR - _TICK, per_day=1) is not None
        assert await _reserve(ledger, "3", _HOUR_START + 24 * _HOUR, per_day=1) is None

    async def test_a_reservation_takes_from_all_limits_or_from_none(self, ledger: Ledger) -> None:
        both = (PlaceholderLimit("account", 2, 2), PlaceholderLimit("user:bob", 1, None))
        assert await _acquire(ledger, "1", _wish(*both)) is None
        assert await _acquire(ledger, "2", _wish(*both)) == LimitReached("user:bob", 1, LimitPeriod.HOUR, is_first=True)
        assert await _acquire(ledger, "3", _wish(both[0])) is None

    async def test_accounts_are_counted_apart(self, ledger: Ledger) -> None:
        assert await _reserve(ledger, "1", per_hour=1) is None
        claimed = await ledger.claims.acquire("other", "1", "ann", "k", NOW, NOW + _LEASE, _wish(_limit(per_hour=1)))
        assert isinstance(claimed, Claimed)
        assert claimed.limit_reached is None

    async def test_a_creation_that_made_nothing_gives_its_room_back(self, ledger: Ledger) -> None:
        await _reserve(ledger, "1", per_hour=1)
        await ledger.claims.release(ACCOUNT, "1", "ann", None)
        assert await _reserve(ledger, "2", per_hour=1) is None

    async def test_a_creation_with_an_unknown_end_keeps_its_room(self, ledger: Ledger) -> None:
        await _reserve(ledger, "1", per_hour=1)
        await ledger.claims.release(ACCOUNT, "1", "ann", NOW)
        assert await _reserve(ledger, "2", per_hour=1) is not None

    async def test_the_next_holder_takes_over_the_room_of_a_creation_whose_process_died(self, ledger: Ledger) -> None:
        await _reserve(ledger, "1", per_hour=1)
        assert await _acquire(ledger, "1", _wish(_limit(per_hour=1)), "bob", NOW + _LEASE) is None
        assert await ledger.claims.begin(ACCOUNT, "1", "bob", "own", keeps_reservation=True)
        assert await _reserve(ledger, "2", per_hour=1) is not None
        await ledger.claims.release(ACCOUNT, "1", "bob", None)
        assert await _reserve(ledger, "3", per_hour=1) is None

    async def test_a_creation_without_limits_gives_back_the_room_of_the_one_it_replaces(self, ledger: Ledger) -> None:
        await _reserve(ledger, "1", per_hour=1)
        await ledger.claims.release(ACCOUNT, "1", "ann", NOW)
        await ledger.claims.acquire(ACCOUNT, "1", "bob", "own", NOW, NOW + _LEASE)
        assert await ledger.claims.begin(ACCOUNT, "1", "bob", "own")
        assert await _reserve(ledger, "2", per_hour=1) is None

    async def test_a_finished_creation_is_recorded_as_a_placeholder_and_keeps_its_room(self, ledger: Ledger) -> None:
        await _reserve(ledger, "1", per_hour=1)
        await ledger.claims.finish(ACCOUNT, "1", "c_1", _LATER, lease_owner="ann", creation_key="ann-1")
        expected = Placeholder(contact_id="c_1", name="Unknown", phone_number="+12025550101", create_time=_LATER)
        assert await ledger.placeholders.get(ACCOUNT, "c_1") == expected
        assert await ledger.placeholders.get("other", "c_1") is None
        assert await _reserve(ledger, "2", per_hour=1) is not None

    async def test_other_contacts_are_not_recorded_as_placeholders(self, ledger: Ledger) -> None:
        await ledger.claims.acquire(ACCOUNT, "1", "ann", "k", NOW, NOW + _LEASE)
        await ledger.claims.finish(ACCOUNT, "1", "c_1", NOW, lease_owner="ann", creation_key="k")
        await ledger.claims.finish(ACCOUNT, "2", "c_2", NOW)
        assert await ledger.placeholders.list(ACCOUNT, (NOW - _HOUR, ""), 10) == []

    async def test_placeholders_are_listed_by_their_creation(self, ledger: Ledger) -> None:
        for index, time in enumerate((_LATER, NOW, NOW)):
            await _reserve(ledger, str(index))
            contact_id = f"c_{index}"
            await ledger.claims.finish(ACCOUNT, str(index), contact_id, time, lease_owner="ann", creation_key="")
        listed = await ledger.placeholders.list(ACCOUNT, (NOW, ""), 10)
        assert [one.contact_id for one in listed] == ["c_1", "c_2", "c_0"]
        following = await ledger.placeholders.list(ACCOUNT, (NOW, "c_1"), 1)
        assert [one.contact_id for one in following] == ["c_2"]
        assert await ledger.placeholders.list(ACCOUNT, (_LATER + _TICK, ""), 10) == []

    async def test_a_forgotten_placeholder_is_listed_no_more(self, ledger: Ledger) -> None:
        await _reserve(ledger, "1")
        await ledger.claims.finish(ACCOUNT, "1", "c_1", NOW, lease_owner="ann", creation_key="ann-1")
        await ledger.placeholders.forget(ACCOUNT, "c_1")
        assert await ledger.placeholders.get(ACCOUNT, "c_1") is None

    async def test_a_replay_has_its_own_limit(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.placeholders.open_replay(ACCOUNT, "r", 1, NOW)
        full = _wish(_limit(per_hour=0), replay_id="r")
        assert await _acquire(ledger, "1", full) is None
        assert await _acquire(ledger, "2", full) == LimitReached("replay", 1, LimitPeriod.REPLAY, is_first=True)
        await ledger.claims.release(ACCOUNT, "1", "ann", None)
        assert await _acquire(ledger, "3", full) is None

    async def test_a_replay_ends_by_its_age_or_when_too_many_are_opened(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.placeholders.open_replay(ACCOUNT, "first", 1, NOW)
        assert await ledger.placeholders.has_replay(ACCOUNT, "first", NOW + REPLAY_AGE - _TICK)
        assert not await ledger.placeholders.has_replay(ACCOUNT, "first", NOW + REPLAY_AGE)
        assert not await ledger.placeholders.has_replay("other", "first", NOW)
        for index in range(MAX_REPLAYS):
            await ledger.placeholders.open_replay(ACCOUNT, f"r{index}", 1, NOW + _TICK * (index + 1))
        assert not await ledger.placeholders.has_replay(ACCOUNT, "first", NOW)
        assert await ledger.placeholders.has_replay(ACCOUNT, "r0", NOW)
        assert await _acquire(ledger, "1", _wish(replay_id="first")) is not None


def _limit(*, per_hour: int | None = None, per_day: int | None = None) -> PlaceholderLimit:
    return PlaceholderLimit("account", per_hour, per_day)


def _wish(*limits: PlaceholderLimit, replay_id: str = "") -> Reservation:
    return Reservation(name="Unknown", phone_number="+12025550101", limits=limits, replay_id=replay_id)


async def _reserve(
    ledger: Ledger, number: str, now: datetime = NOW, *, per_hour: int | None = None, per_day: int | None = None
) -> LimitReached | None:
    return await _acquire(ledger, number, _wish(_limit(per_hour=per_hour, per_day=per_day)), now=now)


async def _acquire(
    ledger: Ledger, number: str, wish: Reservation, owner: str = "ann", now: datetime = NOW
) -> LimitReached | None:
    """Acquire a claim that no other process holds; returns the limit that has no room."""
    claimed = await ledger.claims.acquire(ACCOUNT, number, owner, f"{owner}-{number}", now, now + _LEASE, wish)
    assert isinstance(claimed, Claimed)
    return claimed.limit_reached
