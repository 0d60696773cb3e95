"""Authentic events: those that cannot be stored, those that can be later, and several in one request."""

import asyncio
import json
from pathlib import Path

import pytest
from leadline_server.domain.errors import BudgetExhausted, LeadlineError, ShuttingDown
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ingress.quarantined_requests import MOST_BYTES, MOST_EVENTS
from leadline_server.ingress.webhook import Webhook
from leadline_server.transport.admission.quotas import Quotas
from support.ingress import open_ingress
from support.webhook_events import (
    JSON,
    document,
    form,
    telnyx_events,
)
from support.webhooks import SYSTEMS


class TestQuarantine:
    async def test_an_authentic_event_that_cannot_be_stored_is_put_aside_and_not_asked_for_again(
        self, tmp_path: Path
    ) -> None:
        system = SYSTEMS["telnyx"]
        body = document({"data": {"event_type": "call.hangup", "payload": {"connection_id": "7267"}}})
        async with open_ingress(tmp_path, telnyx=system.settings) as ingress:
            for _ in range(2):
                assert (await ingress.send(system, system.request(body))).status == 200
            [kept] = await ingress.app.ledger.quarantine.list("demo", 10)
            assert (kept.route, kept.account_id) == ("telnyx", "demo")
            assert kept.reason == "the event has no id of its call"
            assert await ingress.app.ledger.quarantine.document("demo", kept.key) == body
            assert ingress.count("telnyx", "quarantined") == 2
            assert await ingress.logs() == []

    @pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b'"text"', b"null", b"[]"])
    async def test_a_body_that_cannot_be_read_is_put_aside(self, body: bytes, tmp_path: Path) -> None:
        system = SYSTEMS["freeswitch"]
        async with open_ingress(tmp_path, freeswitch=system.settings) as ingress:
            assert (await ingress.send(system, system.request(body))).status == 200
            assert len(await ingress.app.ledger.quarantine.list("demo", 10)) == 1

    async def test_a_report_that_breaks_a_rule_is_put_aside(self, tmp_path: Path) -> None:
        system = SYSTEMS["asterisk"]
        body = form({"event": "ring", "id": "x" * 200, "time": 1_790_000_000, "direction": "inbound", "caller": "1"})
        async with open_ingress(tmp_path, asterisk=system.settings) as ingress:
            assert (await ingress.send(system, system.request(body))).status == 200
            [kept] = await ingress.app.ledger.quarantine.list("demo", 10)
            assert "call.id" in kept.reason

    async def test_more_fields_than_are_read_are_refused_or_put_aside(self, tmp_path: Path) -> None:
        system = SYSTEMS["asterisk"]
        body = form({f"f{number}": "x" for number in range(1_001)})
        async with open_ingress(tmp_path, asterisk=system.settings) as ingress:
            assert (await ingress.send(system, system.request(body))).status == 200
            [kept] = await ingress.app.ledger.quarantine.list("demo", 10)
            assert kept.reason == "the form has more than 1000 fields"

    async def test_too_many_events_are_put_aside(self, tmp_path: Path) -> None:
        system = SYSTEMS["telnyx"]
        async with open_ingress(tmp_path, telnyx=system.settings) as ingress:
            answer = await ingress.send(system, system.request(document({"data": [{}] * 101})))
            assert answer.status == 200
            assert len(await ingress.app.ledger.quarantine.list("demo", 10)) == 1

    def test_an_account_has_room_for_1_000_events_and_16_mb(self) -> None:
        assert (MOST_EVENTS, MOST_BYTES) == (1_000, 16 * 1024 * 1024)  # the ledgers' own tests have smaller limits


class TestPassingFailures:
    """Failures after which sending the event again helps."""

    @pytest.mark.parametrize(
        "failure", [LedgerUnavailable("The disk is full."), BudgetExhausted("No time."), ShuttingDown("Stopping.")]
    )
    async def test_the_sender_is_told_to_come_again_and_then_the_event_is_stored(
        self, failure: LeadlineError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(*_: object, **__: object) -> None:
            raise failure

        system = SYSTEMS["telnyx"]
        request = system.request(system.events("0")[0])
        async with open_ingress(tmp_path, telnyx=system.settings) as ingress:
            with monkeypatch.context() as patched:
                patched.setattr(ingress.app.ledger.transactions, "run", fails)
                answer = await ingress.send(system, request)
                assert (answer.status, answer.headers["retry-after"]) == (503, "5")
                assert ingress.count("telnyx", "failed") == 1
            assert (await ingress.send(system, request)).status == 200
            assert [log.call.id for log in await ingress.logs()] == ["s-0"]
            assert await ingress.app.ledger.quarantine.list("", 10) == []

    async def test_above_a_quota_of_its_account_it_is_to_come_again(self, tmp_path: Path) -> None:
        system = SYSTEMS["telnyx"]
        first, second = (system.request(system.events(name)[0]) for name in ("0", "1"))
        async with open_ingress(tmp_path, Quotas(calls_per_second=1), telnyx=system.settings) as ingress:
            answers = await asyncio.gather(ingress.send(system, first), ingress.send(system, second))
            assert [answer.status for answer in answers] == [200, 503]
            assert answers[1].headers["retry-after"] == "1"
            assert ingress.count("telnyx", "over_quota") == 1
            assert [log.call.id for log in await ingress.logs()] == ["s-0"]

    async def test_an_unexpected_error_puts_the_event_aside(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        system = SYSTEMS["telnyx"]
        async with open_ingress(tmp_path, telnyx=system.settings) as ingress:
            monkeypatch.setattr(ingress.app.ledger.transactions, "run", fails)
            monkeypatch.setattr(ingress.app.ledger.call_logs, "change", fails)
            assert (await ingress.send(system, system.request(system.events("0")[0]))).status == 200
            [kept] = await ingress.app.ledger.quarantine.list("demo", 10)
            assert kept.reason == "an unexpected error (ZeroDivisionError)"


async def test_more_legs_than_a_call_has_are_put_aside(tmp_path: Path) -> None:
    system = SYSTEMS["ringcentral"]
    event = json.loads(system.events("0")[0])
    event["body"]["parties"] *= 65
    async with open_ingress(tmp_path, ringcentral=system.settings) as ingress:
        assert (await ingress.send(system, system.request(document(event)))).status == 200
        [kept] = await ingress.app.ledger.quarantine.list("demo", 10)
        assert kept.reason == "the event has more than 64 legs"


async def test_several_events_of_one_request_are_all_stored(tmp_path: Path) -> None:
    system = SYSTEMS["telnyx"]
    events = [json.loads(body)["data"] for call in ("1", "2") for body in telnyx_events(call)]
    async with open_ingress(tmp_path, telnyx=system.settings) as ingress:
        request = system.request(document({"data": events}))
        assert (await ingress.send(system, request)).status == 200
        assert sorted(log.call.id for log in await ingress.logs()) == ["s-1", "s-2"]
        assert ingress.count("telnyx", "stored") == len(events) - 2
        assert ingress.count("telnyx", "skipped") == 2


async def test_an_event_that_tells_nothing_is_skipped_and_answered(tmp_path: Path) -> None:
    system = SYSTEMS["telnyx"]
    body = document({"data": {"event_type": "call.dtmf.received", "payload": {"connection_id": "7267"}}})
    async with open_ingress(tmp_path, telnyx=system.settings) as ingress:
        assert (await ingress.send(system, system.request(body))).status == 200
        assert ingress.count("telnyx", "skipped") == 1


async def test_a_form_where_json_is_expected_has_the_json_in_its_field(tmp_path: Path) -> None:
    system = SYSTEMS["freeswitch"]
    assert system.content_type == JSON
    async with open_ingress(tmp_path, freeswitch=system.settings) as ingress:
        for body in system.events("0"):
            encoded = form({"cdr": body.decode()})
            request = system.request(encoded)
            form_request = Webhook(
                url=request.url,
                headers={**request.headers, "content-type": "application/x-www-form-urlencoded"},
                body=encoded,
            )
            assert (await ingress.send(system, form_request)).status == 200
        assert [log.call.id for log in await ingress.logs()] == ["a0"]
