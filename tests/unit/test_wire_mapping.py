"""Values of the domain become messages by the names of their fields."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from leadline.v1 import call_log_pb2, call_pb2, contact_service_pb2
from leadline_server.contacts.lookup import FoundContacts
from leadline_server.domain.call import Call, CallLeg, Party
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.directory import User
from leadline_server.testing.ledger_samples import full_call_log
from leadline_server.transport.contact_service import FOUND_CONTACTS
from leadline_server.wire.call import CALL
from leadline_server.wire.call_log import CALL_LOG
from leadline_server.wire.contact import CONTACT
from leadline_server.wire.directory import USER
from leadline_server.wire.mapping import MessageMapping, time_fields, timestamp
from support.any_value import any_of

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


def fields_of(value: Any, message: Any) -> dict[str, Any]:
    """The fields of a message as its constructor takes them, by what protobuf says of each."""
    fields: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        part = getattr(value, {"state": "shown_state", "contact": "shown_contact"}.get(field.name, field.name), None)
        part = getattr(value, field.name, None) if part is None else part
        if part is None or (not field.has_presence and not part):
            continue
        if isinstance(part, datetime):
            fields[field.name] = time_fields(part)
        elif field.message_type is None or isinstance(part, Mapping):
            fields[field.name] = part
        elif field.is_repeated:
            fields[field.name] = [fields_of(one, GetMessageClass(field.message_type)) for one in part]
        elif nested := fields_of(part, GetMessageClass(field.message_type)):
            fields[field.name] = nested
    return fields


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=200, deadline=None)
@given(log=any_of(CallLog))
def test_the_bytes_of_a_call_log_are_those_that_protobuf_makes_of_its_fields(log: CallLog) -> None:
    message = call_log_pb2.CallLog(**fields_of(log, call_log_pb2.CallLog))
    assert CALL_LOG.message(log) == message
    assert len(CALL_LOG.encode(log)) == message.ByteSize()


def test_a_field_without_a_value_is_left_out_and_one_that_is_false_is_not() -> None:
    assert CALL.message(Call(id="c1", is_final=False)) == call_pb2.Call(id="c1", is_final=False)
    assert CONTACT.encode(Contact(id="", is_placeholder=False)) == b""


def test_empty_messages_within_a_message_are_left_out_and_those_of_a_list_are_not() -> None:
    call = Call(id="c1", caller=Party(name="Ada"), callee=Party(), legs=(CallLeg(id=""), CallLeg(id="l1")))
    written = CALL.message(call)
    legs = [call_pb2.CallLeg(id=""), call_pb2.CallLeg(id="l1")]
    assert written == call_pb2.Call(id="c1", caller=call_pb2.Party(name="Ada"), legs=legs)
    assert not written.HasField("callee")


def test_a_named_tuple_is_written_too() -> None:
    mapping = MessageMapping(FoundContacts, contact_service_pb2.FindContactResponse)
    assert mapping.message(FoundContacts((), NOON)) == contact_service_pb2.FindContactResponse(as_of=timestamp(NOON))


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 16_383, 16_384, 300_000])
def test_a_text_of_any_length_comes_back_as_it_was(size: int) -> None:
    note = "é" * (size // 2) + "e" * (size % 2)
    assert CALL.message(Call(id="c1", note=note)) == call_pb2.Call(id="c1", note=note)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**31 - 1, 2**31, 2**63 - 1, -1, -(2**63)])
def test_a_number_of_any_size_comes_back_as_it_was(number: int) -> None:
    assert CALL_LOG.message(replace(full_call_log(), revision=number)).revision == number


def test_a_text_that_is_not_unicode_is_an_error() -> None:
    with pytest.raises(UnicodeEncodeError):
        CALL.encode(Call(id="c1", note="\udc80"))


def test_a_field_can_be_written_from_an_attribute_of_another_name() -> None:
    mapping = MessageMapping(Party, call_pb2.Party, attributes={"phone_number": "address"})
    assert mapping.message(Party(extension="101")) == call_pb2.Party(phone_number="101", extension="101")


@pytest.mark.parametrize("time", [datetime(1, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 0, 0, 0, 7, tzinfo=UTC), NOON])
def test_a_time_comes_back_as_it_was(time: datetime) -> None:
    assert CALL.value(CALL.message(Call(id="c1", start_time=time))).start_time == time
