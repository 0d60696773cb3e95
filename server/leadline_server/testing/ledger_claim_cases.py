"""The obligations of ports.ledger.Claims and Requests, as tests."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from leadline_server.ports.ledger import Answer, Ledger, Remembered
from leadline_server.testing.ledger_samples import ACCOUNT, CONTACT, NOW, NUMBER, OpenLedger

_OTHER_NUMBER = "+442079460123"
_LATER = NOW + timedelta(minutes=1)
_DAY = timedelta(hours=24)
_ANSWER = Answer(b"\x00\xff fingerprint", CONTACT)


class ClaimCases:
    """Contacts being created, and created."""

    async def test_the_first_to_begin_uses_its_own_creation_key(self, ledger: Ledger) -> None:
        assert await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW) == "first"

    async def test_whoever_begins_before_the_end_gets_the_first_creation_key(self, ledger: Ledger) -> None:
        await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW)
        assert await ledger.claims.begin(ACCOUNT, NUMBER, "second", _LATER) == "first"

    async def test_many_who_begin_at_once_get_one_creation_key(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        async with open_ledger() as other:
            keys = await asyncio.gather(
                *(
                    handle.claims.begin(ACCOUNT, NUMBER, f"{handle is ledger}-{place}", NOW)
                    for place in range(16)
                    for handle in (ledger, other)
                )
            )
        assert len(set(keys)) == 1

    async def test_numbers_and_accounts_are_claimed_apart(self, ledger: Ledger) -> None:
        await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW)
        assert await ledger.claims.begin(ACCOUNT, _OTHER_NUMBER, "second", NOW) == "second"
        assert await ledger.claims.begin("other", NUMBER, "third", NOW) == "third"

    async def test_a_creation_that_is_over_is_not_taken_up_again(self, ledger: Ledger) -> None:
        await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW)
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        assert await ledger.claims.begin(ACCOUNT, NUMBER, "second", _LATER) == "second"

    async def test_an_abandoned_creation_is_not_taken_up_again(self, ledger: Ledger) -> None:
        await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW)
        await ledger.claims.abandon(ACCOUNT, NUMBER)
        assert await ledger.claims.begin(ACCOUNT, NUMBER, "second", _LATER) == "second"

    async def test_a_finished_creation_is_remembered_with_its_time(self, ledger: Ledger) -> None:
        await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW)
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", _LATER)
        assert await ledger.claims.remembered(ACCOUNT, [_OTHER_NUMBER, NUMBER]) == {NUMBER: Remembered("c_1", _LATER)}

    async def test_a_contact_can_be_recorded_without_a_creation(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "found", NOW)
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {NUMBER: Remembered("found", NOW)}

    async def test_the_latest_contact_is_remembered(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "old", NOW)
        await ledger.claims.finish(ACCOUNT, NUMBER, "new", _LATER)
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {NUMBER: Remembered("new", _LATER)}

    async def test_a_creation_under_way_is_not_remembered_as_a_contact(self, ledger: Ledger) -> None:
        await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW)
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {}

    async def test_a_new_creation_keeps_the_contact_that_is_known(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        await ledger.claims.begin(ACCOUNT, NUMBER, "second", _LATER)
        await ledger.claims.abandon(ACCOUNT, NUMBER)
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
        await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW)
        await ledger.claims.forget(ACCOUNT, NUMBER, "c_1")
        assert await ledger.claims.begin(ACCOUNT, NUMBER, "second", _LATER) == "first"

    async def test_abandoning_what_was_never_begun_is_no_error(self, ledger: Ledger) -> None:
        await ledger.claims.abandon(ACCOUNT, NUMBER)
        await ledger.claims.forget(ACCOUNT, NUMBER, "c_1")
        assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {}

    async def test_an_unfinished_creation_survives_reopening(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as ledger:
            await ledger.claims.begin(ACCOUNT, NUMBER, "first", NOW)
        async with open_ledger() as ledger:
            assert await ledger.claims.begin(ACCOUNT, NUMBER, "second", _LATER) == "first"


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
        new = Answer(b"new", replace(CONTACT, id="c_2"))
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        await ledger.requests.remember(ACCOUNT, "r-1", new, later)
        assert await ledger.requests.get(ACCOUNT, "r-1", later) == new

    async def test_remembering_drops_no_answer_that_is_young_enough(self, ledger: Ledger) -> None:
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        await ledger.requests.remember(ACCOUNT, "r-2", _ANSWER, NOW + _DAY)
        assert await ledger.requests.get(ACCOUNT, "r-1", NOW + _DAY) == _ANSWER

    async def test_the_first_answer_stays(self, ledger: Ledger) -> None:
        await ledger.requests.remember(ACCOUNT, "r-1", _ANSWER, NOW)
        await ledger.requests.remember(ACCOUNT, "r-1", Answer(b"other", replace(CONTACT, id="c_2")), _LATER)
        assert await ledger.requests.get(ACCOUNT, "r-1", _LATER) == _ANSWER
