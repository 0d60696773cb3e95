"""Lookups of the embedded CRM on PostgreSQL: one round trip, and never by settings that another server has replaced."""

from pathlib import Path

import pytest
from leadline.v1.contact_service_pb2 import FindContactRequest
from leadline_server.commands.update_account_settings import AccountSettingsUpdate
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.preferences import AccountSettings
from leadline_server.transport.contact_service import ContactServicer
from support.apps import ACCOUNT, Harness, open_harness
from support.postgres import PostgresServer
from support.postgres_trips import counting_proxy

pytestmark = pytest.mark.system

ADA, NATIONAL = "+12025550101", "(202) 555-0101"


async def found(harness: Harness, *numbers: str) -> list[str]:
    """The names that FindContact answers."""
    request = FindContactRequest(account_id=ACCOUNT, user_id="user", phone_numbers=numbers)
    servicer = ContactServicer(harness.app.commands)
    response = await servicer.FindContact(request, None)  # type: ignore[arg-type] # it reads nothing of the context
    return [match.contact.name for match in response.matches]


async def in_region(harness: Harness, region: str) -> None:
    update = AccountSettingsUpdate(settings=AccountSettings(default_region=region), fields=("default_region",))
    await harness.app.commands.update_account_settings.execute(await harness.account(), update)


async def test_a_lookup_takes_one_round_trip_also_one_that_finds_nothing(tmp_path: Path, url: str) -> None:
    async with counting_proxy(url) as proxy, open_harness(tmp_path, ledger=proxy.url) as harness:
        await harness.create("Ada", ADA)
        costs: dict[str, list[int]] = {ADA: [], "+12025550199": []}
        for _ in range(20):  # the first ones prepare statements, and leadline's background work may add to some
            for number, trips in costs.items():
                before = proxy.trips
                assert await found(harness, number) == (["Ada"] if number == ADA else [])
                trips.append(proxy.trips - before)
        assert [min(trips) for trips in costs.values()] == [1, 1], costs


async def test_no_lookup_goes_by_a_region_that_another_server_has_replaced(tmp_path: Path, url: str) -> None:
    async with open_harness(tmp_path / "1", ledger=url) as one, open_harness(tmp_path / "2", ledger=url) as other:
        await one.create("Ada", ADA)
        for region in ("GB", "US") * 5:
            await other.app.commands.accounts.get(ACCOUNT)
            await in_region(one, region)
            assert await found(other, NATIONAL) == (["Ada"] if region == "US" else [])


async def test_no_call_goes_by_a_region_that_another_server_has_replaced(tmp_path: Path, url: str) -> None:
    async with open_harness(tmp_path / "1", ledger=url) as one, open_harness(tmp_path / "2", ledger=url) as other:
        await one.create("Ada", ADA)
        for number, region in enumerate(("GB", "US") * 5):
            await other.log(f"before-{number}", ADA)
            await in_region(one, region)
            log = await other.log(f"call-{number}", NATIONAL)
            assert log.state is (CallLogState.LOGGED if region == "US" else CallLogState.UNLOGGED)
            assert (log.number.e164 == ADA) is (region == "US")


async def test_an_account_that_is_being_deleted_is_not_found(
    tmp_path: Path, postgres: PostgresServer, url: str
) -> None:
    async with open_harness(tmp_path, ledger=url) as harness:
        await harness.create("Ada", ADA)
        assert await found(harness, ADA) == ["Ada"]
        postgres.sql("UPDATE accounts SET state = 'deleting'", url.rpartition("/")[2])
        with pytest.raises(AccountNotFound):
            await found(harness, ADA)
