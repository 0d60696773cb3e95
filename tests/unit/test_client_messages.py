"""A call by keyword, and other shorter ways to write a request."""

import pickle
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from leadline._messages import CallFields, CallLogFilter, call_message, enum_number, list_request
from leadline.errors import UnknownEnumValue
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_PENDING, CALL_LOG_STATE_UNLOGGED, CallLogState
from leadline.v1.call_pb2 import (
    CALL_DIRECTION_INBOUND,
    CALL_DIRECTION_OUTBOUND,
    CALL_RESULT_BUSY,
    Call,
    CallDirection,
    CallLeg,
    Party,
)

RANG = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_the_keywords_are_the_fields_of_the_message() -> None:
    assert CallFields.__optional_keys__ == {field.name for field in Call.DESCRIPTOR.fields}


def test_plain_values_become_the_message() -> None:
    call = call_message(
        {
            "id": "c1",
            "direction": "INBOUND",
            "caller": "+14155550123",
            "callee": Party(extension="12"),
            "start_time": RANG,
            "legs": [CallLeg(id="l1")],
            "attributes": {"queue": "sales"},
        }
    )
    assert call == Call(
        id="c1",
        direction=CALL_DIRECTION_INBOUND,
        caller=Party(phone_number="+14155550123"),
        callee=Party(extension="12"),
        start_time=Timestamp(seconds=int(RANG.timestamp())),
        legs=[CallLeg(id="l1")],
        attributes={"queue": "sales"},
    )


def test_what_is_not_given_stays_absent_and_what_is_empty_is_present() -> None:
    call = call_message({"id": "c1", "note": "", "is_final": False})
    assert {field.name for field, _ in call.ListFields()} == {"id", "note", "is_final"}


@pytest.mark.parametrize("value", ["OUTBOUND", "CALL_DIRECTION_OUTBOUND", CALL_DIRECTION_OUTBOUND])
def test_an_enum_is_a_number_or_a_name(value: "CallDirection.ValueType | str") -> None:
    assert call_message({"id": "c1", "direction": value}).direction == CALL_DIRECTION_OUTBOUND


def test_a_result_by_name_is_read_as_a_result() -> None:
    assert call_message({"result": "BUSY"}).result == CALL_RESULT_BUSY


def test_an_enum_of_no_such_name_is_the_clients_own_error_that_lists_the_right_names() -> None:
    with pytest.raises(UnknownEnumValue) as caught:
        call_message({"id": "c1", "direction": "SIDEWAYS"})
    assert str(caught.value) == "CALL_DIRECTION has no value 'SIDEWAYS'; it has INBOUND, OUTBOUND, INTERNAL."
    assert pickle.loads(pickle.dumps(caught.value)).allowed == ("INBOUND", "OUTBOUND", "INTERNAL")  # noqa: S301 - our own


@pytest.mark.parametrize("filters", [{"states": ["LOST"]}, {"reasons": ["LUCK"]}])
def test_a_filter_of_no_such_name_is_the_same_error(filters: CallLogFilter) -> None:
    with pytest.raises(UnknownEnumValue):
        list_request("demo", **filters)


def test_a_time_without_a_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="time zone"):
        call_message({"id": "c1", "start_time": datetime(2026, 3, 1)})  # noqa: DTZ001 - this must not pass


def test_a_timestamp_is_taken_as_it_is() -> None:
    assert call_message({"end_time": Timestamp(seconds=5)}).end_time.seconds == 5


def test_a_field_that_the_call_has_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="colour"):
        call_message({"colour": "red"})  # type: ignore[typeddict-unknown-key] # this must not pass


def test_filters_by_name_become_the_request() -> None:
    request = list_request("demo", states=["UNLOGGED", CALL_LOG_STATE_PENDING], reasons=["NO_CONTACT"], start_time=RANG)
    assert list(request.states) == [CALL_LOG_STATE_UNLOGGED, CALL_LOG_STATE_PENDING]
    assert (len(request.reasons), request.start_time.ToSeconds()) == (1, int(RANG.timestamp()))


def test_names_are_looked_up_in_their_own_enum() -> None:
    assert enum_number(CallLogState, "CALL_LOG_STATE_UNLOGGED") == CALL_LOG_STATE_UNLOGGED
