"""`leadline account` against a server: an account from its creation to its deletion."""

import json
from collections.abc import Iterator

import pytest
from support.servers import ServerProcess, leadline, server_process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("accounts") / "data") as server:
        yield server


def said(server: ServerProcess, *arguments: str, code: int = 0) -> str:
    done = leadline(*arguments, "--server", server.address)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def test_an_account_is_created_used_disabled_exported_and_deleted(server: ServerProcess) -> None:
    created = said(server, "account", "create", "acme", "--title", "Acme Ltd", "--region", "GB")
    assert created == "Account acme: Acme Ltd, active, administered by the API.\n"
    assert "there is an account" in said(server, "account", "create", "acme", code=1).lower()
    said(server, "contacts", "create", "Ada", "020 7946 0123", "--account", "acme")
    call = ("--id", "c1", "--direction", "inbound", "--caller", "+442079460123", "--user", "alice")
    said(server, "calls", "log", *call, "--account", "acme")
    assert "Acme," in said(server, "account", "update", "acme", "--title", "Acme")
    listed = json.loads(said(server, "account", "list", "--json"))
    assert [(one["account_id"], one["owner"]) for one in listed] == [
        ("acme", "OWNER_API"),
        ("demo", "OWNER_SETTINGS_FILE"),
    ]
    assert "disabled" in said(server, "account", "disable", "acme")
    assert "disabled" in said(server, "contacts", "find", "+442079460123", "--account", "acme", code=1)
    said(server, "account", "disable", "acme", "--undo")
    lines = [json.loads(line) for line in said(server, "account", "export", "acme").splitlines()]
    kinds = ["account", "settings", "connection", "contact", "embedded_call_log", "call_log"]
    assert [next(iter(line)) for line in lines] == kinds
    assert lines[3]["contact"]["phone_numbers"] == ["+442079460123"]
    said(server, "account", "delete", "acme", "--yes")
    assert "no account" in said(server, "account", "get", "acme", code=3)


def test_accounts_of_the_settings_file_are_changed_there(server: ServerProcess) -> None:
    assert "administered by the settings file" in said(server, "account", "get", "demo")
    assert "belongs to the settings file" in said(server, "account", "disable", "demo", code=1)
