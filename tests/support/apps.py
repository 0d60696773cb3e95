"""The whole service in this process, on real files, without a transport; and what its tests say to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from leadline_server.accounts.registry import Account
from leadline_server.app import App, open_app
from leadline_server.commands.create_contact import ContactCreation
from leadline_server.commands.update_preferences import PreferencesUpdate
from leadline_server.concurrency.deadline import Budget
from leadline_server.config import Settings
from leadline_server.crm.wrappers import CachePolicy
from leadline_server.domain.access.principals import EVERYONE
from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import LogTrigger
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import Preferences
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.ledger import CallKey
from leadline_server.transport.server import Server
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from support.empty_files import put_empty_ledger
from support.ledgers import ledger_of

ACCOUNT = "demo"
USER = "alice"
STRANGER = "+12025550147"


class SettableClock:
    """Real time, moved forward at will."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()

    def advance(self, by: timedelta) -> None:
        self._ahead += by


@dataclass
class Harness:
    """An app, with short words for what tests do."""

    app: App
    clock: SettableClock

    async def account(self) -> Account:
        return await self.app.commands.accounts.get(ACCOUNT)

    async def log(
        self,
        call_id: str,
        caller: str = STRANGER,
        *,
        user: str = USER,
        contact_id: str = "",
        trigger: LogTrigger = LogTrigger.AUTOMATIC,
        validate_only: bool = False,
        seconds: float = 10.0,
        is_final: bool | None = None,
        **fields: Any,
    ) -> CallLog:
        """Report an inbound call from `caller`, as a phone system would; `caller__name` is the field caller.name."""
        event = CallEvent(
            call_id=call_id,
            fields={
                "direction": CallDirection.INBOUND,
                "caller.phone_number": caller,
                **{name.replace("__", "."): value for name, value in fields.items()},
            },
            is_final=is_final,
        )
        report = CallReport(account_id=ACCOUNT, user_id=user, event=event, trigger=trigger, contact_id=contact_id)
        execute, budget = self.app.commands.log_call.execute, Budget(seconds)
        if validate_only or contact_id:
            return await execute(await self.account(), report, budget, validate_only=validate_only)
        return await self.app.commands.accounts.confirmed(
            ACCOUNT, lambda account, version: execute(account, report, budget, settings_version=version)
        )

    async def get(self, call_id: str) -> CallLog:
        return await self.app.commands.get_call_log.execute(CallKey(ACCOUNT, call_id), EVERYONE)

    async def retry(self, call_id: str) -> CallLog:
        return await self.app.commands.retry_call_log.execute(
            await self.account(), CallKey(ACCOUNT, call_id), EVERYONE, Budget(10.0)
        )

    async def settled(self, call_id: str, until: Callable[[CallLog], bool], seconds: float = 20.0) -> CallLog:
        """The call log, once `until` holds for it."""
        async with asyncio.timeout(seconds):
            while not until(log := await self.get(call_id)):
                await asyncio.sleep(0.02)
        return log

    async def prefer(self, user: str = USER, **values: Any) -> None:
        update = PreferencesUpdate(user_id=user, values=Preferences(**values), fields=tuple(values))
        await self.app.commands.update_preferences.execute(await self.account(), update)

    async def find(self, number: str) -> tuple[ContactMatch, ...]:
        numbers, lookup = (parse_number(number, "US"),), self.app.commands.lookup
        return (await lookup.answer(await self.account(), numbers, may_be_remembered=True)).matches

    async def create(self, name: str, number: str, **values: Any) -> Contact:
        creation = ContactCreation(
            **{
                "user_id": USER,
                "request_id": "",
                "name": name,
                "number": parse_number(number, "US"),
                "contact_type": "",
                "email": "",
                "company": "",
                "allow_duplicate": False,
                **values,
            }
        )
        return await self.app.commands.create_contact.execute(await self.account(), creation)


@asynccontextmanager
async def open_harness(
    folder: Path,
    *,
    wrap: Callable[[CrmAdapter], CrmAdapter] = lambda adapter: adapter,
    cache: CachePolicy | None = None,
    **chosen: Any,
) -> AsyncIterator[Harness]:
    """A fresh or reopened app whose files are in `folder`; `chosen` are further settings."""
    clock, settings = SettableClock(), GivenSettings(data_dir=folder, **{"ledger": ledger_of(folder), **chosen})
    if not settings.ledger:
        await put_empty_ledger(settings.ledger_path)
    async with open_app(settings, clock=clock, wrap=wrap, cache=cache) as app:
        yield Harness(app, clock)


class GivenSettings(Settings):
    """Settings that are given, without those of the environment: looking for these takes a sixth of opening an app."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@asynccontextmanager
async def started(server: Server) -> AsyncIterator[None]:
    """Serve while the body runs.

    The server stops also if the body fails: a failure keeps it in memory, and gRPC complains about a server that is
    neither stopped nor has an event loop.
    """
    await server.start()
    try:
        yield
    finally:
        await server.drain(0.5)
