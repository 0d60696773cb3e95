"""A port that other machines reach needs TLS and authentication, however its address is set; and TLS from a process."""

import json
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.certificates import Authority
from support.servers import leadline, server_process

CALLS = (
    "serves beyond this machine, which needs TLS (tls_certificate, tls_key) and authentication (authentication = true)."
    " Otherwise everyone who reaches the port could read and write every account."
)
METRICS = (
    "serves beyond this machine, which needs TLS (tls_certificate, tls_key) and certificates of clients"
    " (tls_client_ca). Otherwise figures of all accounts could be read by everyone."
)
GRPC = "must be 1.2: gRPC takes 1.2 and 1.3, and that cannot be raised; put a proxy before it"
ADDRESSES = ["0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:50051", "[2001:db8::1]:50051", "leadline.example.com:50051"]


def problems(*words: str, settings: Mapping[str, str] | None = None) -> list[str]:
    ended = leadline("serve", "--check", *words, settings=settings or {}, seconds=20)
    assert ended.returncode == 2, ended
    return [line.removeprefix("leadline: ").strip() for line in ended.stderr.splitlines()]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_but_this_machines_is_refused_by_flag(address: str) -> None:
    found = problems("--listen", address, "--metrics-listen", address, "--http-listen", address)
    assert found == [f"--listen: {CALLS}", f"--metrics-listen: {METRICS}", f"--http-listen: {CALLS}"]


def test_every_port_is_refused_by_the_environment_and_by_the_file(tmp_path: Path) -> None:
    said = {"listen": CALLS, "metrics_listen": METRICS, "http_listen": CALLS}
    chosen = {"listen": ADDRESSES[5], "metrics_listen": ADDRESSES[1], "http_listen": ADDRESSES[0]}
    variables = {f"LEADLINE_{name.upper()}": address for name, address in chosen.items()}
    assert problems(settings=variables) == [f"LEADLINE_{name.upper()}: {text}" for name, text in said.items()]
    config = tmp_path / "leadline.toml"
    config.write_text("".join(f'{name} = "{address}"\n' for name, address in chosen.items()), encoding="utf-8")
    found = problems("--config", str(config))
    assert found == [f"{name}: {text} ({config}:{line})" for line, (name, text) in enumerate(said.items(), 1)]


def test_the_setting_by_its_consequence_lets_every_port_be_reached() -> None:
    words = [f"--{port}={ADDRESSES[0]}" for port in ("listen", "metrics-listen", "http-listen")]
    assert leadline("serve", "--check", *words, settings={"LEADLINE_EVERYONE_MAY_CALL": "true"}).returncode == 0


def test_tls_alone_is_not_enough_and_what_is_missing_is_named(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("server")
    tls = {"LEADLINE_TLS_CERTIFICATE": str(pair.certificate), "LEADLINE_TLS_KEY": str(pair.key)}
    [problem] = problems("--listen", ADDRESSES[0], settings=tls)
    assert "needs authentication (authentication = true)." in problem
    [problem] = problems("--listen", ADDRESSES[0], settings={"LEADLINE_AUTHENTICATION": "true"})
    assert "needs TLS (tls_certificate, tls_key)." in problem
    both = {**tls, "LEADLINE_AUTHENTICATION": "true", "LEADLINE_LISTEN": ADDRESSES[0]}
    assert leadline("serve", "--check", settings=both).returncode == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LEADLINE_TLS_KEY": "/k"}, "LEADLINE_TLS_KEY: needs tls_certificate too"),
        ({"LEADLINE_TLS_CERTIFICATE": "/c"}, "LEADLINE_TLS_CERTIFICATE: needs tls_key too"),
        ({"LEADLINE_TLS_CLIENT_CA": "/c"}, "LEADLINE_TLS_CLIENT_CA: needs tls_certificate and tls_key"),
        ({"LEADLINE_TLS_PROXY": "edge"}, "LEADLINE_TLS_PROXY: needs tls_certificate and tls_key"),
        ({"LEADLINE_GRPC_TLS_MIN_VERSION": "1.3"}, f"LEADLINE_GRPC_TLS_MIN_VERSION: {GRPC}"),
    ],
)
def test_settings_of_tls_that_do_not_fit_are_named(settings: Mapping[str, str], said: str) -> None:
    assert problems(settings=settings) == [said]


def test_the_setting_by_its_consequence_is_logged_at_the_start_and_is_a_metric(tmp_path: Path) -> None:
    settings = {"LEADLINE_EVERYONE_MAY_CALL": "true", "LEADLINE_LOG_FORMAT": "json"}
    with server_process(tmp_path / "data", settings=settings) as server:
        with urllib.request.urlopen(f"http://{server.metrics_address}/metrics", timeout=10) as answer:
            assert b"leadline_everyone_may_call 1.0" in answer.read()
        lines = [json.loads(line) for line in server.stderr.splitlines() if line.startswith("{")]
    [warning] = [line for line in lines if line["event"] == "everyone may call"]
    assert warning["level"] == "warning"


def test_a_certificate_that_cannot_be_used_is_named_at_the_start(tmp_path: Path) -> None:
    pair, other = Authority(tmp_path).issue("server"), Authority(tmp_path / "other").issue("other")
    settings = {
        "LEADLINE_TLS_CERTIFICATE": str(pair.certificate),
        "LEADLINE_TLS_KEY": str(other.key),
        "LEADLINE_DATA_DIR": str(tmp_path / "data"),
        "LEADLINE_LISTEN": "127.0.0.1:0",
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": "",
    }
    ended = leadline("serve", settings=settings)
    assert ended.returncode == 2
    assert ended.stderr.strip() == (f"leadline: {pair.certificate} with {other.key}: the key is another certificate's")


def test_a_process_serves_all_ports_by_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server", "127.0.0.1", "localhost")
    settings = {
        "LEADLINE_TLS_CERTIFICATE": str(pair.certificate),
        "LEADLINE_TLS_KEY": str(pair.key),
        **{f"LEADLINE_{name}": "127.0.0.1:0" for name in ("LISTEN", "METRICS_LISTEN", "HTTP_LISTEN")},
    }
    with server_process(tmp_path / "data", settings=settings, has_addresses=True) as server:
        context = ssl.create_default_context(cafile=authority.file)
        for address, path in ((server.metrics_address, "healthz"), (server.http_address, "openapi.json")):
            with urllib.request.urlopen(f"https://{address}/{path}", timeout=10, context=context) as answer:
                assert answer.status == 200
        with grpc.secure_channel(server.address, grpc.ssl_channel_credentials(authority.file.read_bytes())) as channel:
            stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call] # ships no types
            assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status == 1
