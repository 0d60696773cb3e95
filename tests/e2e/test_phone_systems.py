"""docs/phone-systems.md, carried out: from a running server to a logged call, by its steps alone."""

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from support.phone_systems import (
    CALLER_FUNCTIONS,
    Post,
    asterisk,
    call_freeswitch,
    call_three_cx,
    call_twilio,
    posting,
)
from support.servers import ServerProcess, leadline
from support.webhook_events import CUSTOMER, OWN, PUBLIC_URL, SECRET
from support.webhook_servers import Sent, call_logs, prepare, toml, webhook_server
from support.webhooks import SYSTEMS

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = (ROOT / "docs" / "phone-systems.md").read_text(encoding="utf-8")
MOST_STEPS: Final = 6
_PHONE_SYSTEMS_OWN: Final = {"fs_cli", "asterisk"}
"""Programs of phone systems. They load a file, which the test's phone system does before it calls."""


@dataclass(frozen=True)
class Step:
    """A step: the language of its block, and the block."""

    language: str
    block: str


def steps(title: str) -> list[Step]:
    [section] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^(\d)\. .*?^   ```(\w+)\n(.*?)^   ```$", section, re.MULTILINE | re.DOTALL)
    assert [int(number) for number, _, _ in found] == list(range(1, len(found) + 1))
    assert len(re.findall(r"^\d\. ", section, re.MULTILINE)) == len(found)
    return [Step(language, re.sub(r"^   ", "", block, flags=re.MULTILINE)) for _, language, block in found]


class Walk:
    """Carries out the steps of one phone system, each once."""

    def __init__(self, title: str, folder: Path) -> None:
        self._steps = steps(title)
        self._folder = folder
        self._done = 0
        self._secret = ""

    def taken(self, language: str) -> str:
        """The block of the next step, which is in this language."""
        step = self._steps[self._done]
        assert step.language == language
        self._done += 1
        return step.block

    @property
    def secret(self) -> str:
        return self._secret

    def is_at_the_end(self) -> bool:
        return self._done == len(self._steps) <= MOST_STEPS

    @contextmanager
    def served(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerProcess]:
        """Steps 1 and 2: the settings, and the server."""
        config = self._folder / "leadline.toml"
        config.write_text(self.taken("toml"), encoding="utf-8")
        words = shlex.split(self.taken("sh"))
        variable, _, self._secret = words[0].partition("=")
        assert words[1:] == ["leadline", "serve", "--config", "leadline.toml"]
        monkeypatch.setenv(variable, self._secret)
        with webhook_server(self._folder / "data", config) as server:
            yield server

    def run(self, server: ServerProcess) -> str:
        """The commands of the next step. Returns what the last one printed."""
        printed = ""
        for line in self.taken("sh").strip().splitlines():
            words = shlex.split(line)
            if words[0] not in _PHONE_SYSTEMS_OWN:
                assert words[0] == "leadline"
                done = leadline(*words[1:], "--server", server.address)
                assert done.returncode == 0, done.stderr
                printed = done.stdout
        return printed


def check(server: ServerProcess, sent: list[Sent], call_id: str, printed: str) -> None:
    assert all(one.status // 100 == 2 for one in sent)
    [log] = call_logs(server.http_address)
    call = log["call"]
    assert (call["id"], log["user_id"], call["result"]) == (call_id, "alice", "CALL_RESULT_ANSWERED")
    assert (call["direction"], call["caller"]["phone_number"]) == ("CALL_DIRECTION_INBOUND", CUSTOMER)
    assert call["is_final"] is True
    assert call["answer_time"] < call["end_time"]
    assert (
        CUSTOMER in printed.replace(" ", "").replace("-", "").replace("(", "").replace(")", "") or "1 call" in printed
    )


def test_twilio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walk("Twilio", tmp_path)
    with walk.served(monkeypatch) as server:
        walk.run(server)
        address, twiml = walk.taken("text").strip(), walk.taken("xml")
        sent = call_twilio(address, twiml, walk.secret, posting(server.http_address))
        check(server, sent, "CA1", walk.run(server))
    assert walk.is_at_the_end()


def _asterisk(configuration: str, post: Post) -> list[Sent]:
    return asterisk(configuration, post).call("from-trunk", OWN, CALLER_FUNCTIONS, talk_time=60)


@pytest.mark.parametrize(
    ("title", "language", "call", "call_id"),
    [("FreeSWITCH", "xml", call_freeswitch, "a1"), ("Asterisk", "ini", _asterisk, "1790000000.1")],
)
def test_a_phone_system_on_the_same_machine(
    title: str,
    language: str,
    call: Callable[[str, Post], list[Sent]],
    call_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walk = Walk(title, tmp_path)
    with walk.served(monkeypatch) as server:
        walk.run(server)
        configuration = walk.taken(language)
        walk.run(server)
        sent = call(configuration, posting(server.http_address))
        check(server, sent, call_id, walk.run(server))
    assert walk.is_at_the_end()


def section(title: str) -> str:
    [found] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(found)


def expected_by(settings: str) -> str:
    """The id of the vendor's account or application that the settings of a section expect."""
    return str(tomllib.loads(settings)["accounts"]["demo"]["ingress"].popitem()[1]["expect"].popitem()[1])


@pytest.mark.parametrize("title", ["Telnyx", "RingCentral", "Vonage"])
def test_a_vendor_that_is_set_up_in_its_own_console(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings and the address of the section; the vendor's events come with its ids and signatures."""
    system, text = SYSTEMS[title.lower()], section(title)
    [settings] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    [address] = set(re.findall(r"https://\S+?/ingress/\w+/\w+", text))
    for subscription in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        delivery = json.loads(subscription)["deliveryMode"]
        assert (delivery["transportType"], delivery["address"]) == ("WebHook", address)
    [variable] = re.findall(r'env = "(\w+)"', settings)
    monkeypatch.setenv(variable, str(system.settings["secret"]))
    (config := tmp_path / "leadline.toml").write_text(f'public_url = "{PUBLIC_URL}"\n{settings}', encoding="utf-8")
    ours, theirs = next(iter(system.settings["expect"].values())), expected_by(settings)
    claims = {"application_id": theirs} if title == "Vonage" else {}
    with webhook_server(tmp_path / "data", config) as server:
        prepare(server.http_address)
        post = posting(server.http_address)
        for body in system.events("1"):
            told = body.replace(f'"{ours}"'.encode(), f'"{theirs}"'.encode())
            headers = {"content-type": system.content_type}
            sent = post(address, told, {**headers, **system.sign(address, told, headers, **claims)})
            assert sent.status // 100 == 2
        [log] = call_logs(server.http_address)
    assert (log["call"]["id"], log["call"]["result"]) == (system.call_id("1"), "CALL_RESULT_ANSWERED")
    assert (log["call"]["caller"]["phone_number"], log["call"]["is_final"]) == (CUSTOMER, True)


def test_the_template_of_3cx(tmp_path: Path) -> None:
    template = (ROOT / "examples" / "3cx" / "leadline.xml").read_text(encoding="utf-8")
    call = {"CallEndTimeUTC": "2026-11-24T14:01:10Z", "Number": CUSTOMER, "Name": "", "Agent": "101"}
    with webhook_server(tmp_path / "data", toml(tmp_path, SYSTEMS["3cx"])) as server:
        prepare(server.http_address)
        for second, kind in enumerate(THREE_CX, start=1):
            times = dict.fromkeys(("CallStartTimeUTC", "CallEstablishedTimeUTC"), f"2026-11-24T14:00:0{second}Z")
            told = {**call, **times, "CallType": kind}
            sent = call_three_cx(template, {"Password": SECRET}, told, posting(server.http_address))
            assert sent.status == 204
        calls = {log["call"]["start_time"]: log["call"] for log in call_logs(server.http_address)}
    found = {(call["direction"], call["result"]) for call in calls.values()}
    assert found == {(f"CALL_DIRECTION_{one}", f"CALL_RESULT_{other}") for one, other in THREE_CX.values()}
    assert len(calls) == len(THREE_CX)


THREE_CX: Final = {
    "Inbound": ("INBOUND", "ANSWERED"),
    "Missed": ("INBOUND", "NO_ANSWER"),
    "Outbound": ("OUTBOUND", "ANSWERED"),
    "Notanswered": ("OUTBOUND", "NO_ANSWER"),
}
"""3CX's words for a call, with their directions and results."""
