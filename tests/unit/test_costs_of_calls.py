"""The costs of a call in the ledger, so that no change adds to them unseen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from leadline_server.crm.embedded import EmbeddedCrm, open_crm_database
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.preferences import UnknownContactAction
from support.costs import CountedHarness, open_counted

ADA, STRANGER, OTHER = "+12025550198", "+12025550199", "+1202555010"


class Most(NamedTuple):
    """The most that a call may cost."""

    syncs: int
    statements: int
    documents: int
    kilobytes: int


IN_LEDGER = {"known": Most(1, 12, 1, 90), "placeholder": Most(1, 19, 1, 140), "update": Most(1, 9, 1, 45)}
OUTSIDE = {"known": Most(2, 13, 2, 125), "placeholder": Most(3, 23, 2, 150), "update": Most(2, 12, 2, 80)}


@asynccontextmanager
async def in_ledger(folder: Path) -> AsyncIterator[CountedHarness]:
    async with open_counted(folder) as harness:
        yield harness


@asynccontextmanager
async def outside(folder: Path) -> AsyncIterator[CountedHarness]:
    """The CRM is in a file of its own, as if it were elsewhere."""
    database = await open_crm_database(folder / "outside.db")
    try:
        crm = EmbeddedCrm(database, "demo", lambda: "US")
        async with open_counted(folder, wrap=lambda _: crm) as harness:
            yield harness
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("opening", "most"), [(in_ledger, IN_LEDGER), (outside, OUTSIDE)], ids=["in ledger", "outside"]
)
async def test_a_call_costs_no_more_than_it_needs(tmp_path: Path, opening: object, most: dict[str, Most]) -> None:
    async with opening(tmp_path) as harness:  # type: ignore[operator] # one of the two above
        await harness.create("Ada", ADA)
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        for number, caller in enumerate((ADA, STRANGER)):  # so that caches are filled
            await harness.log(f"first-{number}", caller)
        await asyncio.sleep(0.2)
        calls = [  # three of each: leadline's background work may add to one of them
            {
                "known": await cost(harness, harness.log(f"known-{number}", ADA)),
                "placeholder": await cost(harness, harness.log(f"unknown-{number}", f"{OTHER}{number}")),
                "update": await cost(harness, harness.log(f"known-{number}", ADA, note="Called back")),
            }
            for number in range(3)
        ]
    costs = {name: min(call[name] for call in calls) for name in most}
    for name, (syncs, statements, documents, kilobytes) in costs.items():
        assert syncs == most[name].syncs, (name, costs)
        assert statements <= most[name].statements, (name, costs)
        assert documents == most[name].documents, (name, costs)
        assert kilobytes <= most[name].kilobytes, (name, costs)


async def cost(harness: CountedHarness, call: Awaitable[CallLog]) -> Most:
    """The costs of a call, with the work for it after its answer."""
    with harness.counted() as costs:
        assert (await call).state is CallLogState.LOGGED
        await asyncio.sleep(0.2)
    return Most(costs.syncs, len(costs.statements), costs.documents, costs.log_bytes // 1_000)
