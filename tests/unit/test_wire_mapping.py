"""Values of the domain become messages by the names of their fields."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from leadline.v1 import call_pb2, contact_service_pb2
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.domain.call import Call, CallLeg, Party
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.directory import User
from leadline_server.testing.ledger_samples import full_call_log
from leadline_server.transport.contact_service import FOUND_CONTACTS
from leadline_server.wire.call import CALL
from leadline_server.wire.call_log import CALL_LOG
from leadline_server.wire.contact import CONTACT
from leadline_server.wire.directory import USER
from leadline_server.wire.mapping import MessageMapping, time_fields

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ADA = Contact(
    id="p1",
    name="Ada",
    phone_numbers=("+14155550123",),
    type="Lead",
    email="ada@example.com",
    company="Engines",
    title="Countess",
    url="https://crm.example.com/p1",
    create_time=NOON,
    last_activity_time=NOON,
    is_placeholder=True,
    attributes={"tier": "gold"},
)
JANE = User(
    user_id="jane",
    name="Jane",
    extensions=("101",),
    phone_numbers=("+12025550101",),
    emails=("jane@example.com",),
    crm_user_id="77",
)


def unset(message: Any) -> set[str]:
    """The fields of a message that are not set."""
    return {field.name for field in message.DESCRIPTOR.fields} - {field.name for field, _ in message.ListFields()}


def test_every_field_of_a_full_value_is_written() -> None:
    assert unset(CONTACT.message(ADA)) == set()
    found = FoundContacts((ContactMatch(ADA, "101", MatchKind.EXTENSION),), NOON, is_cut_off=True)
    assert unset(FOUND_CONTACTS.message(found).matches[0]) == set()
    assert unset(USER.message(JANE)) == set()
    log = CALL_LOG.message(replace(full_call_log(), state=CallLogState.LOGGED))
    assert unset(log) == set()
    assert unset(log.call) == set()
    assert unset(log.call.caller) == set()
    assert unset(log.call.legs[0]) == set()


def test_a_field_without_a_value_is_left_out_and_one_that_is_false_is_not() -> None:
    assert CALL.fields(Call(id="c1", is_final=False)) == {"id": "c1", "is_final": False}


def test_messages_within_a_message_are_written_as_dictionaries_and_empty_ones_are_left_out() -> None:
    call = Call(id="c1", caller=Party(name="Ada"), legs=(CallLeg(id="l1"),), start_time=NOON)
    assert CALL.fields(call) == {
        "id": "c1",
        "caller": {"name": "Ada"},
        "legs": [{"id": "l1"}],
        "start_time": time_fields(NOON),
    }


def test_a_named_tuple_is_written_too() -> None:
    mapping = MessageMapping(FoundContacts, contact_service_pb2.FindContactResponse)
    assert mapping.fields(FoundContacts((), NOON)) == {"as_of": time_fields(NOON)}


def test_a_field_can_be_written_from_an_attribute_of_another_name() -> None:
    mapping = MessageMapping(Party, call_pb2.Party, attributes={"phone_number": "address"})
    assert mapping.message(Party(extension="101")) == call_pb2.Party(phone_number="101", extension="101")


@pytest.mark.parametrize("time", [datetime(1, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 0, 7, tzinfo=UTC), NOON])
def test_a_time_comes_back_as_it_was(time: datetime) -> None:
    assert CALL.value(CALL.message(Call(id="c1", start_time=time))).start_time == time
