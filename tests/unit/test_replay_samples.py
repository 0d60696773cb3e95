"""Files as phone systems write them, each with its right outcome, row by row."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from leadline_server.domain.call import CallDirection, CallResult, Party
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.replay.own_numbers import own_numbers
from leadline_server.replay.rules import Rules
from support.call_records import RULES, calls, clock, records, sample

INBOUND, OUTBOUND, INTERNAL = CallDirection.INBOUND, CallDirection.OUTBOUND, CallDirection.INTERNAL
ANSWERED, NO_ANSWER = CallResult.ANSWERED, CallResult.NO_ANSWER
BERLIN = ZoneInfo("Europe/Berlin")
GERMAN = replace(RULES, time_zone=BERLIN, numbering=NumberingRules("DE"))


def test_an_outbound_call_that_was_transferred_is_one_outbound_call_and_no_inbound_one() -> None:
    consultation, call = sorted(
        calls(sample("b2-out-transfer.csv")), key=lambda one: one.call.direction or 0, reverse=True
    )
    assert (call.call.direction, call.user_id, call.lines) == (OUTBOUND, "alice", (1, 3))
    assert call.call.callee == Party(phone_number="2025550302")
    assert clock(call.call) == "10:20:00 10:20:10 10:30:00"
    assert {(leg.user_id, leg.result) for leg in call.call.legs} == {("alice", ANSWERED), ("bob", ANSWERED)}
    assert (consultation.call.direction, consultation.lines) == (INTERNAL, (2,))


@pytest.mark.parametrize("is_told", [False, True])
def test_a_follow_me_is_one_inbound_call_whether_or_not_the_mobile_is_told(is_told: bool) -> None:  # noqa: FBT001
    numbers = ["+12025550999"] if is_told else []
    (call,) = calls(
        sample("c-followme-nolink.csv"), replace(RULES, own_numbers=own_numbers(numbers, NumberingRules("US")))
    )
    assert (call.call.direction, call.user_id, call.lines) == (INBOUND, "alice", (1, 2))
    assert call.call.caller == Party(phone_number="2025550303", name="ROE FM")
    assert call.call.callee == Party(extension="101", user_id="alice")
    assert (call.call.result, clock(call.call)) == (ANSWERED, "10:40:00 10:40:10 10:41:20")
    (leg,) = call.call.legs
    assert (leg.result, leg.party.extension, leg.party.phone_number) == (ANSWERED, "101", "2025550999")


@pytest.mark.parametrize("name", ["d-queue-link.csv", "d-queue-nolink.csv"])
def test_a_queue_call_is_one_call_with_a_leg_for_each_agent(name: str) -> None:
    (call,) = calls(sample(name))
    assert (call.call.id, call.call.direction, call.user_id) == ("1791211800.51", INBOUND, "bob")
    assert call.lines == (1, 2, 3, 4, 5, 6)
    assert call.call.caller == Party(phone_number="2025550304", name="SALES:ROE Q")
    assert clock(call.call) == "10:50:00 10:50:20 10:55:00"
    assert [(leg.user_id, leg.result) for leg in call.call.legs] == [
        ("bob", ANSWERED),
        ("alice", NO_ANSWER),
        ("carol", NO_ANSWER),
    ]


DIALLED = {
    "e-prefix.csv": (
        *("92025550305", "912025550305", "9011442079460958", "*672025550305", "*6712025550305", "2025550305#"),
        *("w12025550305", "12025550305,,3", "+12025550305"),
    ),
    "s-prefix0.csv": (
        *("0017612345678", "00301234567", "004930901820", "0004930901820", "0090182512", "017612345678"),
    ),
}


@pytest.mark.parametrize(("name", "dialled"), DIALLED.items(), ids=DIALLED.keys())
def test_what_was_dialled_is_handed_on_as_it_stands_for_the_account_settings_to_decide(
    name: str, dialled: tuple[str, ...]
) -> None:
    found = calls(sample(name), GERMAN if name == "s-prefix0.csv" else RULES)
    assert [call.call.callee for call in found] == [Party(phone_number=text) for text in dialled]
    assert {(call.call.direction, call.user_id, call.call.result) for call in found} == {(OUTBOUND, "alice", ANSWERED)}


def test_a_clock_that_was_set_back_during_a_call_is_put_right() -> None:
    missed, answered = calls(sample("g-clock.csv"))
    assert (missed.call.result, clock(missed.call)) == (NO_ANSWER, "11:02:05 - 11:02:05")
    assert (answered.call.result, clock(answered.call)) == (ANSWERED, "11:03:05 11:03:05 11:04:04")


@pytest.mark.parametrize(
    ("name", "zone", "start"),
    [("h-zone.csv", "America/New_York", "15:10:00"), ("r-berlin.csv", "Europe/Berlin", "09:10:00")],
)
def test_times_are_those_of_the_given_zone_and_the_order_of_reports_is_not(name: str, zone: str, start: str) -> None:
    found = {given: records(sample(name), replace(RULES, time_zone=ZoneInfo(given)))[0].call for given in ("UTC", zone)}
    assert f"{found[zone].start_time:%H:%M:%S}" == start
    assert found["UTC"].start_time != found[zone].start_time
    assert found["UTC"].id == found[zone].id
    assert found["UTC"].event_time == found[zone].event_time


def test_a_name_in_latin_1_has_its_accents() -> None:
    (call,) = calls(sample("i2-latin1.csv"))
    assert call.call.caller == Party(phone_number="2025550321", name="Jörg Müller")
    assert (call.user_id, call.call.result, clock(call.call)) == ("bob", ANSWERED, "11:25:00 11:25:05 11:26:00")


HEADERS = {
    "k-freepbx-header.csv": ("2025550323", "ROE K", "11:40:00 11:40:05 11:41:00"),
    "k2-asterisk-header.csv": ("2025550324", "ROE H", "11:41:00 11:41:05 11:42:00"),
}


@pytest.mark.parametrize(("name", "expected"), HEADERS.items(), ids=HEADERS.keys())
def test_exports_with_a_header_are_read_by_it(name: str, expected: tuple[str, str, str]) -> None:
    (call,) = calls(sample(name))
    assert (call.call.caller.phone_number, call.call.caller.name, clock(call.call)) == expected
    assert (call.call.direction, call.user_id, call.call.result) == (INBOUND, "alice", ANSWERED)


def test_a_freepbx_export_keeps_the_number_that_was_dialled_and_the_name_of_the_callee() -> None:
    (call,) = calls(sample("k-freepbx-header.csv"))
    assert call.call.attributes["did"] == "12125550100"
    assert call.call.callee == Party(extension="101", name="Alice", user_id="alice")


def test_every_disposition_is_read_by_its_meaning() -> None:
    found = calls(sample("q-disp.csv"))
    assert [(call.call.caller.phone_number, call.call.result, clock(call.call)) for call in found] == [
        ("2025550340", ANSWERED, "12:30:00 - 12:31:00"),
        ("2025550341", NO_ANSWER, "12:30:00 - 12:31:00"),
        ("2025550342", ANSWERED, "12:30:00 12:30:10 12:31:00"),
        ("2025550343", NO_ANSWER, "12:30:00 - 12:31:00"),
        ("2025550344", CallResult.CANCELED, "12:30:00 - 12:31:00"),
        ("2025550345", CallResult.FAILED, "12:30:00 - 12:31:00"),
        ("2025550346", CallResult.FAILED, "12:30:00 - 12:31:00"),
        ("2025550347", None, "12:30:00 - 12:31:00"),
        ("2025550348", ANSWERED, "12:30:00 12:30:10 12:31:00"),
        ("2025550349", NO_ANSWER, "12:30:00 - 12:31:00"),
    ]
    assert not any(call.notes for call in found)


def test_calls_of_luxembourg_customers_are_not_taken_for_internal_ones() -> None:
    rules = replace(RULES, time_zone=ZoneInfo("Europe/Luxembourg"), numbering=NumberingRules("LU"))
    inbound, outbound = calls(sample("u-luxembourg.csv"), rules)
    assert (inbound.call.direction, inbound.call.caller.phone_number) == (INBOUND, "221236")
    assert (outbound.call.direction, outbound.call.callee.phone_number) == (OUTBOUND, "221237")
    assert {inbound.user_id, outbound.user_id} == {"alice"}


def test_a_name_is_kept_as_far_as_asterisk_kept_it() -> None:
    found = calls(sample("v-longname.csv"))
    assert [(call.call.caller.name, call.call.caller.phone_number) for call in found] == [
        ("Roe & Daughters Plumbing 24 Hour Emergency Service and Heating of Springfield Nor", "2025550331"),
        ("Roe and Daughters Plumbing and Heating Emergency Services of Springfield North Si", "2025550332"),
    ]


OTHERS = {
    "t-3cx.csv": (
        "00000ABC",
        Party(phone_number="2025550601", name="Roe Jane"),
        ANSWERED,
        "10:00:00 10:00:05 10:01:05",
    ),
    "t2-freeswitch.csv": (
        "3c6f0b1e-0000-4000-8000-000000000001",
        Party(phone_number="2025550602", name="ROE JANE"),
        ANSWERED,
        "10:00:00 10:00:05 10:01:05",
    ),
    "t3-generic-semicolon.csv": ("g1", Party(phone_number="2025550603"), None, "10:00:00 - -"),
}


@pytest.mark.parametrize(("name", "expected"), OTHERS.items(), ids=OTHERS.keys())
def test_other_phone_systems_records_are_one_call_each(
    name: str, expected: tuple[str, Party, CallResult | None, str]
) -> None:
    (call,) = calls(sample(name))
    assert (call.call.id, call.call.caller, call.call.result, clock(call.call)) == expected
    assert (call.call.direction, call.user_id) == (INBOUND, "alice")
    assert call.call.callee.extension == "101"


def test_common_words_durations_and_split_dates_are_read() -> None:
    rules = Rules(time_zone=RULES.time_zone, users=RULES.users)
    incoming, missed, outgoing = calls(sample("generic-words.csv"), rules)
    assert (incoming.call.direction, incoming.call.caller) == (
        INBOUND,
        Party(phone_number="(202) 555-0621", name="Jane Roe"),
    )
    assert (incoming.call.note, clock(incoming.call)) == (
        "Wants an offer;\ncalls back on Monday",
        "10:00:00 - 10:01:00",
    )
    assert (missed.call.direction, missed.call.result, missed.user_id) == (INBOUND, NO_ANSWER, "bob")
    assert outgoing.call.callee == Party(phone_number="+1 202 555 0623", name='Max "Mad" Roe')
    assert clock(outgoing.call) == "10:07:00 - 11:09:03"
    assert f"{incoming.call.start_time:%Y-%m-%d}" == "2026-10-05"


def test_documents_of_freeswitch_are_read_with_their_own_times() -> None:
    inbound, outbound = calls(sample("freeswitch-documents.json"))
    assert (inbound.call.direction, inbound.call.caller) == (
        INBOUND,
        Party(phone_number="2025550611", name="ROE JANE"),
    )
    assert (inbound.call.result, clock(inbound.call)) == (ANSWERED, "10:00:00 10:00:05 10:01:05")
    assert (outbound.call.direction, outbound.call.callee.phone_number, outbound.user_id) == (
        OUTBOUND,
        "2025550612",
        "alice",
    )
    assert (outbound.call.result, clock(outbound.call)) == (CallResult.CANCELED, "10:01:40 - 10:02:00")
