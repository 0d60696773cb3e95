"""A server's webhooks in this process, on real files: the receiver, the ledger and the embedded CRM."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from leadline_server.app import App, open_app
from leadline_server.config import Settings
from leadline_server.config_tables import AccountConfig
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.directory import User
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.http.receiver import receiver_of
from leadline_server.ingress.receiver import Receiver, WebhookAnswer
from leadline_server.ingress.webhook import Webhook
from leadline_server.ports.ledger import CallKey, CallLogFilter
from leadline_server.transport.admission.door import Door
from leadline_server.transport.admission.quotas import Quotas, QuotaSettings
from prometheus_client import CollectorRegistry

from support.webhook_events import CUSTOMER, PUBLIC_URL
from support.webhooks import SYSTEMS, PhoneSystem

ALICE = User(user_id="alice", extensions=("101", "alice"), phone_numbers=("+12025550101",))
BOB = User(user_id="bob", extensions=("102", "bob"), phone_numbers=("+12025550102",))


@dataclass
class Ingress:
    """A running server's webhooks, with short words for what tests do."""

    app: App
    receiver: Receiver
    registry: CollectorRegistry

    async def send(self, system: PhoneSystem, request: Webhook, account: str = "demo") -> WebhookAnswer:
        return await self.receiver.receive(system.name, account, request)

    async def log(self, call_id: str, account: str = "demo") -> CallLog | None:
        return await self.app.ledger.call_logs.get(CallKey(account, call_id))

    async def logs(self, account: str = "demo") -> list[CallLog]:
        page = await self.app.ledger.call_logs.list(CallLogFilter(account_id=account), None, 10_000)
        return list(page.call_logs)

    def count(self, route: str, outcome: str) -> float:
        return self.registry.get_sample_value("leadline_ingress_total", {"route": route, "outcome": outcome}) or 0.0


def settings(folder: Path, **routes: Mapping[str, Any]) -> Settings:
    """The settings of a server with routes for account `demo`, and the same for account `other`."""
    named = routes or {name: system.settings for name, system in SYSTEMS.items()}
    account = AccountConfig.model_validate({"ingress": named})
    return Settings(data_dir=folder, public_url=PUBLIC_URL, accounts={"demo": account, "other": AccountConfig()})


@asynccontextmanager
async def open_ingress(
    folder: Path, quotas: Quotas | None = None, /, **routes: Mapping[str, Any]
) -> AsyncIterator[Ingress]:
    """The webhooks of a server, with a contact who has CUSTOMER, and users alice and bob."""
    chosen = settings(folder, **routes)
    registry = CollectorRegistry()
    async with open_app(chosen) as app:
        await prepare(app)
        door = Door(app.commands.accounts.knows, QuotaSettings(quotas or Quotas()))
        yield Ingress(app, receiver_of(app, chosen, door, registry), registry)


async def prepare(app: App) -> None:
    await app.ledger.accounts.change("demo", lambda before: replace(before, default_user_id="alice"))
    for user in (ALICE, BOB):
        await app.ledger.users.put("demo", user)
    account = await app.commands.accounts.get("demo")
    draft = ContactDraft(name="Jane Roe", phone_number=parse_number(CUSTOMER, "US"))
    await account.crm.create_contact(draft, "jane")


def told(log: CallLog, name: str) -> Any:
    """A field of a log's call; a party's is `caller.phone_number` and the like."""
    value: Any = log.call
    for part in name.split("."):
        value = getattr(value, part)
    return value
