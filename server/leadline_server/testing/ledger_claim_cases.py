"""The obligations of ports.ledger.Claims and Requests, as tests."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from leadline_server.ports.ledger import Claimed, HeldByAnother, Ledger, RecordedAnswer, Remembered
from leadline_server.testing.ledger_samples import ACCOUNT, CONTACT, NOW, NUMBER, OpenLedger

_OTHER_NUMBER = "+442079460123"
_TICK = timedelta(microseconds=1)
_SOON = NOW + timedelta(seconds=1)
_LATER = NOW + timedelta(minutes=1)
_LEASE = timedelta(seconds=10)
_DAY = timedelta(hours=24)
_ANSWER = RecordedAnswer(b"\x00\xff fingerprint", CONTACT)


class ClaimCases:
    """Claims: numbers whose contact is being created or was created."""

    async def test_a_free_claim_is_acquired_for_a_creation_of_ones_own(self, ledger: Ledger) -> None:
        assert await _acquire(ledger, "ann", "first") == Claimed("first")

    async def test_a_claim_that_somebody_holds_is_refused_with_its_end(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        assert await _acquire(ledger, "bob", "second") == HeldByAnother(NOW + _LEASE)

    async def test_a_refusal_changes_nothing(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await _acquire(ledger, "bob", "second")
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", None)
        assert await _acquire(ledger, "bob", "third") == Claimed("third")

    async def test_of_many_who_want_a_claim_at_once_one_gets_it(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        async with open_ledger() as other:
            answers = await asyncio.gather(
                *(
                    _acquire(handle, f"{place}-{handle is ledger}", f"key {place}")
                    for place in range(16)
                    for handle in (ledger, other)
                )
            )
        assert len([answer for answer in answers if isinstance(answer, Claimed)]) == 1

    async def test_numbers_and_accounts_are_claimed_apart(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        until = NOW + _LEASE
        assert await ledger.claims.acquire(ACCOUNT, _OTHER_NUMBER, "bob", "second", NOW, until) == Claimed("second")
        assert await ledger.claims.acquire("other", NUMBER, "bob", "third", NOW, until) == Claimed("third")

    async def test_a_released_claim_is_free_and_the_creation_that_made_nothing_forgotten(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", None)
        assert await _acquire(ledger, "bob", "second") == Claimed("second")

    async def test_a_creation_given_up_with_an_unknown_end_stays_with_that_time(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", _SOON)
        assert await _acquire(ledger, "bob", "second", _LATER) == Claimed("first", _SOON)

    async def test_a_claim_is_free_when_its_time_is_over_and_its_creation_was_given_up_then(
        self, ledger: Ledger
    ) -> None:
        await _acquire(ledger, "ann", "first")
        end = NOW + _LEASE
        assert await _acquire(ledger, "bob", "second", end - _TICK) == HeldByAnother(end)
        assert await _acquire(ledger, "bob", "second", end) == Claimed("first", end)

    async def test_an_owner_that_asks_again_gets_its_claim_and_an_earlier_creation_ended_by_then(
        self, ledger: Ledger
    ) -> None:
        await _acquire(ledger, "ann", "first")
        assert await _acquire(ledger, "ann", "second", _SOON) == Claimed("first", _SOON)

    async def test_a_holder_that_made_nothing_leaves_an_earlier_creation_as_it_was(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", NOW)
        await _acquire(ledger, "bob", "second", _SOON)
        await ledger.claims.release(ACCOUNT, NUMBER, "bob", None)
        assert await _acquire(ledger, "ann", "third", _LATER) == Claimed("first", NOW)

    async def test_a_holder_that_tried_an_earlier_creation_again_leaves_it_given_up_anew(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", NOW)
        await _acquire(ledger, "bob", "second", _SOON)
        await ledger.claims.release(ACCOUNT, NUMBER, "bob", _LATER)
        assert await _acquire(ledger, "ann", "third", _LATER) == Claimed("first", _LATER)

    async def test_a_holder_that_dies_with_an_earlier_creation_may_have_tried_it_again(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", NOW)
        await _acquire(ledger, "bob", "second", _SOON)
        assert await _acquire(ledger, "ann", "third", _LATER) == Claimed("first", _SOON + _LEASE)

    async def test_a_renewed_claim_is_held_for_longer(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        assert await ledger.claims.renew(ACCOUNT, NUMBER, "ann", _LATER)
        assert await _acquire(ledger, "bob", "second", NOW + _LEASE) == HeldByAnother(_LATER)

    async def test_a_claim_that_is_anothers_is_neither_renewed_nor_begun_nor_released(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        taken = await _acquire(ledger, "bob", "second", _SOON + _LEASE)
        assert taken == Claimed("first", NOW + _LEASE)
        assert not await ledger.claims.renew(ACCOUNT, NUMBER, "ann", _LATER)
        assert not await ledger.claims.begin(ACCOUNT, NUMBER, "ann", "third")
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", None)
        held = await _acquire(ledger, "ann", "fourth", _SOON + _LEASE)
        assert held == HeldByAnother(_SOON + _LEASE + _LEASE)

    async def test_a_claim_that_nobody_holds_is_not_renewed(self, ledger: Ledger) -> None:
        assert not await ledger.claims.renew(ACCOUNT, NUMBER, "ann", _LATER)
        assert not await ledger.claims.begin(ACCOUNT, NUMBER, "ann", "first")

    async def test_a_holders_own_creation_takes_the_place_of_one_that_made_nothing(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", NOW)
        await _acquire(ledger, "bob", "second", _SOON)
        assert await ledger.claims.begin(ACCOUNT, NUMBER, "bob", "second")
        assert await _acquire(ledger, "ann", "third", _SOON + _LEASE) == Claimed("second", _SOON + _LEASE)

    async def test_a_creation_that_is_over_is_not_taken_up_again_and_frees_the_claim(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW, lease_owner="ann", creation_key="first")
        answer = await _acquire(ledger, "bob", "second")
        assert answer == Claimed("second", contact_id="c_1", contact_key="first")

    async def test_a_contact_recorded_beside_somebodys_claim_leaves_claim_and_creation(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        assert await _acquire(ledger, "bob", "second") == HeldByAnother(NOW + _LEASE)
        taken = await _acquire(ledger, "bob", "second", NOW + _LEASE)
        assert taken == Claimed("first", NOW + _LEASE, contact_id="c_1")

    async def test_a_holder_that_lost_its_claim_and_then_succeeds_takes_nothing_from_the_next(
        self, ledger: Ledger
    ) -> None:
        await _acquire(ledger, "ann", "first")
        await _acquire(ledger, "bob", "second", NOW + _LEASE)
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", _LATER, lease_owner="ann", creation_key="first")
        assert await _acquire(ledger, "ann", "third", NOW + _LEASE) == HeldByAnother(NOW + _LEASE + _LEASE)
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {NUMBER: Remembered("c_1", _LATER)}

    async def test_a_holder_that_lost_its_claim_ends_its_creation_where_nobody_took_it_up(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await _acquire(ledger, "bob", "second", NOW + _LEASE)
        await ledger.claims.release(ACCOUNT, NUMBER, "bob", None)
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", _LATER, lease_owner="ann", creation_key="first")
        answer = await _acquire(ledger, "bob", "third", _LATER)
        assert answer == Claimed("third", contact_id="c_1", contact_key="first")

    async def test_a_finished_creation_is_remembered_with_its_time(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", _LATER, lease_owner="ann", creation_key="first")
        assert await ledger.claims.remembered(ACCOUNT, [_OTHER_NUMBER, NUMBER]) == {NUMBER: Remembered("c_1", _LATER)}

    async def test_a_contact_can_be_recorded_without_a_creation(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "found", NOW)
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {NUMBER: Remembered("found", NOW)}

    async def test_the_latest_contact_is_remembered(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "old", NOW)
        await ledger.claims.finish(ACCOUNT, NUMBER, "new", _LATER)
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {NUMBER: Remembered("new", _LATER)}

    async def test_a_creation_under_way_is_not_remembered_as_a_contact(self, ledger: Ledger) -> None:
        await _acquire(ledger, "ann", "first")
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {}

    async def test_a_new_creation_keeps_the_contact_that_is_known(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        await _acquire(ledger, "ann", "second", _LATER)
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", None)
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {NUMBER: Remembered("c_1", NOW)}

    async def test_accounts_remember_apart(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        assert await ledger.claims.remembered("other", [NUMBER]) == {}

    async def test_of_no_numbers_nothing_is_remembered(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        assert await ledger.claims.remembered(ACCOUNT, []) == {}

    async def test_a_forgotten_contact_is_remembered_no_more(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        await ledger.claims.forget(ACCOUNT, NUMBER, "c_1")
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {}

    async def test_another_contact_than_the_forgotten_one_stays(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "new", NOW)
        await ledger.claims.forget(ACCOUNT, NUMBER, "old")
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {NUMBER: Remembered("new", NOW)}

    async def test_forgetting_a_contact_keeps_the_creation_under_way(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        await _acquire(ledger, "ann", "first")
        await ledger.claims.forget(ACCOUNT, NUMBER, "c_1")
        assert await _acquire(ledger, "bob", "second") == HeldByAnother(NOW + _LEASE)
        assert await _acquire(ledger, "bob", "second", NOW + _LEASE) == Claimed("first", NOW + _LEASE)

    async def test_releasing_and_forgetting_what_was_never_there_is_no_error(self, ledger: Ledger) -> None:
        await ledger.claims.release(ACCOUNT, NUMBER, "ann", None)
        await ledger.claims.forget(ACCOUNT, NUMBER, "c_1")
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {}

    async def test_a_claim_and_its_creation_survive_reopening(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as ledger:
            await _acquire(ledger, "ann", "first")
        async with open_ledger() as ledger:
            assert await _acquire(ledger, "bob", "second") == HeldByAnother(NOW + _LEASE)
            assert await _acquire(ledger, "bob", "second", NOW + _LEASE) == Claimed("first", NOW + _LEASE)


async def _acquire(ledger: Ledger, owner: str, creation_key: str, now: datetime = NOW) -> Claimed | HeldByAnother:
    return await ledger.claims.acquire(ACCOUNT, NUMBER, owner, creation_key, now, now + _LEASE)


class RequestCases:
    """Answers by request id."""

    async def test_an_unknown_request_has_no_answer(self, ledger: Ledger) -> None:
        assert await ledger.requests.get(ACCOUNT, "r-1", NOW) is None

    async def test_an_answer_is_read_as_it_was_given(self, ledger: Ledger) -> None:
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        assert await ledger.requests.get(ACCOUNT, "r-1", NOW) == _ANSWER

    async def test_requests_and_accounts_are_kept_apart(self, ledger: Ledger) -> None:
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        assert await ledger.requests.get(ACCOUNT, "r-2", NOW) is None
        assert await ledger.requests.get("other", "r-1", NOW) is None

    async def test_an_answer_is_remembered_for_24_hours(self, ledger: Ledger) -> None:
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        assert await ledger.requests.get(ACCOUNT, "r-1", NOW + _DAY) == _ANSWER
        assert await ledger.requests.get(ACCOUNT, "r-1", NOW + _DAY + timedelta(microseconds=1)) is None

    async def test_an_answer_that_is_too_old_makes_room_for_a_new_one(self, ledger: Ledger) -> None:
        later = NOW + _DAY + timedelta(seconds=1)
        new = RecordedAnswer(b"new", replace(CONTACT, id="c_2"))
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        await ledger.requests.remember(ACCOUNT, "r-1", new, later)
        assert await ledger.requests.get(ACCOUNT, "r-1", later) == new

    async def test_remembering_drops_no_answer_that_is_young_enough(self, ledger: Ledger) -> None:
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        await ledger.requests.remember(ACCOUNT, "r-2", _ANSWER, NOW + _DAY)
        assert await ledger.requests.get(ACCOUNT, "r-1", NOW + _DAY) == _ANSWER

    async def test_the_first_answer_stays(self, ledger: Ledger) -> None:
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        await ledger.requests.remember(ACCOUNT, "r-1", RecordedAnswer(b"other", replace(CONTACT, id="c_2")), _LATER)
        assert await ledger.requests.get(ACCOUNT, "r-1", _LATER) == _ANSWER
