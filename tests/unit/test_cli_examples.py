"""The help of every command has examples, which the command understands."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from leadline_server.cli.examples import EXAMPLES
from support import command_line


def _commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS: Final = dict(_commands(command_line.COMMANDS))


def test_every_command_has_examples_and_every_example_is_of_a_command() -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("path", COMMANDS)
def test_help_shows_the_examples(path: str) -> None:
    shown = command_line.run(*path.split(), "--help").output
    assert "\nExamples:\n" + "".join(f"  {line}\n" for line in EXAMPLES[path]) in shown


@pytest.mark.parametrize(("path", "line"), [(path, line) for path, lines in EXAMPLES.items() for line in lines])
def test_an_example_is_a_call_of_its_command_that_it_can_parse(
    path: str, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(line)
    for word in words:
        if word.endswith((".csv", ".toml", ".json")):
            Path(word).touch()
    assert (program, words[: len(path.split())]) == ("leadline", path.split())
    COMMANDS[path].make_context(path, words[len(path.split()) :])
