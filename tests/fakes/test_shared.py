"""A fake that the tests of a class share is as new to each of them."""

from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import AccountSettings

from fakes.shared import shared_fake
from fakes.zoho import FakeZoho
from fakes.zoho_people import options


async def test_the_next_test_finds_no_records_faults_or_tokens() -> None:
    async with shared_fake(FakeZoho) as fake:
        crm, given = fake.server.crm, options(fake.server.url)
        draft = ContactDraft(name="Ada", phone_number=parse_number("+12025550147", "US"))
        for _ in range(2):
            assert (crm.records.changes, crm.token_requests, crm.misbehaviour.under_way) == ([], 0, 0)
            async with fake.adapter("zoho", given, AccountSettings()) as adapter:
                await adapter.create_contact(draft, "key")
            assert (len(crm.records.changes), crm.token_requests) == (1, 1)
            await fake.server.misbehave(refuses=True)
            await fake.renew()
