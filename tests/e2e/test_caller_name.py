"""A caller's name for dialplans while the CRM is slow or down, and addresses that `public_url` opens."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from e2e.test_http import FIND, Http, details, settings
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import FakeProcess, fake_process
from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped] # no py.typed
from leadline_server.http.caller_name import MAX_CHARACTERS, SECONDS, one_line
from support.servers import server_process

JANE: Final = "+12025550161"
OTHER: Final = "+12025550162"


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[FakeProcess]:
    with fake_process("hubspot", tmp_path / "crm") as crm:
        crm.control("POST", "/people", [{"firstname": "Jane", "lastname": "Roe", "phone": JANE}])
        yield crm


@pytest.fixture
def web(tmp_path: Path, crm: FakeProcess) -> Iterator[Http]:
    with connected(tmp_path, crm.url) as web:
        yield web


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    """One server for all tests of addresses, none of which asks its CRM."""
    with connected(tmp_path_factory.mktemp("public"), "http://127.0.0.1:9") as web:
        yield web


@contextmanager
def connected(folder: Path, url: str) -> Iterator[Http]:
    """A server with `public_url`, whose account has the CRM at `url`."""
    file = folder / "leadline.toml"
    lines = ["[connections.crm]", 'adapter = "hubspot"', f'api_url = "{url}"', f'token = "{GOOD_TOKEN}"']
    file.write_text("\n".join([*lines, "[accounts.demo]", 'connection = "crm"']))
    chosen = settings(folder / "data", LEADLINE_CONFIG=str(file), LEADLINE_PUBLIC_URL="https://calls.example.com")
    with server_process(folder / "data", settings=chosen, has_addresses=True, has_data_dir=True) as server:
        yield Http(server.http_address)


def test_a_crm_that_is_down_is_503_and_empty_and_a_remembered_name_is_still_told(crm: FakeProcess, web: Http) -> None:
    assert web.post(FIND, {"account_id": "demo", "phone_numbers": [JANE]}).json["matches"]
    crm.misbehave(mode="unavailable")
    assert (web.name_of(OTHER).status, web.name_of(OTHER).body) == (503, b"")
    assert (web.name_of(JANE).status, web.name_of(JANE).body) == (200, b"Jane Roe")


def test_a_dialplan_does_not_wait_for_a_slow_crm(crm: FakeProcess, web: Http) -> None:
    crm.misbehave(latency=9.0)
    began = time.monotonic()
    answer = web.name_of(JANE)
    assert (answer.status, answer.body) == (503, b"")
    assert time.monotonic() - began < SECONDS + 2.0


def test_a_deadline_ends_a_call_as_over_grpc(crm: FakeProcess, web: Http) -> None:
    crm.misbehave(latency=9.0)
    answer = web.post(FIND, {"account_id": "demo", "phone_numbers": [JANE]}, **{"Connect-Timeout-Ms": "300"})
    assert (answer.status, answer.json["code"]) == (504, "deadline_exceeded")
    assert ErrorInfo.FromString(details(answer)["google.rpc.ErrorInfo"]).domain == "leadline"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ingress/x", {"Host": "calls.example.com"}, 404),
        ("/embed/pop", {"Host": "calls.example.com"}, 421),
        ("/openapi.json", {"Host": "calls.example.com"}, 421),
        ("/ingress", {"Host": "calls.example.com"}, 421),
        ("/ingress/x", {"Host": "other.example.com"}, 421),
        ("/openapi.json", {"Host": "other.example.com", "X-Forwarded-Host": "localhost"}, 421),
        ("/openapi.json", {"Host": "other.example.com", "Forwarded": "host=localhost;for=127.0.0.1"}, 421),
        ("/openapi.json", {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "203.0.113.7"}, 200),
        ("/embed/pop", {"Sec-Fetch-Site": "cross-site"}, 404),  # no embed_origins: no such page
        ("/embed/x", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/ingress/x", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/openapi.json", {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_the_public_url_opens_its_own_paths_alone(
    public: Http, path: str, headers: dict[str, str], status: int
) -> None:
    # 404: the request passed, and nothing is served there.
    assert public.send("GET", path, headers=headers).status == status


def test_nothing_logs_the_query_of_an_address(tmp_path: Path) -> None:
    chosen = settings(tmp_path / "data", LEADLINE_LOG_LEVEL="debug")
    with server_process(tmp_path / "data", settings=chosen, has_addresses=True, has_data_dir=True) as server:
        web = Http(server.http_address)
        assert [web.name_of(JANE).status, web.name_of(OTHER, "nowhere").status] == [200, 404]
        assert web.send("GET", f"/nothing?number={OTHER}").status == 404
        assert server.stop() == 0
        logged = "".join(character for character in server.stderr if character.isdigit())
    assert "stopped" in server.stderr
    assert not [number for number in (JANE, OTHER) if number[2:] in logged]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("x" * 81, "x" * 80),
        ("x" * 79 + " y", "x" * 79),
        ("a\r\nb\tc\u2028d\x00e\x7ff", "a b c d e f"),
        ('${EVAL} {a},b;"c"\\', "EVAL a b c"),
        ("Zoë Ó Cléirigh", "Zoë Ó Cléirigh"),
        ("\u202eeoR enaJ", "eoR enaJ"),
        ("$", ""),
    ],
)
def test_a_name_is_one_line_of_at_most_80_characters(name: str, told: str) -> None:
    assert MAX_CHARACTERS == 80
    assert one_line(name) == told
