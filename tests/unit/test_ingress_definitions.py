"""Ingress definitions: problems are told with their places, and the example of the document logs a call."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import ingress_tables
import pytest
from definition_schema import FOLDER, SCHEMAS, generated
from leadline_server.config_loading import BadSettings, load_settings
from leadline_server.definitions.problems import BadDefinition
from leadline_server.domain.call import CallResult
from leadline_server.ingress.definition_files import load_ingress, parse_ingress, shipped_names
from leadline_server.ingress.webhook import Webhook
from support.ingress import Ingress, open_ingress
from support.webhook_events import CUSTOMER, SECRET
from support.webhooks import SYSTEMS, PhoneSystem

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "ingress-definitions.md"
[EXAMPLE] = [
    block
    for block in re.findall(r"^```toml\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if "[[kinds]]" in block
]

WRONG: Final[Mapping[str, tuple[str, str, str]]] = {
    "no TOML": ("format = 1", "format = = 1", "it is not TOML: Invalid value (at line 1, column 10)"),
    "unknown key": ('title = "Acorn Voice"', 'titel = "Acorn"\ntitle = "A"', "titel: there is no such key"),
    "unknown scheme": ('type = "hmac"', 'type = "md5"', "authentication: Input tag 'md5' found using 'type'"),
    "a key of a scheme": ('prefix = "sha256="', 'prefx = "a"', "authentication.prefx: there is no such key"),
    "a bad expression": (
        "event.event == 'ringing'",
        "event.event == ",
        "kinds[0].when: is not a JMESPath expression",
    ),
    "no id": ('id = "event.call"\n', "", "kinds[0].call: has id or id_parts, and not both"),
    "no event time": ('event_time = "event.at"\n', "", "kinds[0].call.event_time: is required"),
    "an early kind for all": ("when = \"event.event == 'ringing'\"\n", "", "kinds[0].when: is required in every kind"),
    "nothing": ('skip = "such', 'when = "`true`"\n# "such', "kinds[2].call: is required, or skip"),
    "signed": ('prefix = "sha256="', 'signed = "{timestamp}"', "authentication.signed: has {body} once"),
    "no timestamp": (
        'prefix = "sha256="',
        'signed = "{timestamp}{body}"',
        "authentication.signed: has {timestamp} if there is a timestamp_header",
    ),
    "an unknown result": ('picked_up = "ANSWERED"', 'picked_up = "YES"', "words.result.picked_up: Input should be"),
    "an unknown field": ("caller.address", "caller.number", "kinds[0].call.caller.number: there is no such key"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_its_place(what: str) -> None:
    old, new, problem = WRONG[what]
    assert old in EXAMPLE
    with pytest.raises(BadDefinition) as caught:
        parse_ingress(EXAMPLE.replace(old, new, 1))
    assert any(one.startswith(problem) for one in caught.value.problems), caught.value.problems


def test_the_shipped_definitions_are_those_of_the_tests() -> None:
    assert set(shipped_names()) == SYSTEMS.keys()
    for name in shipped_names():
        assert load_ingress(name).definition.title


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schemas_are_those_of_the_models(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == generated(SCHEMAS[name]())


def test_the_tables_have_every_key() -> None:
    assert ingress_tables.undocumented() == []
    text = DOCUMENT.read_text(encoding="utf-8")
    assert ingress_tables.generated(text) == text


def acorn(file: Path) -> PhoneSystem:
    def sign(url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        assert url
        assert headers
        return {"x-acorn-signature": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}

    def events(call: str) -> list[bytes]:
        told = {"call": call, "from": CUSTOMER, "to": "101", "direction": "incoming"}
        ends = {"event": "ended", "at": "2026-11-24T14:01:10Z", "seconds": 60, "outcome": "picked_up"}
        rings = {"event": "ringing", "at": "2026-11-24T14:00:00Z"}
        return [json.dumps({**told, **more}).encode() for more in (rings, ends)]

    settings = {"definition": str(file), "secret": SECRET}
    return PhoneSystem(
        name="acorn",
        settings=settings,
        content_type="application/json",
        events=events,
        sign=sign,
        call_id=lambda call: call,
    )


async def test_the_example_of_the_document_logs_a_call(tmp_path: Path) -> None:
    file = tmp_path / "acorn-voice.toml"
    file.write_text(EXAMPLE, encoding="utf-8")
    system = acorn(file)
    async with open_ingress(tmp_path / "data", acorn=system.settings) as ingress:
        for body in system.events("c-1"):
            assert (await ingress.send(system, system.request(body))).status == 204
        [log] = await ingress.logs()
        assert (log.call.result, log.call.is_final, log.user_id) == (CallResult.ANSWERED, True, "alice")
        assert log.call.callee.extension == "101"


async def test_call_ids_carry_the_routes_source(tmp_path: Path) -> None:
    system = SYSTEMS["asterisk"]
    async with open_ingress(tmp_path, asterisk={**system.settings, "source": "berlin"}) as ingress:
        await send_all(ingress, system, "1")
        [log] = await ingress.logs()
        assert (log.call.id, log.call.linked_id) == ("berlin/1790000000.1", "berlin/1790000000.1")


async def test_a_call_that_is_known_by_its_own_id_keeps_that_after_the_route_has_a_source(tmp_path: Path) -> None:
    system = SYSTEMS["asterisk"]
    async with open_ingress(tmp_path, asterisk=system.settings) as ingress:
        await ingress.send(system, system.request(system.events("1")[0]))
    async with open_ingress(tmp_path, asterisk={**system.settings, "source": "berlin"}) as ingress:
        await send_all(ingress, system, "1")
        assert [log.call.id for log in await ingress.logs()] == ["1790000000.1"]


async def send_all(ingress: Ingress, system: PhoneSystem, call: str) -> None:
    for body in system.events(call):
        assert (await ingress.send(system, system.request(body))).status // 100 == 2


@pytest.mark.parametrize(
    ("routes", "problem"),
    [
        ({"twilio": {"expect": {"AccountSid": "AC1"}}}, "ingress.twilio.secret: is required"),
        ({"twilio": {"secret": "x"}}, "ingress.twilio.expect.AccountSid: is required by the definition"),
        ({"asterisk": {"secret": "x", "expect": {"a": "b"}}}, "ingress.asterisk.expect.a: the definition has no such"),
        (
            {"telnyx": {"secret": "x", "expect": {"connection_id": "1"}}},
            "ingress.telnyx.secret: must be the public key",
        ),
        ({"nothing": {"secret": "x"}}, "ingress.nothing.definition: nothing: leadline has no such definition"),
        ({"Asterisk": {"secret": "x"}}, "ingress.Asterisk: must be of the form"),
        ({"asterisk": {"secret": "x", "source": "a/b"}}, "ingress.asterisk.source: must be of the form"),
    ],
)
def test_a_route_that_is_not_complete_is_told_at_the_start(
    routes: Mapping[str, Any], problem: str, tmp_path: Path
) -> None:
    lines = ['public_url = "https://calls.example.com"', "[accounts.demo]"]
    for name, settings in routes.items():
        lines.append(f"[accounts.demo.ingress.{name}]")
        for key, value in settings.items():
            pairs = ", ".join(f'{inner} = "{text}"' for inner, text in value.items()) if isinstance(value, dict) else ""
            lines.append(f"{key} = {{ {pairs} }}" if pairs else f'{key} = "{value}"')
    file = tmp_path / "leadline.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(BadSettings) as caught:
        load_settings({"config": file})
    assert any(one.startswith(f"accounts.demo.{problem}") for one in caught.value.problems), caught.value.problems


def test_twilio_needs_the_public_address(tmp_path: Path) -> None:
    file = tmp_path / "leadline.toml"
    file.write_text('[accounts.demo.ingress.twilio]\nsecret = "x"\nexpect = { AccountSid = "AC1" }', encoding="utf-8")
    with pytest.raises(BadSettings, match="needs public_url"):
        load_settings({"config": file})


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "leadline.toml"
    file.write_text(f'[accounts.demo.ingress.asterisk]\nsecret = "{SECRET}"', encoding="utf-8")
    assert SECRET not in repr(load_settings({"config": file}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Acorn Voice"', 'title = "Acorn Voice"\nevents = "body.items[?a == \'1\']"'),
        ('direction = "event.direction"', "direction = \"event.items[?a == '1'] | [0]\""),
    ],
)
async def test_an_event_that_takes_too_many_steps_to_read_is_put_aside(old: str, new: str, tmp_path: Path) -> None:
    file = tmp_path / "acorn-voice.toml"
    file.write_text(EXAMPLE.replace(old, new, 1), encoding="utf-8")
    system = acorn(file)
    body = json.dumps({**json.loads(system.events("c-1")[0]), "items": [{"a": "0"}] * 30_000}).encode()
    async with open_ingress(tmp_path / "data", acorn=system.settings) as ingress:
        assert (await ingress.send(system, system.request(body))).status == 204
        assert ingress.count("acorn", "quarantined") == 1
        assert await ingress.logs() == []


class TestTimestamps:
    """A scheme that signs a time and the body, as many webhooks do."""

    SIGNED_TIME = EXAMPLE.replace(
        'prefix = "sha256="', 'signed = "{timestamp}.{body}"\ntimestamp_header = "X-Acorn-Time"\nencoding = "base64"'
    )

    @pytest.mark.parametrize(("seconds", "status"), [(0, 204), (299, 204), (-299, 204), (400, 404), (-400, 404)])
    async def test_a_signed_time_is_checked(self, seconds: int, status: int, tmp_path: Path) -> None:
        import base64
        import time

        file = tmp_path / "acorn-voice.toml"
        file.write_text(self.SIGNED_TIME, encoding="utf-8")
        system = acorn(file)
        [body, _] = system.events("c-1")
        timestamp = str(int(time.time()) + seconds)
        mac = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).digest()
        headers = {"x-acorn-time": timestamp, "x-acorn-signature": base64.b64encode(mac).decode()}
        async with open_ingress(tmp_path / "data", acorn=system.settings) as ingress:
            answer = await ingress.send(system, Webhook(url="u", headers=headers, body=body))
            assert answer.status == status
