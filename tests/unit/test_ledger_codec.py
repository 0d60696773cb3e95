"""Documents of the ledger can be read by this leadline and by later ones."""

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from leadline_server.domain.call import Call, Party
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.contact import Contact
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.preferences import AccountSettings, Preferences
from leadline_server.ledger.codec import (
    CALL_LOG,
    CONTACT,
    PREFERENCES,
    SETTINGS,
    from_microseconds,
    to_microseconds,
)
from leadline_server.testing.ledger_samples import call_log, full_call_log

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=8))])
TIMES = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001 - the bounds get the zones above
SIMPLE: dict[object, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    int: st.integers(min_value=0, max_value=2**31),
    bool: st.booleans(),
    datetime: TIMES,
    types.NoneType: st.none(),
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that the domain's classes use, with something in every field now and then."""
    if kind in SIMPLE:
        return SIMPLE[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return st.one_of([any_of(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=2)
    if issubclass(kind, IntEnum):
        return st.sampled_from(kind)
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: any_of(hint) for name, hint in hints.items()})


@pytest.mark.parametrize(
    ("codec", "kind"),
    [(CALL_LOG, CallLog), (CONTACT, Contact), (PREFERENCES, Preferences), (SETTINGS, AccountSettings)],
)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(data=st.data())
def test_a_document_is_read_as_it_was_written(codec: Any, kind: type, data: st.DataObject) -> None:
    value = data.draw(any_of(kind))
    assert codec.decode(codec.encode(value)) == value


def test_a_document_without_the_optional_fields_takes_their_defaults() -> None:
    document = json.loads(CALL_LOG.encode(call_log()))
    required = {"account_id", "user_id", "call", "pending_since", "last_news_time", "create_time", "update_time"}
    old = {name: value for name, value in document.items() if name in required}
    old["call"] = {"id": "call-1"}
    decoded = CALL_LOG.decode(json.dumps(old).encode())
    assert decoded.revision == 1
    assert decoded.call.attributes == {}
    assert decoded.call.caller.phone_number is None


def test_the_document_of_a_call_log_has_no_field_with_its_default() -> None:
    document = json.loads(CALL_LOG.encode(call_log()))
    for part, kind in ((document, CallLog), (document["call"], Call), (document["call"]["caller"], Party)):
        defaults = {field.name: field.default for field in fields(kind)}
        assert [name for name, value in part.items() if value == defaults[name]] == []


def test_a_document_with_all_fields_is_read_as_before() -> None:
    log = call_log()
    assert CALL_LOG.decode(msgspec.json.encode(log)) == log


def test_no_value_is_taken_for_a_default_that_is_another_one() -> None:
    log = replace(call_log(), call=replace(call_log().call, is_final=False, note=""), revision=0)
    assert CALL_LOG.decode(CALL_LOG.encode(log)) == log


@pytest.mark.parametrize("codec", [CONTACT, PREFERENCES, SETTINGS, CALL_LOG])
def test_an_unknown_field_is_ignored(codec: Any) -> None:
    samples: dict[Any, Any] = {
        CONTACT: Contact(id="c_1"),
        PREFERENCES: Preferences(),
        SETTINGS: AccountSettings(),
        CALL_LOG: full_call_log(),
    }
    document = {**json.loads(codec.encode(samples[codec])), "given_up": {"long": ["ago"]}}
    assert codec.decode(json.dumps(document).encode()) == samples[codec]


@pytest.mark.parametrize("document", [b"", b"{", b"\xff", b"[]", b'{"id":7}', b'{"name":"without an id"}'])
def test_a_damaged_document_is_an_error(document: bytes) -> None:
    with pytest.raises(LedgerUnavailable, match="A stored Contact cannot be read"):
        CONTACT.decode(document)


@given(time=TIMES)
def test_times_keep_their_microseconds(time: datetime) -> None:
    assert from_microseconds(to_microseconds(time)) == time


@given(one=TIMES, other=TIMES)
def test_times_sort_as_their_microseconds_do(one: datetime, other: datetime) -> None:
    assert (one < other) == (to_microseconds(one) < to_microseconds(other))


@pytest.mark.parametrize("kind", [CallLog, AccountSettings, Preferences, Contact])
def test_every_stored_class_is_a_dataclass_whose_new_fields_can_have_defaults(kind: type) -> None:
    assert is_dataclass(kind)
    required = [field.name for field in fields(kind) if field.default is field.default_factory]
    assert required in (
        [],
        ["id"],
        ["account_id", "user_id", "call", "pending_since", "last_news_time", "create_time", "update_time"],
    )
