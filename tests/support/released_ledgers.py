"""The ledger that a release keeps: what is in it, and what a later version must do with it."""

from pathlib import Path
from typing import Final

from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.preferences import UnknownContactAction

from support.apps import open_harness

KNOWN: Final = "+12025550101"
STRANGER: Final = "+12025550102"
UNKNOWN: Final = "+12025550103"
STATES: Final = {
    "known": (CallLogState.LOGGED, CallLogReason.CONTACT_MATCHED),
    "stranger": (CallLogState.LOGGED, CallLogReason.PLACEHOLDER_CREATED),
    "unlogged": (CallLogState.UNLOGGED, CallLogReason.NO_CONTACT),
    "waits": (CallLogState.PENDING, CallLogReason.NOT_FINAL),
}
"""The calls by their ids."""


async def fill(data: Path) -> None:
    """Make the ledger in a data directory that does not exist."""
    async with open_harness(data) as harness:
        await harness.create("Ada", KNOWN)
        await harness.log("known", KNOWN, note="Called back")
        await harness.log("unlogged", UNKNOWN)
        await harness.prefer("bob", unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        await harness.log("stranger", STRANGER, user="bob")
        await harness.prefer("carol", wait_until_final=True)
        await harness.log("waits", KNOWN, user="carol")


async def check(data: Path) -> None:
    """Open a copy of such a ledger with this version: it has everything, and goes on."""
    async with open_harness(data) as harness:
        for call_id, (state, reason) in STATES.items():
            log = await harness.get(call_id)
            assert (call_id, log.state, log.reason) == (call_id, state, reason)
        assert (await harness.get("known")).call.note == "Called back"
        assert [match.contact.name for match in await harness.find(KNOWN)] == ["Ada"]
        assert (await harness.log("later", STRANGER)).reason is CallLogReason.PLACEHOLDER_REUSED
        await harness.create("Bo", UNKNOWN)
        assert (await harness.retry("unlogged")).state is CallLogState.LOGGED
        final = await harness.log("waits", KNOWN, user="carol", is_final=True)
        assert final.state is CallLogState.LOGGED
        before = await harness.get("known")
        again = await harness.log("known", KNOWN, note="Called back")
        assert (again.crm_log_id, again.revision) == (before.crm_log_id, before.revision)
