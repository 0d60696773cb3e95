"""`leadline health`: real servers in plain text, with TLS and with client certificates, and none."""

from pathlib import Path

import pytest
from support.certificates import Authority
from support.servers import ServerProcess, leadline, server_process


def asked(server: ServerProcess, settings: dict[str, str], *options: str | Path) -> tuple[int, str]:
    done = leadline("health", "--listen", server.address, *options, settings=settings)
    return done.returncode, done.stdout.strip()


def test_a_server_that_accepts_calls_is_serving_and_one_that_stopped_gives_no_answer(tmp_path: Path) -> None:
    with server_process(tmp_path / "data") as server:
        assert asked(server, {}) == (0, "SERVING")
        server.stop()
        code, told = asked(server, {})
    assert code == 1
    assert told.startswith("no answer: UNAVAILABLE")


def test_a_server_with_tls_is_asked_by_its_own_files(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    own, other = authority.issue("server", "leadline.example.com"), Authority(tmp_path / "other").issue("client")
    tls = {
        "LEADLINE_TLS_CERTIFICATE": str(own.certificate),
        "LEADLINE_TLS_KEY": str(own.key),
        "LEADLINE_AUTHENTICATION": "true",
    }
    mutual = tls | {"LEADLINE_TLS_CLIENT_CA": str(authority.file)}
    with server_process(tmp_path / "data", settings=mutual) as server:
        assert asked(server, mutual) == (0, "SERVING")
        code, told = asked(server, mutual, "--tls-cert", other.certificate, "--tls-key", other.key)
        assert (code, told[:10]) == (1, "no answer:")
        assert asked(server, {})[0] == 1  # in plain text


def test_a_server_with_another_certificate_than_that_of_the_settings_is_not_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    served, named = authority.issue("served", "127.0.0.1"), authority.issue("named", "127.0.0.1")
    settings = [
        {"LEADLINE_TLS_CERTIFICATE": str(pair.certificate), "LEADLINE_TLS_KEY": str(pair.key)}
        for pair in (served, named)
    ]
    with server_process(tmp_path / "data", settings=settings[0]) as server:
        assert asked(server, settings[0]) == (0, "SERVING")
        code, told = asked(server, settings[1])
    assert (code, told[:10]) == (1, "no answer:")


@pytest.mark.parametrize("certificate", ["no PEM", ""])
def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, certificate: str) -> None:
    file = tmp_path / "server.pem"
    file.write_text(certificate)
    settings = {"LEADLINE_TLS_CERTIFICATE": str(file), "LEADLINE_TLS_KEY": str(file)}
    done = leadline("health", settings=settings)
    assert done.returncode == 2
    assert done.stderr.startswith("leadline: The certificate cannot be used: ")
