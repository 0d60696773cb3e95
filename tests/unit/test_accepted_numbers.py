"""A number is parsed once, when it is accepted; a later change of the account's region does not change it."""

from leadline_server.commands.update_account_settings import AccountSettingsUpdate
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.numbers.phone_number import NumberKind
from leadline_server.domain.preferences import AccountSettings, UnknownContactAction
from support.apps import Harness
from support.crms import Switch

WRITTEN, E164 = "020 7946 0123", "+442079460123"


async def set_region(harness: Harness, region: str) -> None:
    update = AccountSettingsUpdate(settings=AccountSettings(default_region=region), fields=("default_region",))
    await harness.app.commands.update_account_settings.execute(await harness.account(), update)


async def test_a_call_that_waits_for_the_crm_is_logged_by_the_number_that_was_accepted(
    harness: Harness, crm: Switch
) -> None:
    ada = await harness.create("Ada Lovelace", E164)
    await set_region(harness, "GB")
    crm.go_down()
    assert (await harness.log("call-1", WRITTEN)).state is CallLogState.PENDING
    await set_region(harness, "US")
    crm.come_back()
    log = await harness.retry("call-1")
    assert (log.state, log.reason) == (CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED)
    assert log.contact is not None
    assert (log.contact.id, log.number.e164) == (ada.id, E164)


async def test_a_retry_after_the_region_changed_looks_the_accepted_number_up(harness: Harness) -> None:
    await set_region(harness, "GB")
    assert (await harness.log("call-1", WRITTEN)).reason is CallLogReason.NO_CONTACT
    await set_region(harness, "US")
    assert (await harness.retry("call-1")).reason is CallLogReason.NO_CONTACT
    ada = await harness.create("Ada Lovelace", E164)
    log = await harness.retry("call-1")
    assert log.contact is not None
    assert (log.state, log.contact.id) == (CallLogState.LOGGED, ada.id)


async def test_a_placeholder_after_the_region_changed_gets_the_accepted_number(harness: Harness) -> None:
    await set_region(harness, "GB")
    await harness.log("call-1", WRITTEN)
    await set_region(harness, "US")
    await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
    log = await harness.retry("call-1")
    assert log.reason is CallLogReason.PLACEHOLDER_CREATED
    assert log.contact is not None
    assert log.contact.phone_numbers == (E164,)


async def test_a_report_that_repeats_the_number_does_not_parse_it_anew(harness: Harness) -> None:
    await set_region(harness, "GB")
    await harness.log("call-1", WRITTEN)
    await set_region(harness, "US")
    assert (await harness.log("call-1", WRITTEN, note="They called back.")).number.e164 == E164


async def test_another_number_is_parsed_in_the_region_of_the_report_that_brings_it(harness: Harness) -> None:
    await set_region(harness, "GB")
    await harness.log("call-1", WRITTEN)
    await set_region(harness, "US")
    log = await harness.log("call-1", "020 7946 0124")
    assert (log.number.text, log.number.kind) == ("020 7946 0124", NumberKind.UNUSABLE)
    assert (await harness.log("call-1", "(415) 555-0123")).number.e164 == "+14155550123"
