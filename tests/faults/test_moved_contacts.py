"""People merge, convert and delete contacts while a call lasts: every vendor's CRM gets the end of the call."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from conformance.test_crm_bottlecrm import bottlecrm_under_test
from conformance.test_crm_espocrm import espocrm_under_test
from conformance.test_crm_hubspot import hubspot_under_test
from conformance.test_crm_pipedrive import pipedrive_under_test
from fakes.salesforce_people import salesforce_under_test
from fakes.zoho_people import zoho_under_test
from faults.http_crm.people import faulty_crm_under_test
from leadline_server.crm.hubspot.adapter_type import BY_DEFAULT, HUBSPOT
from leadline_server.crm.wrappers.clean_texts import CleanTextsCrm
from leadline_server.domain.call import CallResult
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState, UpdateState
from leadline_server.domain.crm_errors import CrmRejected, CrmUnavailable
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.ledger import CallLogFilter
from leadline_server.testing.crm_conformance import CrmUnderTest
from leadline_server.testing.crm_harness import Report, a_number
from support.apps import ACCOUNT, STRANGER, Harness, open_harness
from support.crms import Switch
from support.embedded import embedded_crm_under_test

Open = Callable[[], AbstractAsyncContextManager[CrmUnderTest]]


VENDORS: Final[dict[str, Open]] = {
    "bottlecrm": bottlecrm_under_test,
    "espocrm": espocrm_under_test,
    "hubspot": lambda: hubspot_under_test({}, HUBSPOT.variants[BY_DEFAULT].known_gaps),
    "pipedrive": lambda: pipedrive_under_test(frozenset()),
    "salesforce": salesforce_under_test,
    "zoho": zoho_under_test,
    "a plain one": faulty_crm_under_test,
}
MOVERS: Final = {name: VENDORS[name] for name in VENDORS if name != "bottlecrm"} | {"embedded": embedded_crm_under_test}
"""The CRMs that can move logs."""

vendors = pytest.mark.parametrize("vendor", VENDORS)
movers = pytest.mark.parametrize("vendor", MOVERS)


@asynccontextmanager
async def stage(
    folder: Path, vendor: str, wrap: Callable[[CrmAdapter], CrmAdapter] = lambda adapter: adapter
) -> AsyncIterator[tuple[Harness, CrmUnderTest]]:
    """Leadline with a vendor's CRM, for a user whose unknown callers become contacts."""
    async with (
        (VENDORS | MOVERS)[vendor]() as crm,
        open_harness(folder, wrap=lambda _: CleanTextsCrm(wrap(crm.adapter))) as harness,  # as WrapperStack does
    ):
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        yield harness, crm


async def ring(harness: Harness) -> CallLog:
    log = await harness.log("call-1")
    assert (log.state, log.reason) == (CallLogState.LOGGED, CallLogReason.PLACEHOLDER_CREATED)
    return log


async def hang_up(harness: Harness) -> CallLog:
    return await harness.log("call-1", result=CallResult.ANSWERED, note="at last", is_final=True)


async def assert_arrived(crm: CrmUnderTest, log: CallLog, contact_id: str) -> None:
    seen = await crm.other_hands().see_log(log.crm_log_id)
    assert (seen.contact_id, seen.note) == (contact_id, "at last")
    assert (log.state, log.update_state, log.last_error) == (CallLogState.LOGGED, UpdateState.NONE, "")
    assert log.contact is not None
    assert log.contact.id == contact_id
    assert contact_id in log.explanation
    # Where nothing tells what became of the placeholder, the call was decided anew.
    assert log.reason in {CallLogReason.PLACEHOLDER_CREATED, CallLogReason.CONTACT_MATCHED}


@vendors
async def test_the_end_of_a_call_arrives_at_the_contact_that_its_placeholder_was_merged_into(
    tmp_path: Path, vendor: str
) -> None:
    async with stage(tmp_path, vendor) as (harness, crm):
        placeholder = (await ring(harness)).contact
        assert placeholder is not None
        kept = (await crm.a_contact(number=STRANGER)).id
        await crm.other_hands().merge_contacts(kept, placeholder.id)
        await assert_arrived(crm, await hang_up(harness), kept)


@pytest.mark.parametrize("vendor", ["salesforce", "zoho", "espocrm", "bottlecrm"])
async def test_the_end_of_a_call_arrives_at_the_contact_that_its_lead_was_converted_to(
    tmp_path: Path, vendor: str
) -> None:
    async with stage(tmp_path, vendor) as (harness, crm):
        await harness.prefer(placeholder_contact_type="lead")
        placeholder = (await ring(harness)).contact
        assert placeholder is not None
        contact_id = await crm.other_hands().convert_contact(placeholder.id)
        await assert_arrived(crm, await hang_up(harness), contact_id)


@vendors
async def test_a_contact_that_people_deleted_is_not_made_again_by_the_end_of_its_call(
    tmp_path: Path, vendor: str
) -> None:
    async with stage(tmp_path, vendor) as (harness, crm):
        placeholder = (await ring(harness)).contact
        assert placeholder is not None
        people = crm.other_hands()
        await people.delete_contact(placeholder.id)
        log = await hang_up(harness)
        for _ in range(2):
            assert await people.count_contacts() == 0
            assert log.state is CallLogState.LOGGED
            assert log.update_state in {UpdateState.NONE, UpdateState.FAILED}
            assert bool(log.last_error) == (log.update_state is UpdateState.FAILED)
            log = await harness.retry("call-1")


async def test_a_refused_update_is_shown_listed_and_tried_again(tmp_path: Path) -> None:
    async with stage(tmp_path, "bottlecrm") as (harness, crm):
        rung = await ring(harness)
        assert rung.contact is not None
        await crm.other_hands().delete_contact(rung.contact.id)
        refused = await hang_up(harness)
        assert (refused.update_state, refused.attempts) == (UpdateState.FAILED, 1)
        assert "no longer in the CRM" in refused.last_error
        failed = CallLogFilter(account_id=ACCOUNT, update_states=(UpdateState.FAILED,))
        assert [log.call_id for log in (await harness.app.ledger.call_logs.list(failed, None, 10)).call_logs] == [
            "call-1"
        ]
        again = await harness.retry("call-1")
        assert (again.update_state, again.attempts) == (UpdateState.FAILED, 1)
        by_itself = await harness.log("call-1", disposition="Interested")
        assert (by_itself.update_state, by_itself.attempts) == (UpdateState.FAILED, 1)
        assert by_itself.revision > again.revision


@vendors
async def test_a_call_that_the_crm_did_not_take_yet_goes_to_the_contact_that_its_placeholder_became(
    tmp_path: Path, vendor: str
) -> None:
    switch = Switch()

    async def no_logs(operation: str) -> None:
        if operation == "create_call_log":
            raise CrmUnavailable("The CRM takes no calls now.")

    async with stage(tmp_path, vendor, switch.wrap) as (harness, crm):
        switch.before = no_logs
        pending = await harness.log("call-1", note="at last")
        assert (pending.state, pending.shown_contact is None) == (CallLogState.PENDING, False)
        placeholder = pending.shown_contact
        assert placeholder is not None
        kept = (await crm.a_contact(number=STRANGER)).id
        await crm.other_hands().merge_contacts(kept, placeholder.id)
        switch.come_back()
        log = await harness.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
        seen = await crm.other_hands().see_log(log.crm_log_id)
        assert (seen.contact_id, seen.note) == (kept, "at last")
        assert log.contact is not None
        assert log.contact.id == kept


class Refusals:
    """A CRM that refuses the next updates of logs, `left` of them."""

    def __init__(self) -> None:
        self.left = 0
        self._switch = Switch()
        self._switch.before = self._refuse
        self.wrap = self._switch.wrap

    async def _refuse(self, operation: str) -> None:
        if operation == "update_call_log" and self.left:
            self.left -= 1
            raise CrmRejected("Not now.")


async def lose_the_contact(crm: CrmUnderTest, placeholder_id: str) -> str:
    """People delete the placeholder, and add a contact with the caller's number. Returns its id."""
    other = await crm.a_contact(number=STRANGER)
    await crm.other_hands().delete_contact(placeholder_id)
    return other.id


@movers
@pytest.mark.parametrize("refusals", [1, 2])
async def test_a_refused_update_moves_the_log_from_a_deleted_contact_to_the_one_that_has_the_number(
    tmp_path: Path, vendor: str, refusals: int
) -> None:
    refused = Refusals()
    async with stage(tmp_path, vendor, refused.wrap) as (harness, crm):
        placeholder = (await ring(harness)).contact
        assert placeholder is not None
        other = await lose_the_contact(crm, placeholder.id)
        refused.left = refusals
        log = await hang_up(harness)
        assert refused.left == 0
        await assert_arrived(crm, log, other)
        assert log.reason is CallLogReason.CONTACT_MATCHED


@movers
async def test_a_refused_update_leaves_the_log_where_people_have_put_it(tmp_path: Path, vendor: str) -> None:
    refused = Refusals()
    async with stage(tmp_path, vendor, refused.wrap) as (harness, crm):
        rung = await ring(harness)
        assert rung.contact is not None
        peoples = await crm.a_contact(number=a_number())
        await crm.adapter.update_call_log(rung.crm_log_id, Report("call-1").entry(peoples.id, moves=True))
        await lose_the_contact(crm, rung.contact.id)
        refused.left = 1
        await assert_arrived(crm, await hang_up(harness), peoples.id)


async def test_a_log_that_cannot_move_keeps_the_contact_that_it_had(tmp_path: Path) -> None:
    refused = Refusals()

    def moves_nothing(adapter: CrmAdapter) -> CrmAdapter:
        switched = refused.wrap(adapter)
        switched.capabilities = replace(adapter.capabilities, moves_log=False)  # type: ignore[misc] # the switch's own
        return switched

    async with stage(tmp_path, "a plain one", moves_nothing) as (harness, crm):
        rung = await ring(harness)
        assert rung.contact is not None
        await lose_the_contact(crm, rung.contact.id)
        refused.left = 1
        log = await hang_up(harness)
        assert (log.contact, log.reason, log.update_state) == (rung.contact, rung.reason, UpdateState.NONE)
        seen = await crm.other_hands().see_log(log.crm_log_id)
        assert (seen.contact_id, seen.note) == (rung.contact.id, "at last")
