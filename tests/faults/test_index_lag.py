"""The CRM's search does not show a new contact for seconds; those who call again meanwhile get no second one."""

from pathlib import Path

import aiohttp
import pytest
from fakes.process import FakeProcess
from faults.http_crm.adapter import HttpCrm, HttpCrmConfig
from faults.http_crm.checks import assert_exactly_once
from faults.http_crm.phones import Phones, settled, stranger, want_placeholders
from faults.http_crm.process import crm_process
from faults.http_crm.stage import serving
from leadline_server.domain.numbers.phone_number import parse_number
from support.ledgers import each_ledger

pytestmark = each_ledger

LAG = 5.0
CALLER = stranger(47)


@pytest.mark.parametrize("size", [1, 2])
async def test_20_calls_from_one_new_number_within_the_lag_make_one_contact(tmp_path: Path, size: int) -> None:
    with crm_process(tmp_path / "crm.db") as crm:
        crm.misbehave(index_lag=LAG)
        with serving(tmp_path / "data", crm, size=size, search_lag=LAG) as servers:
            await want_placeholders(servers[0])
            phones = Phones("new", lambda _: CALLER, steps=1)
            await phones.ring(servers, 10, lines=10)  # at once
            await phones.ring(servers[-1:], 10, lines=1)  # one after the other
            assert not await is_searchable(crm)
            logs = await settled(servers[0])
        assert_exactly_once(crm.written(), logs, [phones])


async def test_the_contact_is_remembered_by_the_server_that_comes_after_a_kill(tmp_path: Path) -> None:
    with crm_process(tmp_path / "crm.db") as crm:
        crm.misbehave(index_lag=LAG)
        phones = Phones("new", lambda _: CALLER, steps=1)
        with serving(tmp_path / "data", crm, search_lag=LAG) as [server]:
            await want_placeholders(server)
            await phones.ring([server], 10, lines=10)
            server.kill()
        with serving(tmp_path / "data", crm, search_lag=LAG) as [server]:
            await phones.ring([server], 10, lines=10)
            assert not await is_searchable(crm)
            logs = await settled(server)
        assert_exactly_once(crm.written(), logs, [phones])


async def is_searchable(crm: FakeProcess) -> bool:
    """Whether the CRM's own search shows the caller's contact."""
    async with aiohttp.ClientSession() as session:
        adapter = HttpCrm(session, HttpCrmConfig(url=crm.url))
        return bool(await adapter.find_contacts([parse_number(CALLER, "US")]))
