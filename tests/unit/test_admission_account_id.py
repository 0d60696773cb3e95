"""The account that admission reads is the one that protobuf reads, whatever the bytes are."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from leadline.v1.call_log_service_pb2 import ListCallLogsRequest, LogCallRequest
from leadline.v1.contact_service_pb2 import FindContactRequest
from leadline.v1.preferences_service_pb2 import GetAccountSettingsRequest
from leadline_server.domain.errors import MalformedMessage
from leadline_server.transport.admission.account_id import read_account_id

REQUESTS = (FindContactRequest, LogCallRequest, ListCallLogsRequest)


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def text(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


numbers = st.integers(1, 40) | st.integers(1, 2**29 - 1)
scalars = st.builds(lambda number, value: varint(number << 3) + varint(value), numbers, st.integers(0, 2**64 - 1))
fixed = st.builds(lambda number, value: varint(number << 3 | 1) + value, numbers, st.binary(min_size=8, max_size=8))
short = st.builds(lambda number, value: varint(number << 3 | 5) + value, numbers, st.binary(min_size=4, max_size=4))
bytes_fields = st.builds(text, numbers, st.binary(max_size=20))
accounts = st.builds(lambda name: text(1, name.encode()), st.text(max_size=200))
flat = st.one_of(accounts, scalars, fixed, short, bytes_fields)
groups = st.builds(
    lambda number, inside: varint(number << 3 | 3) + b"".join(inside) + varint(number << 3 | 4),
    numbers,
    st.lists(flat, max_size=4),
)
wires = st.lists(flat | groups, max_size=8).map(b"".join) | st.binary(max_size=60)


@given(data=wires)
def test_it_is_what_protobuf_reads(data: bytes) -> None:
    for request in REQUESTS:
        try:
            decoded = request.FromString(data).account_id
        except DecodeError:
            continue
        assert read_account_id(data) == decoded


@given(data=wires)
def test_bytes_that_are_no_message_are_malformed_for_every_request(data: bytes) -> None:
    try:
        read_account_id(data)
    except MalformedMessage:
        for request in REQUESTS:
            with pytest.raises(DecodeError):
                request.FromString(data)


def test_the_last_of_several_counts() -> None:
    assert read_account_id(text(1, b"acme") + text(2, b"x") + text(1, b"globex")) == "globex"


def test_one_in_a_group_does_not_count() -> None:
    group = varint(9 << 3 | 3) + text(1, b"globex") + varint(9 << 3 | 4)
    assert read_account_id(text(1, b"acme") + group) == "acme"


@pytest.mark.parametrize("data", [b"\x0a\x05a", b"\x0a\x01\xff", b"\xff", b"\x4b", b"\x0c"], ids=repr)
def test_broken_bytes_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_account_id(data)


def test_the_reader_has_no_other_field_that_it_would_decode() -> None:
    assert [field.number for field in GetAccountSettingsRequest.DESCRIPTOR.fields] == [1]


def test_every_request_begins_with_its_account() -> None:
    from leadline.v1 import call_log_service_pb2, contact_service_pb2, directory_service_pb2, preferences_service_pb2

    for module in (call_log_service_pb2, contact_service_pb2, directory_service_pb2, preferences_service_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                assert method.input_type.fields_by_number[1].name == "account_id"
