"""An account that joins calls, and the legs of its conversations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from leadline_server.commands.list_call_logs import CallLogQuery
from leadline_server.commands.update_account_settings import AccountSettingsUpdate
from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.preferences import AccountSettings, Preferences, UnknownContactAction
from leadline_server.ports.ledger import CallLogFilter
from support.apps import ACCOUNT, Harness, open_harness
from support.crms import Switch

OTHER = "+12025550148"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LINKED = "17.1"
OUTBOUND = {"direction": CallDirection.OUTBOUND, "caller__phone_number": None}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@asynccontextmanager
async def joining(folder: Path, *, is_on: bool = True) -> AsyncIterator[tuple[Harness, Switch]]:
    """An app whose account joins calls, and its CRM, which gets a placeholder for every stranger."""
    switch = Switch()
    async with open_harness(folder, wrap=switch.wrap) as harness:
        if is_on:
            await configure(harness, join_linked_calls=True)
        defaults = Preferences(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        await configure(harness, "defaults.unknown_contact_action", defaults=defaults)
        yield harness, switch


async def configure(harness: Harness, *fields: str, **settings: Any) -> None:
    update = AccountSettingsUpdate(settings=AccountSettings(**settings), fields=fields or tuple(settings))
    await harness.app.commands.update_account_settings.execute(await harness.account(), update)


async def listed(harness: Harness) -> list[CallLog]:
    query = CallLogQuery(selection=CallLogFilter(account_id=ACCOUNT), page_size=1000, page_token="")
    return list((await harness.app.commands.list_call_logs.execute(query)).call_logs)


def leg(start: float, end: float | None = None, *, user: str = "alice", **fields: Any) -> dict[str, Any]:
    """A leg's fields: when it rang and ended, in seconds after noon, and what came of it."""
    times = {"start_time": at(start)} | ({} if end is None else {"end_time": at(end)})
    return {"user": user, "linked_id": LINKED, "callee__user_id": user, **times, **fields}
