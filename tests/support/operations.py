"""Every operation of a CRM adapter, each with arguments that will do, and a CRM in memory to do them in."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import ContactDeleter, ContactUse, CrmAdapter
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.testing.crm_harness import Report

from support.apps import STRANGER, SettableClock
from support.lagging_crm import LaggingCrm

ENTRY: Final = Report("call-1").entry("c0")


async def create(crm: CrmAdapter, number: str = STRANGER, name: str = "Ada Lovelace") -> Contact:
    """A new contact."""
    return await crm.create_contact(ContactDraft(name=name, phone_number=parse_number(number, "US")), f"key-{number}")


async def deleted(crm: CrmAdapter, contact_id: str) -> ContactUse:
    """Delete a contact if no one has used it."""
    assert isinstance(crm, ContactDeleter)
    return await crm.delete_contact(contact_id, (), only_check=False)


OPERATIONS: Final[Mapping[CrmMethod, Callable[[CrmAdapter], Awaitable[Any]]]] = {
    CrmMethod.FIND_CONTACTS: lambda crm: crm.find_contacts([parse_number(STRANGER, "US")]),
    CrmMethod.GET_CONTACT: lambda crm: crm.get_contact("c0"),
    CrmMethod.SEARCH_CONTACTS: lambda crm: crm.search_contacts("Ada", 10, ""),
    CrmMethod.CREATE_CONTACT: create,
    CrmMethod.CREATE_CALL_LOG: lambda crm: crm.create_call_log(ENTRY, "call-1"),
    CrmMethod.UPDATE_CALL_LOG: lambda crm: crm.update_call_log("call-1", ENTRY),
    CrmMethod.FIND_CALL_LOG: lambda crm: crm.find_call_log("call-1"),
    CrmMethod.CHECK: lambda crm: crm.check(),
    CrmMethod.DELETE_CONTACT: lambda crm: deleted(crm, "c0"),
}


def memory_crm(**traits: Any) -> LaggingCrm:
    """A CRM in memory that answers at once."""
    traits = {"search_lag": timedelta(0), "settle_time": timedelta(0), **traits}
    return LaggingCrm(SettableClock(), **traits)
