"""From the settings to adapters at work: each connection opened once, told apart, and closed in the end."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from leadline_server.clock import SystemClock
from leadline_server.crm import adapter_registry
from leadline_server.crm.connections import AccountCrm, ConnectionSpec, open_connections
from leadline_server.crm.toolkit.adapter_type import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    ConnectionSettings,
)
from leadline_server.crm.unconnected_crm import UnconnectedCrm
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmUnavailable
from leadline_server.domain.preferences import AccountSettings
from leadline_server.encryption.keys import SecretsKeys
from leadline_server.ledger.sqlite import open_sqlite_ledger
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities
from leadline_server.ports.ledger import TokenStore
from pydantic import ValidationError
from support.http_servers import http_server
from support.operations import OPERATIONS, create, memory_crm
from support.secrets_keys import key_file


class MemorySettings(ConnectionSettings):
    """The settings of a connection to a CRM in memory."""

    title: str = ""


@dataclass
class Opened:
    """The events in order, and the context of each connection."""

    events: list[str] = field(default_factory=list)
    contexts: dict[str, AdapterContext] = field(default_factory=dict)


OPENED: Final = Opened()


async def _open(settings: MemorySettings, context: AdapterContext) -> Connect:
    if settings.title == "down":
        raise CrmUnavailable("It cannot be opened.")
    OPENED.events.append(f"open {context.name} {settings.title}")
    OPENED.contexts[context.name] = context
    context.closing.callback(OPENED.events.append, f"close {context.name}")

    def connect(account: AccountView) -> CrmAdapter:
        OPENED.events.append(f"connect {account.id} to {context.name}")
        return memory_crm(search_lag=timedelta(seconds=5), settle_time=timedelta(seconds=2))

    return connect


MEMORY = AdapterType(name="memory", title="A CRM in memory", settings=MemorySettings, open=_open, is_remote=False)


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The adapter `memory` is installed, and nothing of it is open yet."""
    entry = EntryPoint("memory", f"{__name__}:MEMORY", adapter_registry.GROUP)

    def entry_points(*, group: str, name: str | None = None) -> Sequence[EntryPoint]:
        return [entry] if group == adapter_registry.GROUP and name in (None, "memory") else []

    monkeypatch.setattr(adapter_registry, "entry_points", entry_points)
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("types").SimpleNamespace(**globals()))
    OPENED.events.clear()
    OPENED.contexts.clear()
    return OPENED


@dataclass
class Desk:
    """Connections at work; `tokens` is what is on disk."""

    connect: Any
    tokens: TokenStore
    folder: Path

    def account(self, account_id: str) -> AccountCrm:
        crm: AccountCrm = self.connect(AccountView(account_id, AccountSettings))
        return crm


@asynccontextmanager
async def connections(
    folder: Path, choices: Mapping[str, ConnectionSpec], connection_of: Mapping[str, str] | None = None
) -> AsyncIterator[Desk]:
    names = connection_of or {}
    async with (
        open_sqlite_ledger(folder / "ledger.db", SecretsKeys(key_file(folder / "secrets.key"))) as ledger,
        open_connections(choices, names.get, ledger, folder, SystemClock(), "this process") as connect,
    ):
        yield Desk(connect, ledger.tokens, folder)


async def test_a_connection_is_opened_once_for_all_its_accounts_and_closed_in_the_end(
    tmp_path: Path, opened: Opened
) -> None:
    choices = {"one": ConnectionSpec("memory", {"title": "first"}), "two": ConnectionSpec("memory")}
    async with connections(tmp_path, choices, {"a": "one", "b": "one", "c": "two"}) as desk:
        for account in "abc":
            assert desk.account(account).kind == "memory"
        assert opened.contexts["one"].session is opened.contexts["two"].session
        assert not opened.contexts["one"].session.closed
    assert opened.events == [
        "open one first",
        "open two ",
        "connect a to one",
        "connect b to one",
        "connect c to two",
        "close two",
        "close one",
    ]
    assert opened.contexts["one"].session.closed


async def test_of_which_kind_an_account_s_crm_is_is_told(tmp_path: Path) -> None:
    choices = {"one": ConnectionSpec("memory"), "hub": ConnectionSpec("hubspot", {"token": "t"})}
    async with connections(tmp_path, choices, {"a": "one", "b": "hub"}) as desk:
        assert (desk.account("a").kind, desk.account("a").is_remote) == ("memory", False)
        assert (desk.account("b").kind, desk.account("b").is_remote) == ("hubspot", True)


async def test_an_account_without_a_connection_has_a_crm_that_can_tell_nothing(tmp_path: Path) -> None:
    async with connections(tmp_path, {"one": ConnectionSpec("memory")}) as desk:
        crm = desk.account("taken out of the file")
    assert (crm.kind, crm.is_remote) == ("none", False)
    assert isinstance(crm.adapter, UnconnectedCrm)
    for operation in ALL_METHODS:
        with pytest.raises(CrmUnavailable, match="connect this account to no CRM"):
            await OPERATIONS[operation](crm.adapter)
    with pytest.raises(CrmUnavailable, match="connect this account to no CRM"):
        await crm.adapter.list_users("")
    promised = crm.adapter.capabilities
    assert [promised.finds_log_by_key, promised.enforces_unique_key, promised.moves_log] == [False, False, False]


@pytest.mark.parametrize(
    ("choice", "lag", "settle"),
    [
        (ConnectionSpec("memory"), 5, 2),
        (ConnectionSpec("memory", search_lag=60.0), 60, 2),
        (ConnectionSpec("memory", settle=0.0), 5, 0),
        (ConnectionSpec("memory", search_lag=0.0, settle=30.0), 0, 30),
    ],
)
async def test_the_settings_say_how_a_crm_differs_from_what_its_adapter_declares(
    tmp_path: Path, choice: ConnectionSpec, lag: float, settle: float
) -> None:
    async with connections(tmp_path, {"one": choice}, {"a": "one"}) as desk:
        crm = desk.account("a").adapter
        declared: Capabilities = crm.capabilities
        assert (declared.search_lag, declared.settle_time) == (timedelta(seconds=lag), timedelta(seconds=settle))
        assert declared.enforces_unique_key == memory_crm().capabilities.enforces_unique_key
        contact = await create(crm)
        assert await crm.get_contact(contact.id) == contact


class Refusing(CrmWrapper):
    """A CRM that refuses leadline's credentials."""

    async def _do(self, *_: Any, **__: Any) -> Any:
        raise CrmAuthFailed("The CRM refuses leadline's credentials (HTTP 401).")


async def test_an_error_about_credentials_names_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def open_refusing(_: MemorySettings, __: AdapterContext) -> Connect:
        return lambda _: Refusing(memory_crm())

    remote = AdapterType(name="memory", title="A CRM", settings=MemorySettings, open=open_refusing)
    monkeypatch.setattr("leadline_server.crm.connections.adapter_type", lambda _: remote)
    async with connections(tmp_path, {"sales": ConnectionSpec("memory")}, {"a": "sales"}) as desk:
        with pytest.raises(CrmAuthFailed) as caught:
            await desk.account("a").adapter.get_contact("c1")
    expected = "Connection 'sales': The CRM refuses leadline's credentials (HTTP 401)."
    assert (caught.value.message, str(caught.value)) == (expected, expected)


def _files(folder: Path) -> list[Path]:
    return list(folder.glob("ledger.db*"))


async def test_tokens_are_encrypted_on_disk_and_apart_by_connection(tmp_path: Path, opened: Opened) -> None:
    async with connections(tmp_path, {"one": ConnectionSpec("memory"), "two": ConnectionSpec("memory")}):
        for name in ("one", "two"):
            await opened.contexts[name].tokens.put(opened.contexts[name].name, "me", f"secret of {name}".encode())
        assert await opened.contexts["two"].tokens.get("one") == b"secret of one"
        assert await opened.contexts["one"].tokens.get("two") == b"secret of two"
    kept = b"".join(file.read_bytes() for file in _files(tmp_path))
    assert b"secret of" not in kept
    assert (tmp_path / "secrets.key").stat().st_mode & 0o777 == 0o600


async def test_no_key_is_made_where_nobody_keeps_a_token(tmp_path: Path) -> None:
    async with connections(tmp_path, {"one": ConnectionSpec("memory")}, {"a": "one"}) as desk:
        await desk.account("a").adapter.check()
    assert not (tmp_path / "secrets.key").exists()


async def test_the_session_keeps_no_cookies_and_bounds_nothing(tmp_path: Path, opened: Opened) -> None:
    here, cookies = 0, list[str | None]()
    all_here = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        nonlocal here
        here += 1
        if here >= 150:  # aiohttp's own pool would let 100 in
            all_here.set()
        await all_here.wait()
        cookies.append(request.headers.get("Cookie"))
        answer = web.Response()
        answer.set_cookie("session", "of one account")
        return answer

    async with (
        connections(tmp_path, {"one": ConnectionSpec("memory")}),
        http_server(handler) as url,
        asyncio.timeout(20),
    ):
        session = opened.contexts["one"].session
        await asyncio.gather(*(session.get(url) for _ in range(150)))
        await session.get(url)
    assert set(cookies) == {None}


async def test_one_that_cannot_be_opened_ends_the_start_and_closes_the_others(tmp_path: Path, opened: Opened) -> None:
    choices = {"one": ConnectionSpec("memory"), "two": ConnectionSpec("memory", {"title": "down"})}
    with pytest.raises(CrmUnavailable, match="It cannot be opened"):
        async with connections(tmp_path, choices):
            raise AssertionError
    assert opened.events == ["open one ", "close one"]
    assert opened.contexts["one"].session.closed


async def test_options_are_checked_once_more(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        async with connections(tmp_path, {"one": ConnectionSpec("memory", {"colour": "red"})}):
            raise AssertionError


async def test_the_embedded_crm_is_in_the_ledgers_file(tmp_path: Path) -> None:
    for expected in (0, 1):
        async with connections(tmp_path, {"own": ConnectionSpec("embedded")}, {"a": "own", "b": "own"}) as desk:
            mine, others = desk.account("a").adapter, desk.account("b").adapter
            assert len((await mine.search_contacts("Ada", 10, "")).contacts) == expected
            await create(mine)
            assert not (await others.search_contacts("Ada", 10, "")).contacts
    assert not (tmp_path / "crm.db").exists()


def test_all_adapters_are_leadlines_own_and_those_that_are_installed() -> None:
    assert [adapter_registry.adapter_type(name).name for name in adapter_registry.adapter_names()] == [
        *adapter_registry.BUILT_IN,
        "memory",
    ]
