"""An adapter as leadline opens it, for the tests of those who write adapters."""

from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
import pytest
from leadline_server.crm.toolkit.adapter_type import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    ConnectionSettings,
)
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.adapter_under_test import open_adapter
from pydantic import ValidationError
from support.operations import memory_crm

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
SOON: Final = NOW + timedelta(seconds=30)


class MemorySettings(ConnectionSettings):
    """The settings."""

    title: str


class Kind:
    """A kind of adapter that shows what it got."""

    def __init__(self) -> None:
        self.context: AdapterContext | None = None
        self.title = ""
        self.account: AccountView | None = None
        self.closed: list[str] = []
        self.type = AdapterType(name="memory", title="A CRM in memory", settings=MemorySettings, open=self._open)

    async def _open(self, settings: MemorySettings, context: AdapterContext) -> Connect:
        self.context, self.title = context, settings.title
        context.closing.callback(self.closed.append, "memory")
        return self._connect

    def _connect(self, account: AccountView) -> CrmAdapter:
        self.account = account
        return memory_crm()


async def test_an_adapter_gets_what_leadline_would_give_it_and_is_closed_in_the_end() -> None:
    kind, settings = Kind(), AccountSettings(default_region="GB")
    async with open_adapter(kind.type, {"title": "mine"}, account_id="acme", settings=settings) as crm:
        await crm.check()
        context = kind.context
        assert context is not None
        assert kind.account is not None
        assert (kind.title, kind.account.id, kind.account.settings()) == ("mine", "acme", settings)
        assert isinstance(context.session, aiohttp.ClientSession)
        assert context.data_dir.is_dir()
        assert kind.closed == []
    assert kind.closed == ["memory"]
    assert context.session.closed
    assert not context.data_dir.exists()


async def test_without_more_it_is_account_demo_with_its_defaults() -> None:
    kind = Kind()
    async with open_adapter(kind.type, {"title": "mine"}):
        assert kind.account is not None
        assert (kind.account.id, kind.account.settings()) == ("demo", AccountSettings())


@pytest.mark.parametrize("options", [{}, {"title": "mine", "colour": "red"}])
async def test_options_are_checked_as_the_settings_are(options: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        async with open_adapter(Kind().type, options):
            raise AssertionError


async def test_tokens_are_kept_as_the_port_says() -> None:
    kind = Kind()
    async with open_adapter(kind.type, {"title": "mine"}):
        assert kind.context is not None
        tokens = kind.context.tokens
        assert await tokens.get("one") is None
        assert await tokens.acquire("one", "me", NOW, SOON)
        assert await tokens.acquire("one", "me", NOW, SOON)
        assert not await tokens.acquire("one", "you", NOW, SOON)
        await tokens.release("one", "you")
        assert not await tokens.acquire("one", "you", NOW, SOON)
        await tokens.put("one", "me", b"tokens")
        assert await tokens.get("one") == b"tokens"
        assert await tokens.get("two") is None
        assert await tokens.acquire("one", "you", NOW, SOON)
        assert await tokens.acquire("one", "me", SOON, SOON + timedelta(seconds=30))
        await tokens.release("one", "me")
        assert await tokens.acquire("one", "you", SOON, SOON)
