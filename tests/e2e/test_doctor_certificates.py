"""`leadline doctor` on certificates: sound, expiring and broken ones, and what a running server shows."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from leadline_server.cli import doctor_certificates
from leadline_server.config import Settings
from support.certificates import Authority, Pair, replace
from support.servers import server_process


def _settings(pair: Pair, listen: str = "127.0.0.1:1", **more: Any) -> Settings:
    return Settings(tls_certificate=pair.certificate, tls_key=pair.key, listen=listen, **more)


def _states(settings: Settings) -> dict[str, tuple[str, str]]:
    return {one.check: (one.state, f"{one.found}. {one.action}") for one in doctor_certificates.certificates(settings)}


def test_a_sound_certificate_is_told_with_its_names_and_its_end(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server", "leadline.example.com", "192.0.2.1", lasts=timedelta(days=90))
    states = _states(_settings(pair, tls_client_ca=authority.file))
    assert {name: state for name, (state, _) in states.items()} == {
        "certificate": "ok",
        "certificate key": "ok",
        "client CAs": "ok",
    }
    assert "for leadline.example.com, 192.0.2.1, until " in states["certificate"][1]


@pytest.mark.parametrize(("days", "state"), [(-1, "problem"), (3, "warning"), (90, "ok")])
def test_a_certificate_that_ends_soon_is_a_warning_and_an_expired_one_a_problem(
    tmp_path: Path, days: int, state: str
) -> None:
    pair = Authority(tmp_path).issue("server", lasts=timedelta(days=days))
    assert _states(_settings(pair))["certificate"][0] == state


def test_a_key_that_others_can_read_is_a_problem(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("server")
    pair.key.chmod(0o644)
    assert _states(_settings(pair))["certificate key"][0] == "problem"
    pair.key.chmod(0o640)
    assert _states(_settings(pair))["certificate key"][0] == "ok"


@pytest.mark.parametrize("broken", ["certificate", "key", "other key", "missing"])
def test_files_that_do_not_fit_are_a_problem(tmp_path: Path, broken: str) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    if broken == "other key":
        replace(pair.key, authority.issue("other").key.read_bytes())
    elif broken == "missing":
        pair.key.unlink()
    else:
        replace(getattr(pair, broken), b"nothing")
    [(state, text)] = _states(_settings(pair)).values()
    assert (state, "server still uses the old certificate" in text) == ("problem", True)


def test_a_running_server_is_asked_which_certificate_it_shows(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair, other = authority.issue("server"), authority.issue("other")
    environment = {"LEADLINE_TLS_CERTIFICATE": str(pair.certificate), "LEADLINE_TLS_KEY": str(pair.key)}
    with server_process(tmp_path / "data", settings=environment) as server:
        assert _states(_settings(pair, listen=server.address))["served certificate"][0] == "ok"
        assert _states(_settings(other, listen=server.address))["served certificate"][0] == "problem"
