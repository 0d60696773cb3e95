"""Fixtures that every test may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.apps import Harness, open_harness
from support.crms import Switch


@pytest.fixture
def crm() -> Switch:
    """The switch of the harness's CRM."""
    return Switch()


@pytest.fixture
async def harness(tmp_path: Path, crm: Switch) -> AsyncIterator[Harness]:
    """The service on fresh files, with account demo in region US."""
    async with open_harness(tmp_path / "data", wrap=crm.wrap) as opened:
        yield opened
