"""Fixtures that every test may ask for."""

import asyncio
import gc
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import structlog
import uvloop
from _pytest.runner import runtestprotocol
from support.apps import Harness, open_harness
from support.crms import Switch
from support.ledgers import EACH, POSTGRESQL, in_databases
from support.postgres import MEMORY, PostgresServer, postgres_server
from support.postgres_ledgers import PostgresLedgers
from support.temporary_files import put_in_memory

_LONG_FIRST: Final = ("faults", "e2e", "transport", "", "conformance", "unit")
"""The folders of tests: those whose tests take long come first."""

_COMPUTING: Final = "conformance"
"""The folder of the tests that hardly wait."""

_MARK_OF_ALL: Final = re.compile(r"^pytestmark = pytest\.mark\.(\w+)$", re.MULTILINE)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the event loop that leadline is served on."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_configure(config: pytest.Config) -> None:
    """Put files in memory, except those of tests that measure time. Search for no garbage while tests are collected.

    Servers in this process log errors as Python shows them: the values of all variables would fill pages.
    """
    if "not timed" in config.option.markexpr:
        put_in_memory()
    gc.disable()
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass over a file that marks all its tests with a mark that is not asked for: to collect them takes long."""
    if not collection_path.name.startswith("test_") or collection_path.suffix != ".py":
        return None
    mark = _MARK_OF_ALL.search(collection_path.read_text())
    return True if mark and f"not {mark[1]}" in config.option.markexpr else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a run of all tests by several processes, let each begin with files whose tests take long.

    pytest-xdist gives each process an equal share of the list, and then what another has not begun. So a run ends with
    short tests, and no process waits for another's long one. Long tests mostly wait, so every other process begins with
    tests that compute.
    """
    if "not timed" not in config.option.markexpr or not hasattr(config, "workerinput"):
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(config.workerinput["workercount"])]
    for path in sorted(files, key=lambda path: _LONG_FIRST.index(_folder(path))):
        min(shares, key=len).extend(files[path])
    for share in shares[1::2]:
        share.sort(key=lambda item: _folder(item.path) != _COMPUTING)
    items[:] = [item for share in shares for item in share]


def _folder(path: Path) -> str:
    return next((folder for folder in _LONG_FIRST if folder and folder in path.parts), "")


def pytest_collection_finish() -> None:
    """Keep the collected tests from being searched for garbage again and again; they are 20,000.

    Garbage that tests make is searched for as seldom as a server does.
    """
    gc.freeze()
    gc.set_threshold(2_000, 10, 50)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """In a process of pytest-xdist: of a test that passes, report that it passed, and nothing else.

    Sending and reading a message takes as long as most tests do. The main process does nothing with a test's beginning,
    set-up, teardown and end, nor with the keywords of a test that passed.
    """
    if not hasattr(item.config, "workerinput"):
        return None
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    passes = all(report.passed for report in reports)
    for report in reports:
        if passes:
            report.keywords = {}
        if report.when == "call" or not passes:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.fixture(scope="session", autouse=True)
def configuration_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for configuration of this process and of those that it starts, so that tests leave nothing at home."""
    folder = tmp_path_factory.mktemp("configuration")
    os.environ["XDG_CONFIG_HOME"] = str(folder)
    return folder / "leadline"


@pytest.fixture
def crm() -> Switch:
    """The switch of the harness's CRM."""
    return Switch()


@pytest.fixture
async def harness(tmp_path: Path, crm: Switch) -> AsyncIterator[Harness]:
    """The service on fresh files, with account demo in region US."""
    async with open_harness(tmp_path / "data", wrap=crm.wrap) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server of this test process; `create` and `create_like` make a database for each test.

    Tests that ask for it are marked `system`. Tests that stop or configure a server start their own.
    """
    with postgres_server(parent=MEMORY) as server:
        yield server


@pytest.fixture(params=EACH)
async def each_ledger(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The kind of ledger that the test's data directories have: it runs once with each."""
    if request.param != POSTGRESQL:
        yield request.param
        return
    ledgers = PostgresLedgers(request.getfixturevalue("postgres"))
    await ledgers.prepare()
    with in_databases(ledgers):
        yield request.param
