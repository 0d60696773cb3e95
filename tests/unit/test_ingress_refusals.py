"""Requests that are not the phone system's own: all get the same answer, are counted, and leave nothing behind."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from leadline_server.domain.errors import BudgetExhausted, LeadlineError, LedgerUnavailable, ShuttingDown
from leadline_server.ingress.receiver import REFUSED, WebhookAnswer
from leadline_server.ingress.webhook import Webhook
from support.ingress import Ingress, open_ingress
from support.webhooks import (
    JSON,
    PUBLIC_URL,
    SECRET,
    SYSTEMS,
    document,
    form,
    jwt,
    sign_basic,
    sign_ringcentral,
    sign_telnyx,
    sign_twilio,
    sign_vonage,
    telnyx_events,
    twilio_events,
)

_EACH: Final = pytest.mark.parametrize("name", SYSTEMS)

Forge = Callable[[Webhook], Webhook]


def _tampered(request: Webhook) -> Webhook:
    return Webhook(url=request.url, headers=request.headers, body=request.body.replace(b"101", b"102") + b" ")


def _unsigned(request: Webhook) -> Webhook:
    kept = {"content-type": request.headers["content-type"]}
    return Webhook(url=request.url, headers=kept, body=request.body)


def _blank(request: Webhook) -> Webhook:
    return Webhook(url=request.url, headers=dict.fromkeys(request.headers, ""), body=request.body)


def _halved(request: Webhook) -> Webhook:
    kept = {"content-type": request.headers["content-type"]}
    halves = {name: value[: len(value) // 2] for name, value in request.headers.items()}
    return Webhook(url=request.url, headers={**halves, **kept}, body=request.body)


def _not_ascii(request: Webhook) -> Webhook:
    headers = {name: value if name == "content-type" else f"{value}\u00e9" for name, value in request.headers.items()}
    return Webhook(url=request.url, headers=headers, body=request.body)


FORGERIES: Final[Mapping[str, Forge]] = {
    "unsigned": _unsigned,
    "blank": _blank,
    "halved": _halved,
    "not ascii": _not_ascii,
}


async def refused(ingress: Ingress, name: str, answer: WebhookAnswer, reason: str) -> None:
    assert answer == REFUSED
    assert ingress.count(name, f"refused_{reason}") == 1
    assert await ingress.logs() == []
    assert await ingress.app.ledger.quarantine.list("", 10) == []


@_EACH
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_request_is_refused(name: str, forgery: str, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        request = FORGERIES[forgery](system.request(system.events("0")[0]))
        await refused(ingress, name, await ingress.send(system, request), "forged")


@pytest.mark.parametrize("name", ["twilio", "telnyx", "vonage"])
async def test_a_body_that_was_changed_is_refused(name: str, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        request = _tampered(system.request(system.events("0")[0]))
        await refused(ingress, name, await ingress.send(system, request), "forged")


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("twilio", partial(sign_twilio, secret="another")),
        ("ringcentral", partial(sign_ringcentral, secret="another")),
        ("vonage", partial(sign_vonage, secret="another")),
        ("asterisk", partial(sign_basic, secret="another")),
    ],
)
async def test_a_request_with_another_secret_is_refused(name: str, sign: Any, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        request = system.request(system.events("0")[0], sign=sign)
        await refused(ingress, name, await ingress.send(system, request), "forged")


@pytest.mark.parametrize("ago", [-301, 301, 86_400])
@pytest.mark.parametrize(("name", "sign"), [("telnyx", sign_telnyx), ("vonage", sign_vonage)])
async def test_a_stale_signature_is_refused(name: str, sign: Any, ago: int, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        request = system.request(system.events("0")[0], sign=partial(sign, ago=ago))
        await refused(ingress, name, await ingress.send(system, request), "stale")


@pytest.mark.parametrize(("name", "sign"), [("telnyx", sign_telnyx), ("vonage", sign_vonage)])
async def test_a_signature_within_the_tolerance_is_taken(name: str, sign: Any, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: system.settings}) as ingress:
        for ago in (-250, 250):
            answer = await ingress.send(system, system.request(system.events("0")[0], sign=partial(sign, ago=ago)))
            assert answer.status == 200


async def test_an_expired_token_is_refused(tmp_path: Path) -> None:
    system = SYSTEMS["vonage"]
    async with open_ingress(tmp_path, vonage=system.settings) as ingress:
        request = system.request(system.events("0")[0], sign=partial(sign_vonage, exp=1))
        await refused(ingress, "vonage", await ingress.send(system, request), "stale")


@pytest.mark.parametrize("algorithm", ["none", "RS256", "hs256", "HS512"])
async def test_a_token_of_another_algorithm_is_refused(algorithm: str, tmp_path: Path) -> None:
    system = SYSTEMS["vonage"]

    def sign(url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        claims = {"iat": 1, "payload_hash": "", "url": url, "size": len(body) + len(headers)}
        return {"authorization": f"Bearer {jwt(claims, SECRET, algorithm)}"}

    async with open_ingress(tmp_path, vonage=system.settings) as ingress:
        request = system.request(system.events("0")[0], sign=sign)
        await refused(ingress, "vonage", await ingress.send(system, request), "forged")


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("twilio", "AccountSid", "AC2"),
        ("telnyx", "connection_id", "1"),
        ("ringcentral", "account_id", "1"),
        ("vonage", "application_id", "app-2"),
    ],
)
async def test_an_event_of_another_tenant_with_the_same_key_is_refused(
    name: str, field: str, value: str, tmp_path: Path
) -> None:
    system = SYSTEMS[name]
    async with open_ingress(tmp_path, **{name: {**system.settings, "expect": {field: value}}}) as ingress:
        await refused(ingress, name, await ingress.send(system, system.request(system.events("0")[0])), "foreign")


@pytest.mark.parametrize("body", [{"data": {"event_type": "call.hangup", "payload": {}}}, {"data": [{}, {}]}])
async def test_an_event_that_does_not_say_whose_it_is_is_refused(body: Any, tmp_path: Path) -> None:
    system = SYSTEMS["telnyx"]
    async with open_ingress(tmp_path, telnyx=system.settings) as ingress:
        answer = await ingress.send(system, system.request(document(body)))
        if body["data"] == [{}, {}]:  # such events are skipped by any sender
            assert (answer.status, await ingress.logs()) == (200, [])
        else:
            await refused(ingress, "telnyx", answer, "foreign")


@pytest.mark.parametrize(
    ("route", "account"), [("twilio", "nobody"), ("nothing", "demo"), ("twilio", "other"), ("", "")]
)
async def test_an_address_that_is_no_route_is_refused_like_a_forged_request(
    route: str, account: str, tmp_path: Path
) -> None:
    system = SYSTEMS["twilio"]
    async with open_ingress(tmp_path, twilio=system.settings) as ingress:
        answer = await ingress.receiver.receive(route, account, system.request(system.events("0")[0]))
        await refused(ingress, "", answer, "unknown")


async def test_a_signature_of_another_address_is_refused(tmp_path: Path) -> None:
    system = SYSTEMS["twilio"]
    async with open_ingress(tmp_path, twilio=system.settings) as ingress:
        body = twilio_events("0")[0]
        signature = sign_twilio(f"{PUBLIC_URL}/ingress/twilio/other", body, {})
        request = system.request(body, sign=lambda *_: signature)
        await refused(ingress, "twilio", await ingress.send(system, request), "forged")


class TestHandshake:
    async def test_ringcentral_gets_its_token_back(self, tmp_path: Path) -> None:
        system = SYSTEMS["ringcentral"]
        async with open_ingress(tmp_path, ringcentral=system.settings) as ingress:
            request = Webhook(url="", headers={"validation-token": "f00-ba4"}, body=b"")
            answer = await ingress.send(system, request)
            assert (answer.status, answer.headers) == (200, {"validation-token": "f00-ba4"})

    async def test_a_handshake_authenticates_nothing(self, tmp_path: Path) -> None:
        system = SYSTEMS["ringcentral"]
        async with open_ingress(tmp_path, ringcentral=system.settings) as ingress:
            forged = system.request(system.events("0")[0], sign=lambda *_: {"validation-token": "x"})
            assert (await ingress.send(system, forged)).status == 200
            assert await ingress.logs() == []

    @pytest.mark.parametrize("token", ["x" * 257, "a\r\nset-cookie: b", "\u00e9"])
    async def test_a_token_that_is_no_token_is_refused(self, token: str, tmp_path: Path) -> None:
        system = SYSTEMS["ringcentral"]
        async with open_ingress(tmp_path, ringcentral=system.settings) as ingress:
            answer = await ingress.send(system, Webhook(url="", headers={"validation-token": token}, body=b""))
            assert answer == REFUSED


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
            assert b"7267" not in kept.document
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
                patched.setattr(ingress.app.ledger.call_logs, "change", fails)
                answer = await ingress.send(system, request)
                assert (answer.status, answer.headers["retry-after"]) == (503, "5")
                assert ingress.count("telnyx", "failed") == 1
            assert (await ingress.send(system, request)).status == 200
            assert [log.call.id for log in await ingress.logs()] == ["s-0"]
            assert await ingress.app.ledger.quarantine.list("", 10) == []

    async def test_an_unexpected_error_puts_the_event_aside(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        system = SYSTEMS["telnyx"]
        async with open_ingress(tmp_path, telnyx=system.settings) as ingress:
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
