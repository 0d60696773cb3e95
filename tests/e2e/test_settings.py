"""Settings as an administrator gives them: in a file, in the environment, on the command line."""

import json
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from support.servers import ServerProcess, leadline, server_process

FIELDS = ("listen", "metrics_listen", "http_listen", "data_dir", "ledger", "log_level", "log_format", "grace_period")


def toml(path: Path, values: Mapping[str, Any], accounts: str = "") -> Path:
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    path.write_text("\n".join([*lines, accounts]))
    return path


def variables(values: Mapping[str, Any]) -> dict[str, str]:
    return {f"LEADLINE_{name.upper()}": str(value) for name, value in values.items()}


def flags(values: Mapping[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def free_address() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def values_of(folder: Path, log_format: str, grace: float) -> dict[str, Any]:
    """A value for every setting that no other source has."""
    return {
        "listen": free_address(),
        "metrics_listen": free_address(),
        "http_listen": free_address(),
        "data_dir": str(folder / "data"),
        "ledger": str(folder / "elsewhere.db"),
        "log_level": "info",
        "log_format": log_format,
        "grace_period": grace,
    }


def assert_in_force(server: ServerProcess, values: Mapping[str, Any]) -> None:
    """Checks that the server uses these settings, then stops it."""
    assert (server.address, server.metrics_address) == (values["listen"], values["metrics_listen"])
    assert server.http_address == values["http_listen"]
    assert Path(values["ledger"].removeprefix("sqlite:")).exists()
    assert not (Path(values["data_dir"]) / "ledger.db").exists()
    assert server.stop() == 0
    [draining] = [line for line in server.stderr.splitlines() if "draining" in line]
    assert draining.startswith("{") == (values["log_format"] == "json")
    assert f"{values['grace_period']}" in draining


@pytest.mark.parametrize("source", ["file", "environment", "flag"])
def test_a_flag_beats_the_environment_which_beats_the_file_for_every_setting(tmp_path: Path, source: str) -> None:
    layers = {
        "file": values_of(tmp_path / "file", "json", 3.25),
        "environment": values_of(tmp_path / "environment", "console", 4.25),
        "flag": values_of(tmp_path / "flag", "json", 5.25) | {"ledger": f"sqlite:{tmp_path}/flag/elsewhere.db"},
    }
    assert all(tuple(values) == FIELDS for values in layers.values())
    for layer in layers:
        (tmp_path / layer).mkdir()
    settings = {"LEADLINE_CONFIG": str(toml(tmp_path / "leadline.toml", layers["file"]))}
    arguments: list[str] = []
    if source != "file":
        settings |= variables(layers["environment"])
    if source == "flag":
        arguments = flags(layers["flag"])
    with server_process(
        tmp_path / "server", *arguments, settings=settings, has_addresses=True, has_data_dir=True
    ) as server:
        assert_in_force(server, layers[source])
    # The ledger is elsewhere, and has the embedded CRM, so the folder for data is needed for nothing.
    assert [path.parent.name for path in tmp_path.glob("*/data")] in ([], [source])


@pytest.mark.parametrize("source", ["file", "environment", "flag"])
def test_the_log_level_follows_the_same_order(tmp_path: Path, source: str) -> None:
    levels = {"file": "info", "environment": "error", "flag": "info"}
    config = toml(tmp_path / "leadline.toml", {"log_level": levels["file"]})
    settings = {"LEADLINE_LOG_LEVEL": levels["environment"]} if source != "file" else {}
    arguments = ["--log-level", levels["flag"]] if source == "flag" else []
    with server_process(tmp_path / "data", "--config", str(config), *arguments, settings=settings) as server:
        assert server.stop() == 0
        assert ("draining" in server.stderr) == (levels[source] == "info")


def test_the_file_that_a_flag_names_beats_the_one_of_the_environment(tmp_path: Path) -> None:
    one = toml(tmp_path / "one.toml", {}, "[accounts.one]")
    two = toml(tmp_path / "two.toml", {}, "[accounts.two]")
    settings = {"LEADLINE_CONFIG": str(one)}
    with server_process(tmp_path / "data", "--config", str(two), settings=settings) as server:
        assert "Accounts: two." in server.stdout


def not_served(*arguments: str, settings: Mapping[str, str] | None = None) -> list[str]:
    """The error lines of a server that does not start."""
    # A port that is free, whatever other tests serve meanwhile.
    chosen = {"LEADLINE_HTTP_LISTEN": "127.0.0.1:0", **(settings or {})}
    ended = leadline("serve", *arguments, settings=chosen, seconds=20)
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    lines = ended.stderr.splitlines()
    assert all(line.startswith("leadline: ") for line in lines), ended.stderr
    return [line.removeprefix("leadline: ") for line in lines]


BAD = {
    "listen": "50051",
    "metrics_listen": "127.0.0.1:70000",
    "ledger": "postgresql://localhost",
    "log_level": "loud",
    "log_format": "xml",
    "grace_period": -1,
}


@pytest.mark.parametrize("source", ["file", "environment", "flag"])
def test_every_bad_value_is_named_wherever_it_comes_from(tmp_path: Path, source: str) -> None:
    arguments, settings = flags({"data_dir": tmp_path / "data"}), dict[str, str]()
    if source == "file":
        arguments += ["--config", str(toml(tmp_path / "leadline.toml", BAD))]
    elif source == "environment":
        settings = variables(BAD)
    else:
        arguments += flags(BAD)
    problems = not_served(*arguments, settings=settings)
    written = {
        "file": set(BAD),
        "environment": {f"LEADLINE_{name.upper()}" for name in BAD},
        "flag": {f"--{name.replace('_', '-')}" for name in BAD},
    }
    assert {problem.partition(":")[0] for problem in problems} == written[source]
    if source == "file":
        lines = [f"({tmp_path}/leadline.toml:{number})" for number in range(1, len(BAD) + 1)]
        assert [problem.rpartition(" ")[2] for problem in problems] == lines
    assert not (tmp_path / "data").exists()


def test_a_database_without_a_name_is_no_ledger() -> None:
    [problem] = not_served("--ledger", BAD["ledger"])  # type: ignore[arg-type] # a string, among values of every type
    assert problem.startswith("--ledger: ")
    assert "must be postgresql://USER@HOST:PORT/DATABASE" in problem


def test_unknown_variables_and_unknown_keys_are_named_together(tmp_path: Path) -> None:
    config = toml(
        tmp_path / "leadline.toml", {"listn": "127.0.0.1:0", "colour": "red"}, "[accounts.acme]\nregion = 'GB'"
    )
    settings = {"LEADLINE_LISTN": "127.0.0.1:0", "LEADLINE_CONFIG": str(config)}
    problems = not_served(settings=settings)
    assert {problem.partition(":")[0] for problem in problems} == {
        "LEADLINE_LISTN",
        "listn",
        "colour",
        "accounts.acme.region",
    }
    assert problems[0] == "LEADLINE_LISTN: no such setting; did you mean LEADLINE_LISTEN?"
    assert f"listn: no such setting; did you mean listen? ({config}:1)" in problems


def test_errors_of_all_tables_are_named_at_once_with_their_lines(tmp_path: Path) -> None:
    config = tmp_path / "leadline.toml"
    config.write_text("""grace_period = -1
[accounts.acme]
time_zone = "Mars"
conection = "hub"
connection = "hubb"
[accounts.acme.ingress.fax]
[connections.hub]
adapter = "hubspott"
[connections.hub2]
adapter = "hubspot"
tokn = "x"
[connections.hub3]
""")
    problems = not_served("--check", "--config", str(config), "--log-level", "loud")
    [route] = [problem for problem in problems if problem.startswith("accounts.acme.ingress.fax.definition: ")]
    assert route.endswith(f"({config}:6)")
    lines = [int(problem.rpartition(":")[2].rstrip(")")) for problem in problems[1:]]
    assert problems[0].startswith("--log-level: ")
    assert lines == sorted(lines)
    assert {problem for problem in problems if problem != route} == {
        "--log-level: must be 'debug', 'info', 'warning' or 'error'",
        f"grace_period: must be at least 0 ({config}:1)",
        f"accounts.acme.time_zone: must be an IANA time zone, such as Europe/Berlin ({config}:3)",
        f"accounts.acme.conection: no such setting; did you mean connection? ({config}:4)",
        f"accounts.acme.connection: there is no [connections.hubb]; did you mean hub? ({config}:5)",
        (
            "connections.hub.adapter: 'hubspott' is not an adapter. There are: embedded, hubspot, salesforce,"
            f" pipedrive, zoho, http, remote; did you mean hubspot? ({config}:8)"
        ),
        f"connections.hub2.tokn: no such setting; did you mean token? ({config}:11)",
        f"connections.hub3.adapter: is required ({config}:12)",
    }


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("EGRESS_HOSTS", "crm.local", 'must be a list in JSON, such as ["one.example", "two.example"]'),
        ("LEDGER", "mysql://me:s3cret@db/x", "must be a path, sqlite:PATH, or postgresql://USER@HOST:PORT/DATABASE"),
    ],
)
def test_a_variable_of_another_form_is_named_in_our_own_words(variable: str, value: str, said: str) -> None:
    name = f"LEADLINE_{variable}"
    assert not_served("--check", settings={name: value}) == [f"{name}: {said}"]


def test_an_empty_list_that_needs_entries_is_named_in_our_own_words(tmp_path: Path) -> None:
    config = tmp_path / "leadline.toml"
    config.write_text(
        '[issuers.id]\nissuer = "https://id.example"\naudiences = []\njwks_url = "https://id.example/k"\n'
    )
    assert not_served("--check", "--config", str(config)) == [f"issuers.id.audiences: must have 1 or more ({config}:3)"]


def test_a_check_finds_a_certificate_that_cannot_be_read(tmp_path: Path) -> None:
    settings = {"LEADLINE_TLS_CERTIFICATE": str(tmp_path / "none.pem"), "LEADLINE_TLS_KEY": str(tmp_path / "none.key")}
    assert not_served("--check", settings=settings) == [f"{tmp_path}/none.pem: No such file or directory"]


def test_a_check_of_valid_settings_writes_nothing(tmp_path: Path) -> None:
    config = toml(tmp_path / "leadline.toml", {}, "[accounts.acme]\n[accounts.globex]")
    data = tmp_path / "data"
    ended = leadline("serve", "--check", "--config", str(config), "--data-dir", str(data), seconds=20)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "The settings are valid. Accounts: 2. Connections: 0. Webhook routes: 0.\n"
    assert not data.exists()


@pytest.mark.parametrize(
    ("content", "named"),
    [(None, "config: "), ("listen = ", "config: "), ("accounts = {}", "accounts: at least one")],
    ids=["missing", "no TOML", "no accounts"],
)
def test_a_bad_file_is_named(tmp_path: Path, content: str | None, named: str) -> None:
    config = tmp_path / "leadline.toml"
    if content is not None:
        config.write_text(content)
    [problem] = not_served("--config", str(config))
    assert problem.startswith(named)


def test_everything_bad_about_accounts_is_named(tmp_path: Path) -> None:
    accounts = """
    [accounts.acme]
    default_region = "England"
    time_zone = "Mars/Olympus"
    crm = "rolodex"

    [accounts.""]
    """
    problems = not_served("--config", str(toml(tmp_path / "leadline.toml", {}, accounts)))
    assert {problem.partition(": ")[0] for problem in problems} == {
        "accounts.acme.default_region",
        "accounts.acme.time_zone",
        "accounts.acme.crm",
        "accounts.''",
    }


FREE_PORTS: Final = {"LEADLINE_LISTEN": "127.0.0.1:0", "LEADLINE_METRICS_LISTEN": "127.0.0.1:0"}
"""A server of the person who runs the tests may have the ports that leadline takes by default."""


@pytest.mark.parametrize("name", ["ledger.db", "crm.db"])
def test_a_database_that_is_none_is_named_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"not a database at all" * 100)
    settings = {"LEADLINE_DATA_DIR": str(tmp_path), "LEADLINE_LOG_LEVEL": "error"}
    [problem] = not_served(settings=settings | FREE_PORTS)
    assert str(file) in problem
    assert file.read_bytes() == b"not a database at all" * 100


def test_a_data_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("mine")
    settings = {"LEADLINE_DATA_DIR": str(file), "LEADLINE_LOG_LEVEL": "error"}
    [problem] = not_served(settings=settings | FREE_PORTS)
    assert str(file) in problem
