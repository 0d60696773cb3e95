"""Call logs as calls of HubSpot: their status, outcome, numbers, times and owner."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from leadline_server.crm.hubspot.calls import CallProperties
from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.ports.crm import LogEntry
from leadline_server.testing.crm_harness import Report

CONNECTED, LEFT_VOICEMAIL = "f240bbac-87c9-4f6e-bf70-924b57d47db7", "b2cf5968-551e-4856-9783-52b3da59a7d0"


def settings(**options: Any) -> HubSpotSettings:
    return HubSpotSettings.model_validate({"token": "t", **options})


def entry(**values: Any) -> LogEntry:
    made = Report().entry("7")
    return replace(made, call=replace(made.call, **values))


@pytest.mark.parametrize(
    ("result", "status", "disposition"),
    [
        (CallResult.ANSWERED, "COMPLETED", CONNECTED),
        (CallResult.VOICEMAIL, "COMPLETED", LEFT_VOICEMAIL),
        (CallResult.REJECTED, "NO_ANSWER", None),
        (CallResult.FAILED, "FAILED", None),
    ],
)
def test_a_result_has_a_status_and_may_have_an_outcome(
    result: CallResult, status: str, disposition: str | None
) -> None:
    written = CallProperties({}).created(entry(result=result), "UTC")
    assert (written["hs_call_status"], written.get("hs_call_disposition")) == (status, disposition)


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"end_time": None}, "IN_PROGRESS"),
        ({"answer_time": None, "end_time": None}, "RINGING"),
        ({"answer_time": None}, None),
        ({"end_time": None, "is_final": True}, "COMPLETED"),
    ],
)
def test_a_call_without_a_result_has_the_status_that_its_times_tell(values: dict[str, Any], status: str | None) -> None:
    assert CallProperties({}).created(entry(result=None, **values), "UTC").get("hs_call_status") == status


def test_an_outbound_call_goes_to_the_contact_and_an_inbound_one_comes_from_it() -> None:
    inbound = CallProperties({}).created(entry(), "UTC")
    assert (inbound["hs_call_direction"], inbound["hs_call_from_number"]) == ("INBOUND", "+14155550123")
    assert inbound["hs_call_to_number"] == "101"
    outbound = CallProperties({}).created(entry(direction=CallDirection.OUTBOUND), "UTC")
    assert (outbound["hs_call_direction"], outbound["hs_call_to_number"]) == ("OUTBOUND", "+14155550123")


def test_durations_are_milliseconds_and_times_are_utc() -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    written = CallProperties({}).created(entry(answer_time=moment, end_time=moment + timedelta(seconds=1.5)), "UTC")
    assert written["hs_call_duration"] == "1500"
    assert written["hs_timestamp"] == "2026-03-04T05:06:07.000Z"


def test_an_owner_is_set_where_one_is_known_and_never_cleared() -> None:
    assert CallProperties({}).created(replace(entry(), crm_user_id="99"), "UTC")["hubspot_owner_id"] == "99"
    assert "hubspot_owner_id" not in CallProperties({}).updated(entry(), "UTC", {})


@pytest.mark.parametrize("url", ["http://recordings.example/1", "ftp://x", None])
def test_an_address_that_hubspot_refuses_stands_in_the_body_alone(url: str | None) -> None:
    written = CallProperties({}).created(entry(recording_url=url), "UTC")
    assert "hs_call_recording_url" not in written
    assert (url or "Call id") in written["hs_call_body"]


def test_a_voicemail_is_played_where_there_is_no_recording() -> None:
    written = CallProperties({}).created(entry(voicemail_url="https://voicemail.example/1"), "UTC")
    assert written["hs_call_recording_url"] == "https://voicemail.example/1"


def test_what_is_no_longer_known_is_cleared() -> None:
    updated = CallProperties({}).updated(entry(end_time=None, recording_url=None), "UTC", {})
    assert (updated["hs_call_duration"], updated["hs_call_recording_url"]) == ("", "")


def test_an_outcome_that_a_person_chose_stays_unless_another_one_is_reported() -> None:
    calls = CallProperties({"Interested": "guid-of-interested", "answered": "guid-of-answered"})
    chosen = {"hs_call_disposition": "guid-of-a-person"}
    assert "hs_call_disposition" not in calls.updated(entry(), "UTC", chosen)
    assert calls.updated(entry(), "UTC", {})["hs_call_disposition"] == "guid-of-answered"
    reported = calls.updated(entry(disposition=" interested"), "UTC", chosen)
    assert reported["hs_call_disposition"] == "guid-of-interested"
    assert calls.created(entry(disposition="Wrong number"), "UTC")["hs_call_disposition"].startswith("17b47fee")
