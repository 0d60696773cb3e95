"""An app with two accounts: one's CRM can die, and another's is well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from leadline_server.accounts.registry import Account
from leadline_server.app import App, open_app
from leadline_server.concurrency.circuit_breaker import FAILURES
from leadline_server.concurrency.deadline import Budget
from leadline_server.config import Settings
from leadline_server.config_tables import AccountConfig
from leadline_server.domain.access.principals import EVERYONE
from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.ledger import CallKey
from prometheus_client import CollectorRegistry, generate_latest
from support.crms import Switch

DEAD: Final = "dead"
WELL: Final = "well"
NUMBER: Final = "+12025550147"


@dataclass
class Two:
    """An app with two accounts, each behind a switch of its own."""

    app: App
    dead: Switch
    well: Switch
    registry: CollectorRegistry

    async def account(self, account_id: str) -> Account:
        return await self.app.commands.accounts.get(account_id)

    async def log(self, account_id: str, call_id: str, seconds: float = 10.0, number: str = NUMBER) -> CallLog:
        news = report(account_id, call_id, number)
        return await self.app.commands.log_call.execute(await self.account(account_id), news, Budget(seconds))

    async def find(self, account_id: str) -> None:
        numbers, account = (parse_number(NUMBER, "US"),), await self.account(account_id)
        await self.app.commands.lookup.answer(account, numbers, may_be_remembered=True)

    async def settled(self, account_id: str, call_id: str, seconds: float = 10.0) -> CallLog:
        async with asyncio.timeout(seconds):
            while True:
                log = await self.app.commands.get_call_log.execute(CallKey(account_id, call_id), EVERYONE)
                if log.state is not CallLogState.PENDING:
                    return log
                await asyncio.sleep(0.01)

    def metric(self, line: str) -> float:
        """The value on the line of /metrics that begins so."""
        [found] = [each for each in generate_latest(self.registry).decode().splitlines() if each.startswith(line)]
        return float(found.rpartition(" ")[2])


def report(account_id: str, call_id: str, number: str = NUMBER) -> CallReport:
    """A report of an incoming call."""
    values = {"direction": CallDirection.INBOUND, "caller.phone_number": number}
    return CallReport(account_id=account_id, user_id="alice", event=CallEvent(call_id=call_id, fields=values))


@asynccontextmanager
async def two_accounts(folder: Path, **settings: Any) -> AsyncIterator[Two]:
    """Open the app until the body ends."""
    dead, well, registry = Switch(), Switch(), CollectorRegistry()
    switches = iter((dead, well))

    def wrap(adapter: CrmAdapter) -> CrmAdapter:
        return next(switches).wrap(adapter)  # connections are made when an account is first asked for

    accounts = {DEAD: AccountConfig(), WELL: AccountConfig()}
    async with open_app(Settings(data_dir=folder, accounts=accounts, **settings), wrap=wrap, registry=registry) as app:
        it = Two(app, dead, well, registry)
        for account_id in (DEAD, WELL):
            await it.find(account_id)
        yield it


async def open_breaker(two: Two) -> None:
    """Let the dead account's breaker open."""
    two.dead.go_down()
    await asyncio.gather(*(two.log(DEAD, f"first-{i}") for i in range(FAILURES)))
    assert two.metric('leadline_crm_breaker{account_id="dead"}') == 2.0
