"""The directory and the test call from the command line."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from support.servers import ServerProcess, leadline, server_process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("users") / "data"
    settings = {f"LEADLINE_{name}": "127.0.0.1:0" for name in ("LISTEN", "METRICS_LISTEN", "HTTP_LISTEN")}
    with server_process(data, settings=settings, has_addresses=True) as process:
        yield process


def run(server: ServerProcess, *words: str | Path) -> CompletedProcess[str]:
    return leadline(*words, "--server", server.address)


def users(server: ServerProcess) -> dict[str, dict[str, object]]:
    listed = json.loads(run(server, "users", "list", "--json").stdout)
    return {user["user_id"]: user for user in listed}


def test_a_user_is_set_shown_changed_and_deleted(server: ServerProcess) -> None:
    run(server, "users", "set", "jane", "--name", "Jane", "--extension", "101", "--number", "202-555-0171")
    changed = run(server, "users", "set", "jane", "--email", "Jane@Example.com", "--crm-user-id", "005")
    assert changed.returncode == 0
    jane = users(server)["jane"]
    assert jane["phone_numbers"] == ["+12025550171"]
    assert (jane["name"], jane["emails"], jane["crm_user_id"]) == ("Jane", ["jane@example.com"], "005")
    assert run(server, "users", "delete", "jane").returncode == 0
    assert run(server, "users", "delete", "jane").returncode == 3


def test_an_import_says_what_became_of_every_row(server: ServerProcess, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text(
        "user_id,name,extensions,phone_numbers,is_active\n"
        'bob,"Bob, Poe",201;202,+12025550172,yes\n'
        "carl,,201,,\n"
        "dave,,203,,maybe\n"
        "\n"
        "eve,,204,,no,,\n"
        "fay,,205,,yes,more\n"
    )
    done = run(server, "users", "import", file)
    assert done.returncode == 1
    assert "Users taken: 2. Rows not taken: 3." in done.stdout
    assert "line 3: ALREADY_EXISTS" in done.stdout
    assert "line 4: is_active is 'maybe'" in done.stdout
    assert "line 7: it has 6 cells, and the header has 5" in done.stdout
    found = users(server)
    assert found["bob"]["extensions"] == ["201", "202"]
    assert not found["eve"].get("is_active", False)


def test_a_csv_of_users_has_no_formula_and_is_imported_again(server: ServerProcess, tmp_path: Path) -> None:
    name = '=HYPERLINK("https://evil.example")'
    run(server, "users", "set", "hal", "--name", name, "--number", "202-555-0178", "--number", "202-555-0179")
    before, printed = users(server)["hal"], run(server, "users", "list", "--csv").stdout
    assert "'+12025550178; +12025550179" in printed
    assert not any(cell[:1] in tuple("=+-@") for row in csv.reader(printed.splitlines()) for cell in row)
    run(server, "users", "delete", "hal")
    (tmp_path / "users.csv").write_text(printed)
    done = run(server, "users", "import", tmp_path / "users.csv")
    assert done.returncode == 0, done.stdout
    assert users(server)["hal"] == before


@pytest.mark.parametrize(
    ("content", "said"),
    [("user_id,phone\n", "there is no column phone"), ("name\nx\n", "no column user_id"), ("user_id\n\xff", "UTF-8")],
)
def test_a_file_that_is_none_of_users_is_refused(
    server: ServerProcess, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "users.csv"
    file.write_text(content, encoding="latin-1")
    done = run(server, "users", "import", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("via", ["grpc", "http"])
def test_a_test_call_rings_is_answered_and_ends(server: ServerProcess, via: str) -> None:
    done = run(server, "ring", "--seconds", "0", "--via", via, "--http", f"http://{server.http_address}")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[:3]] == ["ringing", "answered", "ended"]
    assert "No contact has +12025550123" in done.stdout


def test_a_test_call_finds_its_user_by_the_extension(server: ServerProcess) -> None:
    run(server, "users", "set", "gina", "--extension", "301")
    done = run(server, "ring", "--seconds", "0", "--user", "", "--extension", "301", "--json")
    assert json.loads(done.stdout)["user_id"] == "gina"


def test_a_test_call_to_no_server_says_so(server: ServerProcess) -> None:
    done = run(server, "ring", "--via", "http", "--http", "http://127.0.0.1:1")
    assert done.returncode == 4
    assert "no server at http://127.0.0.1:1" in done.stderr
