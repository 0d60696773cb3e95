"""For a logged call `validate_only` answers with the real outcome, which is seldom anything new."""

from pathlib import Path

from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import Capabilities
from support.apps import STRANGER, Harness, open_harness
from support.crms import Switch

OTHER = "+12025550148"
IMMOVABLE = Capabilities(finds_log_by_key=True, enforces_unique_key=True, moves_log=False)


async def test_a_logged_call_would_stay_with_its_contact_whatever_the_new_number_is(
    harness: Harness, crm: Switch
) -> None:
    ada = await harness.create("Ada Lovelace", STRANGER)
    await harness.log("call-1")
    await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
    for number in ("anonymous", "911", OTHER):
        foreseen = await harness.log("call-1", number, validate_only=True)
        assert (foreseen.state, foreseen.reason) == (CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED)
        assert foreseen.contact is not None
        assert foreseen.contact.id == ada.id
        assert foreseen.update_pending


async def test_a_logged_call_would_not_wait_to_be_final(harness: Harness) -> None:
    await harness.create("Ada Lovelace", STRANGER)
    await harness.log("call-1")
    await harness.prefer(wait_until_final=True)
    foreseen = await harness.log("call-1", OTHER, validate_only=True)
    assert foreseen.state is CallLogState.LOGGED


async def test_a_logged_call_would_move_only_where_the_crm_can_move_it(tmp_path: Path) -> None:
    def without_moving(adapter: CrmAdapter) -> CrmAdapter:
        switched = Switch().wrap(adapter)
        switched.capabilities = IMMOVABLE  # type: ignore[misc] # the switch's own attribute
        return switched

    for wrap, moves in ((Switch().wrap, True), (without_moving, False)):
        async with open_harness(tmp_path / str(moves), wrap=wrap) as harness:
            contacts = {number: await harness.create("Ada Lovelace", number) for number in (STRANGER, OTHER)}
            await harness.log("call-1")
            foreseen = await harness.log("call-1", OTHER, validate_only=True)
            really = await harness.log("call-1", OTHER)
            assert foreseen.contact == really.contact
            assert foreseen.contact is not None
            assert foreseen.contact.id == contacts[OTHER if moves else STRANGER].id
