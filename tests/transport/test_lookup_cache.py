"""Who is calling, asked over a socket of a service that remembers what its CRM answered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.call_log_pb2 import CallLogReason, CallLogState
from leadline_server.crm.wrappers import CachePolicy
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import UnknownContactAction
from support.apps import STRANGER, SettableClock
from support.crms import Switch
from support.lagging_crm import LaggingCrm
from transport.real import ASKED, Real, real_server, report
from transport.serving import refused

LONG: Final = CachePolicy(found_seconds=600, none_seconds=600)
FRESH: Final = pb.FindContactRequest(account_id="demo", phone_numbers=[STRANGER], skip_cache=True)


class Scene:
    """A service whose CRM is in memory, where other hands work too."""

    def __init__(self, real: Real, crm: LaggingCrm, switch: Switch) -> None:
        self.real = real
        self.crm = crm
        self.switch = switch

    @property
    def lookups(self) -> int:
        return self.switch.calls["find_contacts"]

    async def find(self, request: pb.FindContactRequest = ASKED) -> tuple[set[str], datetime]:
        answer = await self.real.contacts.FindContact(request)
        return {match.contact.id for match in answer.matches}, answer.as_of.ToDatetime(UTC)

    async def add(self, name: str) -> str:
        """Add a contact in the CRM itself, as a person does."""
        draft = ContactDraft(name=name, phone_number=parse_number(STRANGER, "US"))
        return (await self.crm.create_contact(draft, name)).id


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    crm, switch = LaggingCrm(SettableClock(), search_lag=timedelta(0), settle_time=timedelta(0)), Switch()
    async with real_server(tmp_path / "data", lambda _: switch.wrap(crm), LONG) as real:
        yield Scene(real, crm, switch)


async def test_200_clients_who_ask_at_once_cost_the_crm_one_question(scene: Scene) -> None:
    contact_id = await scene.add("Ada")
    is_open = asyncio.Event()

    async def wait(_: str) -> None:
        await is_open.wait()

    scene.switch.before = wait
    asked = [asyncio.create_task(scene.find()) for _ in range(200)]
    async with asyncio.timeout(10):
        while scene.real.in_flight("FindContact") != 200:
            await asyncio.sleep(0)
    is_open.set()
    assert {frozenset(found) for found, _ in await asyncio.gather(*asked)} == {frozenset({contact_id})}
    assert scene.lookups == 1


async def test_a_remembered_answer_says_when_the_crm_gave_it(scene: Scene) -> None:
    before = datetime.now(UTC)
    _, as_of = await scene.find()
    after = datetime.now(UTC)
    assert before - timedelta(milliseconds=1) <= as_of <= after
    assert (await scene.find())[1] == as_of
    assert scene.lookups == 1


async def test_skip_cache_asks_the_crm_and_what_it_says_is_remembered(scene: Scene) -> None:
    assert (await scene.find())[0] == set()
    contact_id = await scene.add("Ada")
    assert (await scene.find())[0] == set()
    found, as_of = await scene.find(FRESH)
    assert found == {contact_id}
    after = datetime.now(UTC)
    remembered, remembered_as_of = await scene.find()
    assert remembered == found
    assert as_of <= remembered_as_of <= after
    assert scene.lookups == 2


async def test_a_contact_that_is_created_through_leadline_is_found_at_once(scene: Scene) -> None:
    assert (await scene.find())[0] == set()
    creation = pb.CreateContactRequest(account_id="demo", name="Ada", phone_number=STRANGER)
    contact_id = (await scene.real.contacts.CreateContact(creation)).contact.id
    assert (await scene.find())[0] == {contact_id}


async def test_a_placeholder_that_a_call_made_is_found_at_once(scene: Scene) -> None:
    await scene.real.harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
    assert (await scene.find())[0] == set()
    log = (await scene.real.calls.LogCall(report("call-1"))).call_log
    assert log.reason == CallLogReason.CALL_LOG_REASON_PLACEHOLDER_CREATED
    assert (await scene.find())[0] == {log.contact.id}


async def test_a_contact_that_another_process_recorded_is_found_in_spite_of_what_is_remembered(scene: Scene) -> None:
    assert (await scene.find())[0] == set()
    contact_id = await scene.add("Ada")
    claims = scene.real.harness.app.ledger.claims
    await claims.finish("demo", STRANGER, contact_id, datetime.now(UTC))
    assert (await scene.find())[0] == {contact_id}
    assert scene.lookups == 1


async def test_a_decision_never_rests_on_what_is_remembered(scene: Scene) -> None:
    assert (await scene.find())[0] == set()
    contact_id = await scene.add("Ada")
    log = (await scene.real.calls.LogCall(report("call-1"))).call_log
    assert (log.state, log.contact.id) == (CallLogState.CALL_LOG_STATE_LOGGED, contact_id)


async def test_a_decision_does_not_see_a_contact_that_is_only_remembered(scene: Scene) -> None:
    contact_id = await scene.add("Ada")
    await scene.find()
    scene.crm.remove(contact_id)
    log = (await scene.real.calls.LogCall(report("call-1"))).call_log
    assert (log.state, log.reason) == (CallLogState.CALL_LOG_STATE_UNLOGGED, CallLogReason.CALL_LOG_REASON_NO_CONTACT)
    assert (await scene.find())[0] == set()  # the decision's answer is remembered now


async def test_no_second_contact_is_created_where_nobody_is_remembered(scene: Scene) -> None:
    assert (await scene.find())[0] == set()
    await scene.add("Ada")
    creation = pb.CreateContactRequest(account_id="demo", name="Ada", phone_number=STRANGER)
    assert (await refused(scene.real.contacts.CreateContact(creation))).info.reason == "CONTACT_ALREADY_EXISTS"


async def test_the_look_within_the_claim_is_asked_after_the_claim_was_taken(scene: Scene) -> None:
    await scene.real.harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
    added: list[str] = []

    async def add_after_the_first_look(operation: str) -> None:
        if operation == "find_contacts" and not added:
            added.append(await scene.add("Ada"))

    scene.switch.after = add_after_the_first_look
    log = (await scene.real.calls.LogCall(report("call-1"))).call_log
    assert (log.reason, log.contact.id) == (CallLogReason.CALL_LOG_REASON_CONTACT_MATCHED, added[0])


async def test_a_contact_that_turns_out_to_be_gone_is_shown_no_more(scene: Scene) -> None:
    contact_id = await scene.add("Ada")
    assert (await scene.find())[0] == {contact_id}
    scene.crm.remove(contact_id)
    choice = report("call-1", contact_id=contact_id)
    assert (await refused(scene.real.calls.LogCall(choice))).info.reason == "CONTACT_NOT_FOUND"
    assert (await scene.find())[0] == set()


async def test_a_contact_that_the_crm_refuses_a_log_for_is_shown_no_more(scene: Scene) -> None:
    contact_id = await scene.add("Ada")
    assert (await scene.find())[0] == {contact_id}

    async def merge_away(operation: str) -> None:
        if operation == "create_call_log":
            scene.crm.remove(contact_id)
            raise CrmRejected("It was merged into another contact.")

    scene.switch.before = merge_away
    log = (await scene.real.calls.LogCall(report("call-1"))).call_log
    assert log.state == CallLogState.CALL_LOG_STATE_UNLOGGED  # decided anew: the number has no contact any more
    assert (await scene.find())[0] == set()


async def test_while_the_crm_is_out_what_is_remembered_is_told_and_what_is_not_is_unavailable(scene: Scene) -> None:
    contact_id = await scene.add("Ada")
    await scene.find()
    scene.switch.go_down()
    assert (await scene.find())[0] == {contact_id}
    other = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550199"])
    assert (await refused(scene.real.contacts.FindContact(other))).info.reason == "CRM_UNAVAILABLE"
    assert (await refused(scene.real.contacts.FindContact(FRESH))).info.reason == "CRM_UNAVAILABLE"


async def test_a_blip_of_the_crm_is_not_seen_by_who_looks_a_number_up(scene: Scene) -> None:
    contact_id, blips = await scene.add("Ada"), 2

    async def fail_twice(_: str) -> None:
        nonlocal blips
        blips -= 1
        if blips >= 0:
            raise CrmUnavailable("A blip.")

    scene.switch.before = fail_twice
    assert (await scene.find())[0] == {contact_id}
