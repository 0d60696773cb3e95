"""The account's rules for numbers in a whole server: what was dialled, extensions, old spellings of contacts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from leadline_server.crm.embedded import open_crm_database
from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason
from leadline_server.domain.contact import Contact, MatchKind
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.ports.ledger import CallLogFilter
from support.apps import ACCOUNT, Harness, open_harness
from support.contact_book import ContactBook

WASHINGTON = "+12025550305"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_harness(tmp_path) as opened:
        await opened.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        yield opened


async def numbering(harness: Harness, **settings: Any) -> None:
    await harness.app.ledger.accounts.change(ACCOUNT, lambda before: replace(before, **settings))


async def store(folder: Path, name: str, number: str) -> None:
    """A contact as a person wrote it."""
    database = await open_crm_database(folder / "ledger.db")
    await ContactBook(database, ACCOUNT, lambda: "US").add(Contact(id="", name=name, phone_numbers=(number,)))
    await database.close()


async def dial(harness: Harness, dialled: str) -> CallLog:
    callee: dict[str, Any] = {"callee.phone_number": dialled, "caller.phone_number": None}
    return await harness.log(dialled, direction=CallDirection.OUTBOUND, **callee)


async def test_what_was_dialled_in_nine_ways_becomes_one_contact(harness: Harness) -> None:
    await numbering(harness, dial_prefixes=("9",))
    ways = ("92025550305", "912025550305", "*672025550305", "*6712025550305", "2025550305#", "w12025550305")
    for dialled in (*ways, "12025550305,,3", "+12025550305", "9,12025550305"):
        await dial(harness, dialled)
    [match] = await harness.find(WASHINGTON)
    assert match.contact.phone_numbers == (WASHINGTON,)
    page = await harness.app.ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT, phone_number=WASHINGTON), None, 20)
    assert len(page.call_logs) == 9
    assert {log.contact.id for log in page.call_logs if log.contact} == {match.contact.id}


async def test_the_valid_reading_is_logged_and_created(harness: Harness) -> None:
    await numbering(harness, default_region="DE", dial_prefixes=("0",))
    for dialled in ("0017612345678", "017612345678"):
        log = await dial(harness, dialled)
        assert log.contact is not None
        assert log.contact.phone_numbers == ("+4917612345678",)


async def test_where_both_readings_are_valid_nothing_is_created_and_both_are_named(harness: Harness) -> None:
    await numbering(harness, default_region="DE", dial_prefixes=("0",))
    log = await dial(harness, "0043158858")
    assert (log.reason, log.contact) == (CallLogReason.NO_CONTACT, None)
    assert "+43158858" in log.explanation
    assert "+4943158858" in log.explanation


async def test_a_contact_with_the_other_reading_is_found_all_the_same(harness: Harness) -> None:
    await numbering(harness, default_region="DE", dial_prefixes=("0",))
    kiel = await harness.create("Kiel", "+4943158858")
    log = await dial(harness, "0043158858")
    assert (log.reason, log.contact) == (CallLogReason.CONTACT_MATCHED, kiel)


async def test_a_text_without_a_valid_reading_is_unusable(harness: Harness) -> None:
    await numbering(harness, default_region="DE", dial_prefixes=("0",))
    assert (await dial(harness, "0090182512")).reason is CallLogReason.NUMBER_UNUSABLE


async def test_a_short_number_of_the_region_becomes_a_contact_and_an_extension_does_not(harness: Harness) -> None:
    await numbering(harness, default_region="LU", extension_pattern="1xx")
    customer = await harness.log("customer", "221236")
    colleague = await harness.log("colleague", "101")
    assert customer.contact is not None
    assert customer.contact.phone_numbers == ("+352221236",)
    assert (colleague.reason, colleague.contact) == (CallLogReason.NO_CONTACT, None)


async def test_a_call_from_todays_number_finds_the_contact_with_the_old_one(harness: Harness, tmp_path: Path) -> None:
    await store(tmp_path, "Ada", "+229 97 12 34 56")
    log = await harness.log("call", "+2290197123456")
    assert (log.reason, log.contact and log.contact.name) == (CallLogReason.CONTACT_MATCHED, "Ada")


async def test_the_two_spellings_of_a_number_have_one_claim_and_one_contact(harness: Harness) -> None:
    first = await harness.log("old", "+551187654321")
    second = await harness.log("today", "+5511987654321")
    assert first.contact is not None
    assert second.contact is not None
    assert first.contact.id == second.contact.id


async def test_argentine_numbers_with_and_without_the_9_have_two_claims(harness: Harness) -> None:
    contact = await harness.create("Ana", "+5491123456789")
    log = await harness.log("call", "+541123456789")
    [match] = await harness.find("+541123456789")
    assert log.contact == contact
    assert match.kind is MatchKind.NATIONAL


async def test_of_two_contacts_the_one_with_the_exact_spelling_is_logged_against(
    harness: Harness, tmp_path: Path
) -> None:
    await store(tmp_path, "Old", "+55 11 8765-4321")
    await store(tmp_path, "Today", "+55 11 98765-4321")
    for caller, name in (("+5511987654321", "Today"), ("+551187654321", "Old")):
        log = await harness.log(caller, caller)
        assert (log.reason, log.contact and log.contact.name) == (CallLogReason.CONTACT_MATCHED, name)
        assert {match.contact.name for match in await harness.find(caller)} == {"Old", "Today"}


async def test_a_contact_with_several_numbers_in_one_field_is_found_by_each(harness: Harness, tmp_path: Path) -> None:
    await store(tmp_path, "Ada", "Home 202-555-0305; Work 202-555-0306")
    for caller in ("+12025550305", "+12025550306"):
        log = await harness.log(caller, caller)
        assert log.contact is not None
        assert log.contact.name == "Ada"
