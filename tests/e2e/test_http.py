"""JSON over HTTP, as curl and a dialplan meet it; and what a web page of another site must not reach."""

import base64
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo  # type: ignore[import-untyped] # no py.typed
from openapi_spec_validator import validate
from support.servers import ServerProcess, server_process

FIND: Final = "/leadline.v1.ContactService/FindContact"
CREATE: Final = "/leadline.v1.ContactService/CreateContact"
LOG: Final = "/leadline.v1.CallLogService/LogCall"
WATCH: Final = "/leadline.v1.CallLogService/WatchCallLogs"
JANE, NOBODY, SHARED, ODD = "+12025550151", "+12025550152", "+12025550153", "+12025550154"


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Http:
    """Sends requests to one server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request(method, path, body or None, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()})
        finally:
            connection.close()

    def post(self, path: str, request: Any, **headers: str) -> Answer:
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        return self.send("POST", path, body, {"Content-Type": "application/json"} | headers)

    def name_of(self, number: str, account: str = "demo") -> Answer:
        return self.send("GET", f"/v1/caller-name?account_id={account}&number={number.replace('+', '%2B')}")


def settings(folder: Path, **more: str) -> dict[str, str]:
    free = {f"LEADLINE_{name}": "127.0.0.1:0" for name in ("LISTEN", "METRICS_LISTEN", "HTTP_LISTEN")}
    return {"LEADLINE_DATA_DIR": str(folder), **free, **more}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("http") / "data"
    chosen = settings(data, LEADLINE_PUBLIC_URL="https://calls.example.com")
    with server_process(data, settings=chosen, has_addresses=True, has_data_dir=True) as server:
        client = Http(server.http_address)
        for name, number in (("Jane Roe", JANE), ("Ann Poe", SHARED), ("Bob Poe", SHARED), ('A${B}";,C\\D', ODD)):
            request = {"account_id": "demo", "name": name, "phone_number": number, "allow_duplicate": True}
            assert client.post(CREATE, request).status == 200
        yield server


@pytest.fixture
def web(process: ServerProcess) -> Http:
    return Http(process.http_address)


def details(answer: Answer) -> dict[str, bytes]:
    """The details of an error by type."""
    return {
        one["type"]: base64.b64decode(one["value"] + "=" * (-len(one["value"]) % 4)) for one in answer.json["details"]
    }


def test_an_rpc_is_answered_as_json_with_the_contracts_own_names(web: Http) -> None:
    answer = web.post(FIND, {"account_id": "demo", "phone_numbers": [JANE]})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert [match["contact"]["name"] for match in answer.json["matches"]] == ["Jane Roe"]
    assert answer.json["matches"][0]["phone_number"] == JANE


def test_lower_camel_case_names_are_read_too(web: Http) -> None:
    assert web.post(FIND, {"accountId": "demo", "phoneNumbers": [JANE]}).json["matches"]


def test_a_bad_request_names_every_field_at_once(web: Http) -> None:
    answer = web.post(FIND, {"account_id": "demo", "phone_numbers": ["x", JANE, "nonsense"]})
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    found = details(answer)
    assert ErrorInfo.FromString(found["google.rpc.ErrorInfo"]).reason == "INVALID_REQUEST"
    fields = [at.field for at in BadRequest.FromString(found["google.rpc.BadRequest"]).field_violations]
    assert fields == ["phone_numbers[0]", "phone_numbers[2]"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"account_id": "demo"',
        b"[" * 100_000,
        b'{"account_id": 5}',
        b'{"acount_id": "demo"}',
        b"\xff\xfe",
        b"null",
        b'{"account_id": "\\ud800"}',
    ],
    ids=["cut off", "nested", "a number", "a typing mistake", "no UTF-8", "null", "half a character"],
)
def test_what_is_no_request_is_refused_with_details(web: Http, body: bytes) -> None:
    answer = web.post(FIND, body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_argument")
    assert details(answer)["google.rpc.ErrorInfo"]


def test_a_request_that_is_too_large_says_the_limit(web: Http) -> None:
    answer = web.post(FIND, {"account_id": "demo", "phone_numbers": ["5" * 1_100_000]})
    assert (answer.status, answer.json["code"]) == (429, "resource_exhausted")
    assert ErrorInfo.FromString(details(answer)["google.rpc.ErrorInfo"]).metadata["limit"] == "1048576"


def test_a_deadline_bounds_a_call_as_over_grpc(web: Http) -> None:
    call = {"id": "in-time", "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": JANE}}
    answer = web.post(LOG, {"account_id": "demo", "user_id": "u", "call": call}, **{"Connect-Timeout-Ms": "5000"})
    assert answer.json["call_log"]["state"] == "CALL_LOG_STATE_LOGGED"


def test_get_is_off_so_that_no_number_stands_in_an_address(web: Http) -> None:
    assert web.send("GET", f"{FIND}?encoding=json&message=%7B%7D").status == 405


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "calls.example.com", "user@127.0.0.1", ""])
def test_a_request_for_another_host_is_refused(web: Http, host: str) -> None:
    assert web.post(FIND, {"account_id": "demo", "phone_numbers": [JANE]}, Host=host).status == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:8650", "127.0.0.2:1", "[::1]:8650", "LOCALHOST"])
def test_a_request_for_this_machine_passes(web: Http, host: str) -> None:
    assert web.post(FIND, {"account_id": "demo", "phone_numbers": [JANE]}, Host=host).status == 200


def test_two_host_headers_are_refused(web: Http) -> None:
    host, _, port = web.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
        assert b" 200 " not in peer.recv(1024).partition(b"\r\n")[0]


def test_a_page_of_another_site_reaches_nothing(web: Http) -> None:
    request = {"account_id": "demo", "phone_numbers": [JANE]}
    assert web.post(FIND, request, **{"Sec-Fetch-Site": "cross-site"}).status == 403
    assert web.post(FIND, request, **{"Sec-Fetch-Site": "same-origin"}).status == 200


def test_no_answer_lets_another_origin_read_it(web: Http) -> None:
    answer = web.post(FIND, {"account_id": "demo", "phone_numbers": [JANE]}, Origin="https://evil.example")
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    preflight = web.send("OPTIONS", FIND, headers={"Access-Control-Request-Method": "POST"})
    assert (preflight.status, preflight.body) == (405, b"")


def test_a_dialplan_gets_a_name_as_plain_text(web: Http) -> None:
    answer = web.name_of(JANE)
    assert (answer.status, answer.body) == (200, b"Jane Roe")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_plus_that_nobody_escaped_is_still_a_plus(web: Http) -> None:
    assert web.send("GET", f"/v1/caller-name?account_id=demo&number={JANE}").body == b"Jane Roe"


def test_nobody_and_several_have_no_name(web: Http) -> None:
    assert [(web.name_of(number).status, web.name_of(number).body) for number in (NOBODY, SHARED)] == [(200, b"")] * 2


def test_a_name_has_nothing_that_a_dialplan_interprets(web: Http) -> None:
    assert web.name_of(ODD).body == b"A B C D"


def test_every_other_answer_to_a_dialplan_is_empty(web: Http) -> None:
    answers = [
        web.name_of(JANE, account="nope"),
        web.name_of("nonsense"),
        web.send("GET", "/v1/caller-name"),
        web.send("GET", "/v1/caller-name?account_id=demo&account_id=demo&number=1"),
        web.send("GET", "/v1/caller-name?" + "x" * 2000),
        web.send("POST", "/v1/caller-name"),
        web.send("GET", "/nothing-here"),
    ]
    assert [(answer.status, answer.body) for answer in answers] == [
        (404, b""),
        (400, b""),
        (400, b""),
        (400, b""),
        (400, b""),
        (405, b""),
        (404, b""),
    ]


def test_the_openapi_document_is_served_and_valid(web: Http) -> None:
    document = web.send("GET", "/openapi.json").json
    validate(document)
    assert {FIND, LOG, WATCH, "/v1/caller-name"} <= set(document["paths"])


def test_a_watch_streams_its_envelopes(web: Http) -> None:
    host, _, port = web.address.rpartition(":")
    request = json.dumps({"account_id": "demo", "user_id": "streamed"}).encode()
    framed = b"\x00" + len(request).to_bytes(4, "big") + request
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("POST", WATCH, framed, {"Content-Type": "application/connect+json"})
    answer = connection.getresponse()
    first = read_envelope(answer)
    assert first["resume_token"]
    call = {"id": "streamed-1", "direction": "CALL_DIRECTION_INBOUND", "caller": {"phone_number": JANE}}
    web.post(LOG, {"account_id": "demo", "user_id": "streamed", "call": call})
    seen = read_envelope(answer)
    assert seen["call_log"]["call"]["id"] == "streamed-1"
    answer.close()
    connection.close()


def read_envelope(answer: http.client.HTTPResponse) -> Any:
    flags = answer.read(1)
    assert flags == b"\x00"
    return json.loads(answer.read(int.from_bytes(answer.read(4), "big")))


def test_calls_over_http_count_in_the_metrics_of_their_rpc(process: ServerProcess, web: Http) -> None:
    def count() -> float:
        text = Http(process.metrics_address).send("GET", "/metrics").body.decode()
        wanted = 'leadline_rpc_seconds_count{code="INVALID_ARGUMENT",rpc="SearchContacts"}'
        found = [line for line in text.splitlines() if line.startswith(wanted)]
        return float(found[0].rpartition(" ")[2]) if found else 0.0

    before = count()
    web.post("/leadline.v1.ContactService/SearchContacts", b"{")
    web.post("/leadline.v1.ContactService/SearchContacts", {})
    assert count() == before + 2


def test_no_number_of_a_request_is_logged(process: ServerProcess, web: Http) -> None:
    web.name_of("+12025550199")
    web.post(FIND, b'{"account_id": "demo", "phone_numbers": ["+12025550199", "x"]}')
    assert "2025550199" not in process.stderr


def test_without_an_address_nothing_is_served_over_http(tmp_path: Path) -> None:
    with server_process(tmp_path / "data") as server:
        assert server.http_address == ""


def test_a_server_with_an_open_watch_stops_cleanly(tmp_path: Path) -> None:
    chosen = settings(tmp_path / "data")
    with server_process(tmp_path / "data", settings=chosen, has_addresses=True, has_data_dir=True) as server:
        request = json.dumps({"account_id": "demo"}).encode()
        connection = http.client.HTTPConnection(server.http_address, timeout=10)
        framed = b"\x00" + len(request).to_bytes(4, "big") + request
        connection.request("POST", WATCH, framed, {"Content-Type": "application/connect+json"})
        answer = connection.getresponse()
        assert read_envelope(answer)["resume_token"]
        assert server.stop() == 0
        flags, length = answer.read(1), int.from_bytes(answer.read(4), "big")
        assert flags == b"\x02"
        assert json.loads(answer.read(length))["error"]["code"] == "unavailable"
        answer.close()
        connection.close()
