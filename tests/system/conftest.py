"""A real browser on a real server, and PostgreSQL. Chromium is the system's: `apt-get install chromium`."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from support.postgres import MEMORY, PostgresServer, postgres_server
from support.postgres_ledgers import new_ledger
from support.servers import leadline, server_process
from system.people import Server, settings

pytestmark = pytest.mark.system

SECONDS: Final = 15
expect.set_options(timeout=SECONDS * 1000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path is not None, "These tests need Chromium. On Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        # The sandbox of Chromium does not run as root, and containers are root.
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    data = tmp_path / "data"
    with server_process(data, settings=settings(data), has_addresses=True, has_data_dir=True) as process:
        yield Server(process.http_address)


@contextmanager
def guarded_server(folder: Path, **more: str) -> Iterator[Server]:
    """A server that wants credentials. Requests of the test have an administrator's key of account demo."""
    data, file = folder / "data", folder / "platform.key"
    made = leadline("keys", "bootstrap", "--file", file, "--data-dir", data)
    assert made.returncode == 0, made.stderr
    chosen = {**settings(data), "LEADLINE_AUTHENTICATION": "true", **more}
    with server_process(data, settings=chosen, has_addresses=True, has_data_dir=True) as process:
        platform = Server(process.http_address, file.read_text().strip())
        yield Server(process.http_address, platform.issue("ACCOUNT_ADMIN")["secret"])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with guarded_server(tmp_path_factory.mktemp("guarded")) as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a new browser profile. An error of its scripts, or a blocked resource, fails the test."""
    context = browser.new_context(viewport={"width": 1200, "height": 900}, locale="en-US", timezone_id="Europe/Berlin")
    context.set_default_timeout(SECONDS * 1000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
    opened.on("dialog", lambda dialog: errors.append(f"a dialog: {dialog.message}"))
    yield opened
    context.close()
    assert errors == []


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the file's own, in memory: its roles, settings and databases go with it."""
    with postgres_server(parent=MEMORY) as running:
        yield running


@pytest.fixture
async def url(postgres: PostgresServer) -> AsyncIterator[str]:
    """The address of a fresh ledger."""
    url = await new_ledger(postgres)
    yield url
    postgres.drop(url)
