"""A contact that the tests of adapters in other processes ask for, and how they wait for an adapter."""

import asyncio

from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada", phone_number=NUMBER)


async def is_back(crm: CrmAdapter) -> None:
    """Wait until the adapter answers again."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await crm.check()
            except CrmUnavailable:
                await asyncio.sleep(0.02)
