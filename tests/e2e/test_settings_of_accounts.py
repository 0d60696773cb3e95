"""Accounts as an administrator writes them into the settings file."""

from pathlib import Path

import grpc
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline.v1.preferences_service_pb2 import GetAccountSettingsRequest
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceStub
from support.servers import server_process
from transport.serving import refused

ACCOUNTS = """
[accounts.acme]
default_region = "GB"
time_zone = "Europe/London"

[accounts.globex]
"""


async def test_a_file_brings_several_accounts_each_with_its_own_region_and_contacts(tmp_path: Path) -> None:
    config = tmp_path / "leadline.toml"
    config.write_text(ACCOUNTS)
    with server_process(tmp_path / "data", "--config", str(config)) as server:
        async with grpc.aio.insecure_channel(server.address) as channel:
            contacts, preferences = ContactServiceStub(channel), PreferencesServiceStub(channel)
            acme = (await preferences.GetAccountSettings(GetAccountSettingsRequest(account_id="acme"))).settings
            globex = (await preferences.GetAccountSettings(GetAccountSettingsRequest(account_id="globex"))).settings
            await contacts.CreateContact(
                pb.CreateContactRequest(account_id="acme", name="Ada", phone_number="020 7946 0123")
            )
            number = "+442079460123"
            mine, theirs = [
                await contacts.FindContact(pb.FindContactRequest(account_id=account, phone_numbers=[number]))
                for account in ("acme", "globex")
            ]
            unknown = pb.FindContactRequest(account_id="demo", phone_numbers=[number])
            nobody = await refused(contacts.FindContact(unknown))
    assert (acme.default_region, acme.time_zone) == ("GB", "Europe/London")
    assert (globex.default_region, globex.HasField("time_zone")) == ("US", False)
    assert [match.contact.name for match in mine.matches] == ["Ada"]
    assert not theirs.matches
    assert (nobody.code, nobody.info.reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
