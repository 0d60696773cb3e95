"""No record of a vendor's wire format shows a person, a number or a token: these are planted, and looked for."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.__main__ import make
from fakes.connections import OPTIONS
from fakes.serving import fake_server
from leadline_server.domain.call import Call, CallDirection, Party
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmError
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import LogEntry
from support.adapters import opened_adapter
from support.looked_at import looked_at

NUMBER: Final = "+12025550147"
WORDS: Final = ("pLaNtEd", "2025550147", "(202) 555-0147")
_SECRETS: Final = ("token", "secret", "password", "api_key")


def secrets_of(options: dict[str, Any]) -> list[str]:
    """The secrets of a connection."""
    return [str(value) for name, value in options.items() if any(word in name for word in _SECRETS)]


@pytest.mark.parametrize("vendor", OPTIONS)
async def test_no_record_of_a_vendor_shows_a_person_or_a_token(tmp_path: Path, vendor: str) -> None:
    number = parse_number(NUMBER, NumberingRules("US"))
    async with fake_server(make(vendor, tmp_path / "fake")) as server:
        options = OPTIONS[vendor](server.url)
        adapter_name = options.pop("adapter", vendor)
        secrets = secrets_of(options)
        assert secrets
        with looked_at(*WORDS, *secrets) as shows:
            async with opened_adapter(
                adapter_name, options, tmp_path, lambda: AccountSettings(default_region="US")
            ) as crm:
                assert (await used(crm, number)) >= 6
        assert shows == set()


async def used(crm: Any, number: Any) -> int:
    """How many operations an adapter did, with what is planted."""
    contact = await crm.create_contact(ContactDraft(name="pLaNtEd Ada", phone_number=number), "key-1")
    call = Call(
        id="c1",
        direction=CallDirection.INBOUND,
        caller=Party(phone_number=NUMBER, name="pLaNtEd Ada"),
        subject="pLaNtEd subject",
        note="pLaNtEd note",
        start_time=datetime.now(UTC),
    )
    entry = LogEntry(
        call=call,
        contact_id=contact.id,
        user_id="alice",
        crm_user_id="",
        number=NUMBER,
        fallback_time=datetime.now(UTC),
        contact_name="pLaNtEd Ada",
    )
    log = await crm.create_call_log(entry, "key-2")
    work = {
        "find_contacts": ([number],),
        "get_contact": (contact.id,),
        "search_contacts": ("pLaNtEd", 10, ""),
        "update_call_log": (log.id, entry),
        "find_call_log": ("key-2",),
        "get_call_log": (log.id,),
        "list_users": ("",),
        "check": (),
    }
    done = 2
    for name, arguments in work.items():
        method = getattr(crm, name, None)
        if method is None:
            continue
        try:
            await method(*arguments)
        except CrmError:
            continue
        done += 1
    return done


async def test_a_record_that_shows_a_name_is_found() -> None:
    class Careless:
        __module__ = "leadline_server.careless"

        def __repr__(self) -> str:
            return "pLaNtEd"

    with looked_at(*WORDS) as shows:
        secrets_like(Careless())
    assert shows == {f"leadline_server.careless.{Careless.__qualname__}"}


def secrets_like(thing: Any) -> object:
    """Give a thing to a function of leadline's."""
    from leadline_server.domain.unshown import unshown

    return unshown(thing)
