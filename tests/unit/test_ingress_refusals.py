"""Requests that are not the phone system's own: all get the same answer, are counted, and leave nothing behind."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from leadline_server.ingress.receiver import REFUSED, WebhookAnswer
from leadline_server.ingress.webhook import Webhook
from support.ingress import Ingress, open_ingress
from support.webhook_events import (
    PUBLIC_URL,
    SECRET,
    document,
    jwt,
    sign_ringcentral,
    sign_telnyx,
    sign_twilio,
    sign_vonage,
    twilio_events,
)
from support.webhook_switches import sign_basic
from support.webhooks import SYSTEMS

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
