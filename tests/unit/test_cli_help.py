"""The help of the command line is plain text, and the version is there to ask for."""

import re
from importlib.metadata import version
from typing import Any, Final

import pytest
from leadline_server.cli.command_target import CommandTarget
from support.command_line import COMMANDS, run


def _paths(group: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of every command and group, such as `("calls", "list")`."""
    commands = getattr(group, "commands", {})
    return [path, *(found for name, command in commands.items() for found in _paths(command, (*path, name)))]


PATHS: Final = _paths(COMMANDS)


@pytest.mark.parametrize("path", PATHS)
def test_help_names_no_type_of_python_and_draws_no_frames(path: tuple[str, ...]) -> None:
    shown = run(*path, "--help").output
    assert "Usage: " in shown
    assert not re.search(r"<(bool|str|int|float|path|file|list)\b|[│╭]|\{[A-Z]", shown)


def test_help_shows_an_argument_as_the_usage_line_does() -> None:
    shown = run("contacts", "find", "--help").output
    assert re.search(r"contacts find \[OPTIONS\] NUMBER\.\.\.$", shown, re.MULTILINE)
    assert re.search(r"^  NUMBER +Phone numbers", shown, re.MULTILINE)


def test_a_wrong_word_is_told_with_the_right_ones_and_nothing_else() -> None:
    shown = run("calls", "list", "--state", "lost")
    assert (shown.exit_code, "Value error" in shown.output) == (2, False)
    assert "'lost' is not one of 'logged', 'unlogged', 'pending', 'failed'." in shown.output


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").output == f"leadline {version('leadline')}\n"


def test_the_environment_names_the_server_and_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_SERVER", "127.0.0.1:1")
    monkeypatch.setenv("LEADLINE_ACCOUNT", "acme")
    shown = run("calls", "list", "--timeout", "1")
    assert shown.exit_code == 4
    assert "127.0.0.1:1" in shown.output


def test_a_suggested_command_names_the_default_account_if_the_environment_names_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEADLINE_ACCOUNT", "acme")
    assert CommandTarget().command("calls", "list").endswith("calls list --account demo")
