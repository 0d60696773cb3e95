"""Placeholders that are named, merged or deleted in the CRM; and calls that came before their contact did."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from leadline import Client
from leadline.v1.call_log_pb2 import CallLog, CallLogReason, CallLogState
from leadline.v1.preferences_pb2 import (
    UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER,
    UNKNOWN_CONTACT_ACTION_DO_NOTHING,
    Preferences,
)
from leadline_server.crm.embedded import EmbeddedCrm, open_crm_database
from leadline_server.domain.contact import Contact
from support.contact_book import ContactBook
from support.servers import server_process

STRANGER: Final = "+12025550147"
SPELT_OTHERWISE: Final = "(202) 555-0147"
OTHER: Final = "+12025550148"


class People:
    """Those who work with the CRM, beside leadline and in a process of their own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, contact_id: str, **changes: Any) -> None:
        async def work(book: ContactBook, crm: EmbeddedCrm) -> None:
            contact = await crm.get_contact(contact_id)
            assert contact is not None
            assert await book.save(replace(contact, **changes))

        self._do(work)

    def add(self, name: str, *numbers: str) -> str:
        added: list[Contact] = []

        async def work(book: ContactBook, _: EmbeddedCrm) -> None:
            added.append(await book.add(Contact(id="", name=name, phone_numbers=numbers)))

        self._do(work)
        return added[0].id

    def delete(self, contact_id: str) -> None:
        async def work(book: ContactBook, _: EmbeddedCrm) -> None:
            assert await book.delete(contact_id)

        self._do(work)

    def merge(self, gone: str, kept: str, *numbers: str) -> None:
        """One contact is gone, the other has the numbers of both."""
        self.save(kept, phone_numbers=numbers)
        self.delete(gone)

    def _do(self, work: Callable[[ContactBook, EmbeddedCrm], Coroutine[Any, Any, None]]) -> None:
        async def opened() -> None:
            database = await open_crm_database(self._path)
            try:
                await work(ContactBook(database, "demo", _region), EmbeddedCrm(database, "demo", _region))
            finally:
                await database.close()

        asyncio.run(opened())


def _region() -> str:
    return "US"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    """A user who wants placeholders."""
    with server_process(folder) as server, Client(server.address, account="demo", user="alice") as opened:
        opened.update_preferences(Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER))
        yield opened


@pytest.fixture
def people(folder: Path) -> People:
    return People(folder / "ledger.db")


def ring(client: Client, call_id: str, caller: str = STRANGER) -> CallLog:
    return client.log_call(id=call_id, direction="INBOUND", caller=caller)


def reason(log: CallLog) -> str:
    assert log.state == CallLogState.CALL_LOG_STATE_LOGGED, log
    return CallLogReason.Name(log.reason).removeprefix("CALL_LOG_REASON_")


def listed(client: Client, **selection: Any) -> set[str]:
    return {log.call.id for log in client.list_call_logs(**selection)}


def test_the_calls_that_were_logged_to_a_placeholder_are_listed_by_it(client: Client) -> None:
    placeholder = ring(client, "first").contact
    ring(client, "second", SPELT_OTHERWISE)
    ring(client, "another", OTHER)
    assert placeholder.is_placeholder
    assert listed(client, contact_id=placeholder.id) == {"first", "second"}
    assert listed(client, contact_id=placeholder.id, reasons=["PLACEHOLDER_CREATED"]) == {"first"}
    assert listed(client, reasons=["PLACEHOLDER_CREATED", "PLACEHOLDER_REUSED"]) == {"first", "second", "another"}


def test_once_a_placeholder_has_a_name_later_calls_match_a_contact(client: Client, people: People) -> None:
    placeholder = ring(client, "before").contact
    people.save(placeholder.id, name="Ada Lovelace", is_placeholder=False)
    after = ring(client, "after")
    assert (reason(after), after.contact.id, after.contact.name) == ("CONTACT_MATCHED", placeholder.id, "Ada Lovelace")
    assert listed(client, contact_id=placeholder.id) == {"before", "after"}
    assert reason(client.get_call_log("before")) == "PLACEHOLDER_CREATED"


def test_once_a_placeholder_is_merged_into_a_contact_later_calls_are_that_ones(client: Client, people: People) -> None:
    placeholder = ring(client, "before").contact
    ada = people.add("Ada Lovelace", OTHER)
    people.merge(placeholder.id, ada, OTHER, STRANGER)
    after = ring(client, "after")
    assert (reason(after), after.contact.id) == ("CONTACT_MATCHED", ada)
    assert listed(client, contact_id=ada) == {"after"}
    assert listed(client, contact_id=placeholder.id) == {"before"}


def test_a_real_contact_beside_a_placeholder_gets_the_later_calls(client: Client, people: People) -> None:
    placeholder = ring(client, "before").contact
    ada = people.add("Ada Lovelace", SPELT_OTHERWISE)
    after = ring(client, "after")
    assert (reason(after), after.contact.id) == ("CONTACT_MATCHED", ada)
    assert {match.contact.id for match in after.candidates} == {ada, placeholder.id}


def test_once_a_placeholder_is_deleted_the_next_call_makes_another(client: Client, people: People) -> None:
    placeholder = ring(client, "before").contact
    people.delete(placeholder.id)
    after = ring(client, "after")
    assert reason(after) == "PLACEHOLDER_CREATED"
    assert after.contact.id != placeholder.id


def test_after_a_contact_was_created_its_numbers_unlogged_calls_are_listed_and_logged_by_hand(client: Client) -> None:
    careful = client.using(user="bob")
    careful.update_preferences(Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_DO_NOTHING))
    for call_id, caller in (("first", STRANGER), ("second", SPELT_OTHERWISE), ("another", OTHER)):
        assert ring(careful, call_id, caller).state == CallLogState.CALL_LOG_STATE_UNLOGGED
    ada = careful.create_contact("Ada Lovelace", STRANGER)
    assert listed(careful, phone_number=SPELT_OTHERWISE, states=["UNLOGGED"]) == {"first", "second"}
    assert reason(careful.log_call(id="first", contact_id=ada.id)) == "CONTACT_CHOSEN"
    assert reason(careful.log_call(id="second", trigger="MANUAL")) == "CONTACT_MATCHED"
    assert listed(careful, phone_number=STRANGER, states=["UNLOGGED"]) == set()
    assert listed(careful, contact_id=ada.id) == {"first", "second"}
    assert listed(careful, states=["UNLOGGED"]) == {"another"}
