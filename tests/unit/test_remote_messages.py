"""Domain values become messages and come back as they were, whatever fields both have by now."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import records_pb2
from leadline.v1 import call_pb2, contact_pb2
from leadline_server.crm.remote import messages
from leadline_server.crm.remote.description import capabilities_message, capabilities_of
from leadline_server.domain.call import Attestation, Call, CallDirection, CallLeg, CallResult, Party
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.numbers.dialled import parse_dialled
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import PhoneNumber, parse_number
from leadline_server.domain.numbers.spellings import spellings
from leadline_server.ports.crm import LogEntry
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities, CrmMethod, RateLimit
from leadline_server.wire.call import CALL
from leadline_server.wire.contact import CONTACT

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TIME = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds have none
MAYBE_TEXT, MAYBE_TIME = st.none() | TEXT, st.none() | TIME
PARTIES = st.builds(Party, phone_number=MAYBE_TEXT, name=MAYBE_TEXT, extension=MAYBE_TEXT, user_id=MAYBE_TEXT)
LEGS = st.builds(
    CallLeg,
    id=TEXT,
    party=PARTIES,
    user_id=MAYBE_TEXT,
    start_time=MAYBE_TIME,
    result=st.none() | st.sampled_from(CallResult),
)
CALLS = st.builds(
    Call,
    id=TEXT,
    direction=st.none() | st.sampled_from(CallDirection),
    caller=PARTIES,
    callee=PARTIES,
    start_time=MAYBE_TIME,
    end_time=MAYBE_TIME,
    result=st.none() | st.sampled_from(CallResult),
    attestation=st.none() | st.sampled_from(Attestation),
    note=MAYBE_TEXT,
    is_final=st.none() | st.booleans(),
    legs=st.lists(LEGS, max_size=3).map(tuple),
    attributes=st.dictionaries(TEXT, TEXT, max_size=3),
)
CONTACTS = st.builds(
    Contact,
    id=TEXT,
    name=TEXT,
    phone_numbers=st.lists(TEXT, max_size=3).map(tuple),
    create_time=MAYBE_TIME,
    is_placeholder=st.booleans(),
    attributes=st.dictionaries(TEXT, TEXT, max_size=3),
)


@given(CALLS)
def test_a_call_comes_back_as_it_was(call: Call) -> None:
    assert CALL.value(CALL.message(call)) == call


@given(CONTACTS)
def test_a_contact_comes_back_as_it_was(contact: Contact) -> None:
    assert CONTACT.value(CONTACT.message(contact)) == contact


@pytest.mark.parametrize(("kind", "message"), [(Call, call_pb2.Call), (Contact, contact_pb2.Contact)])
def test_every_field_of_the_domain_has_its_place_in_the_contract(kind: type, message: Any) -> None:
    assert {field.name for field in fields(kind)} <= {field.name for field in message.DESCRIPTOR.fields}


def test_a_value_of_an_enum_that_is_not_known_yet_counts_as_not_said() -> None:
    message = call_pb2.Call(id="1", result=77, direction=call_pb2.CALL_DIRECTION_UNSPECIFIED)  # type: ignore[arg-type] # a newer leadline's
    read = CALL.value(message)
    assert (read.result, read.direction) == (None, None)


def test_a_time_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a time between the years 1 and 9999"):
        CONTACT.value(contact_pb2.Contact(id="1", create_time=Timestamp(seconds=2**62)))


def test_what_an_adapter_declares_comes_back_as_it_was() -> None:
    can = Capabilities(
        finds_log_by_key=True,
        enforces_unique_key=False,
        moves_log=True,
        contact_types=("Lead", "Contact"),
        rate_limits=(RateLimit(100, 10.0, "search"),),
        numbers_per_lookup=13,
    )
    assert capabilities_of(pb.DescribeResponse(capabilities=capabilities_message(can))) == can


def test_an_adapter_implements_the_methods_that_it_names_and_all_if_it_names_none() -> None:
    names = ["Describe", "FindContacts", "GetContact", "CreateContact", "Check", "SomethingOfALaterContract"]
    message = capabilities_message(Capabilities(finds_log_by_key=True, enforces_unique_key=False, moves_log=True))
    can = capabilities_of(pb.DescribeResponse(capabilities=message, methods=names))
    assert can.methods == {
        CrmMethod.FIND_CONTACTS,
        CrmMethod.GET_CONTACT,
        CrmMethod.CREATE_CONTACT,
        CrmMethod.CHECK,
    }
    assert not can.finds_log_by_key  # declared, without a method for it
    assert capabilities_of(pb.DescribeResponse(capabilities=message)).methods == ALL_METHODS


@pytest.mark.parametrize("text", ["+1 202-555-0147 x12", "101", "+442079460123"])
def test_a_number_comes_back_as_it_was(text: str) -> None:
    number = parse_number(text, "US")
    assert messages.number_of(messages.number_message(number, ()), "US") == number


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(parse_dialled("92025550147,,3", NumberingRules("US", "", ("9",))), id="dialled"),
        pytest.param(parse_number("2234", NumberingRules("US", "2xxx")), id="an extension"),
        pytest.param(replace(parse_number("ext. 221236", "LU"), text="221236"), id="an extension as long as a number"),
        pytest.param(spellings(parse_number("+2290197123456", "US"))[1], id="another spelling"),
    ],
)
def test_a_number_is_not_read_again(number: PhoneNumber) -> None:
    assert messages.number_of(messages.number_message(number, ()), "LU") == number


@pytest.mark.parametrize(
    "message",
    [
        records_pb2.PhoneNumber(text="hello", e164="12025550147", significant="2025550147"),
        records_pb2.PhoneNumber(text="hello", e164="+1202", significant="9"),
        records_pb2.PhoneNumber(text="hello", e164="+12025550147", significant="2025550147", extension="' OR 1=1"),
        records_pb2.PhoneNumber(extension="911"),
        records_pb2.PhoneNumber(extension="hello"),
        records_pb2.PhoneNumber(text="anonymous"),
    ],
)
def test_a_message_without_a_number_is_refused(message: records_pb2.PhoneNumber) -> None:
    with pytest.raises(ValueError, match="cannot be looked up"):
        messages.number_of(message, "US")


def test_a_draft_and_an_entry_come_back_as_they_were() -> None:
    draft = ContactDraft(name="Ada", phone_number=parse_number("+12025550147", "US"), type="Lead", is_placeholder=True)
    assert messages.draft_of(messages.draft_message(draft, (), {}), "US") == draft
    entry = LogEntry(
        call=Call(id="call-1", direction=CallDirection.OUTBOUND),
        contact_id="c-1",
        user_id="alice",
        crm_user_id="77",
        number="+12025550147",
        fallback_time=datetime(2026, 3, 4, 5, 6, 7, 891_000, tzinfo=UTC),
    )
    assert messages.entry_of(messages.entry_message(entry, "Europe/Berlin", {})) == entry


def test_every_field_of_a_draft_and_an_entry_has_its_place_in_the_contract() -> None:
    for kind, message in ((ContactDraft, records_pb2.ContactDraft), (LogEntry, records_pb2.LogEntry)):
        assert {field.name for field in fields(kind)} <= {field.name for field in message.DESCRIPTOR.fields}
