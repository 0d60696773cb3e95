"""docs/command-line.md names every command and option of the console script, and none that do not exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from leadline_server.cli import app
from leadline_server.cli.exit_codes import ExitCode

DOCUMENT: Final = (Path(__file__).resolve().parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
TO_SERVER: Final = {"--server", "--account", "--context", "--tls", "--tls-ca", "--tls-cert", "--tls-key", "--tls-name"}
SHARED: Final = {*TO_SERVER, "--timeout", "--json", "--no-color"}

_OF_FILES = {"ledger", "adapter", "audit", "connections", "context", "secrets", "backup", "restore"}


def _commands(group: Any, path: str = "leadline") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS: Final = dict(_commands(typer.main.get_command(app)))


def _sections() -> dict[str, str]:
    """The text under each command's heading, by the command without its arguments."""
    found = re.findall(
        r"^### `(leadline [a-z ]+?)(?: [A-Z\[][^`\n]*)?`\n(.*?)(?=^##|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL
    )
    return dict(found)


def _options(command: Any) -> set[str]:
    options = (name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts))
    return {name for name in options if name.startswith("--")} - {"--help"}


def _named(text: str) -> set[str]:
    """The options that a text names at the start of an entry, or in a list of names."""
    outside_examples = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`(--[a-z-]+)", outside_examples))


def test_every_command_has_a_section_and_every_section_is_of_a_command() -> None:
    assert _sections().keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_named_in_its_section(name: str) -> None:
    options = _options(COMMANDS[name])
    shared = SHARED if "--timeout" in options else set()
    assert options - shared <= _named(_sections()[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_names_no_option_that_its_command_does_not_have(name: str) -> None:
    assert _named(_sections()[name]) <= _options(COMMANDS[name])


def test_the_shared_options_are_documented_and_all_commands_that_ask_a_server_have_them() -> None:
    [section] = re.findall(r"^## Options, output and exit codes\n(.*?)(?=^## )", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE)) == SHARED
    without = {name for name, command in COMMANDS.items() if not _options(command) >= SHARED}
    of_files = {name for name in COMMANDS if name.split()[1] in _OF_FILES}
    of_files -= {"leadline audit list"}
    of_files |= {"leadline doctor", "leadline ingress list", "leadline ingress check", "leadline keys bootstrap"}
    of_files |= {"leadline health", "leadline listen asterisk", "leadline listen freeswitch"}
    assert without == {"leadline serve", "leadline contacts import", "leadline calls import"} | of_files


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_has_its_help(name: str) -> None:
    assert all(parameter.help for parameter in COMMANDS[name].params if parameter.name != "help")


def test_every_exit_code_is_documented() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", DOCUMENT, re.MULTILINE)}
    assert codes == set(map(int, ExitCode))
