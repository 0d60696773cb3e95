"""Two servers of one ledger, for the tests of claims."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.apps import SettableClock
from support.claims import Servers, two_servers
from support.lagging_crm import LaggingCrm


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    async with two_servers(tmp_path) as opened:
        yield opened


@pytest.fixture
def lagging() -> LaggingCrm:
    return LaggingCrm(SettableClock())


@pytest.fixture
async def apart(tmp_path: Path, lagging: LaggingCrm) -> AsyncIterator[Servers]:
    """Two servers before the lagging CRM."""
    async with two_servers(tmp_path, lagging.wrap) as opened:
        yield opened
