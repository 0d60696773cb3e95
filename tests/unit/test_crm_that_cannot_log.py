"""A CRM whose adapter has no way to log calls, from the report of a call to its log."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from leadline_server.commands.update_account_settings import AccountSettingsUpdate
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.preferences import AccountSettings, UnknownContactAction
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import ALL_METHODS, CrmMethod
from support.apps import STRANGER, Harness, open_harness
from support.crms import Switch

CREATE = UnknownContactAction.CREATE_PLACEHOLDER


@asynccontextmanager
async def without_logs(folder: Path) -> AsyncIterator[tuple[Harness, Counter[str]]]:
    """An app whose CRM has no `create_call_log`, and what it is asked for."""
    switch = Switch()

    def wrap(adapter: CrmAdapter) -> CrmAdapter:
        switched = switch.wrap(adapter)
        methods = ALL_METHODS - {CrmMethod.CREATE_CALL_LOG, CrmMethod.UPDATE_CALL_LOG}
        switched.capabilities = replace(adapter.capabilities, methods=methods)  # type: ignore[misc] # the switch's own
        return switched

    async with open_harness(folder, wrap=wrap) as harness:
        await harness.prefer(unknown_contact_action=CREATE)
        yield harness, switch.calls


async def allow(harness: Harness) -> None:
    """The account wants contacts of unknown callers all the same."""
    settings = AccountSettings(create_without_log=True)
    update = AccountSettingsUpdate(settings=settings, fields=("create_without_log",))
    await harness.app.commands.update_account_settings.execute(await harness.account(), update)


async def test_an_unknown_caller_becomes_no_contact(tmp_path: Path) -> None:
    async with without_logs(tmp_path) as (harness, calls):
        log = await harness.log("call-1")
        assert (log.state, log.reason) == (CallLogState.UNLOGGED, CallLogReason.CRM_CANNOT_LOG)
        assert not await harness.find(STRANGER)
        assert calls["create_contact"] == calls["create_call_log"] == 0


async def test_an_unknown_caller_becomes_a_contact_if_the_account_asks_for_it(tmp_path: Path) -> None:
    async with without_logs(tmp_path) as (harness, calls):
        await allow(harness)
        first, second = await harness.log("call-1"), await harness.log("call-2")
        for log in (first, second):
            assert (log.state, log.reason) == (CallLogState.UNLOGGED, CallLogReason.CRM_CANNOT_LOG)
        assert [match.contact.name for match in await harness.find(STRANGER)] == ["Unknown Caller"]
        assert (calls["create_contact"], calls["create_call_log"]) == (1, 0)


async def test_a_preview_says_the_same_and_creates_nothing(tmp_path: Path) -> None:
    async with without_logs(tmp_path) as (harness, calls):
        preview = await harness.log("call-1", validate_only=True)
        assert (preview.state, preview.reason) == (CallLogState.UNLOGGED, CallLogReason.CRM_CANNOT_LOG)
        assert calls["create_contact"] == 0


async def test_a_call_of_a_known_caller_stays_unlogged_and_names_them(tmp_path: Path) -> None:
    async with without_logs(tmp_path) as (harness, calls):
        await harness.create("Ada Lovelace", STRANGER)
        log = await harness.log("call-1")
        assert (log.state, log.reason) == (CallLogState.UNLOGGED, CallLogReason.CRM_CANNOT_LOG)
        assert "Ada Lovelace" in log.explanation
        assert calls["create_call_log"] == 0
