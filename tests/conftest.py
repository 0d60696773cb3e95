"""Fixtures that every test may ask for."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop
from support.apps import Harness, open_harness
from support.crms import Switch


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the event loop that leadline is served on."""
    return {"uvloop": uvloop.new_event_loop}


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
