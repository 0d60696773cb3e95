"""The exit codes of the command line, and how a command ends with one of them."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NoReturn

import typer


class ExitCode(IntEnum):
    """How a command ends; docs/command-line.md describes each code."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    CANNOT_TELL = 4
    INTERRUPTED = 130  # the shells' convention: 128 plus the number of SIGINT


def fail(problems: Sequence[str], code: ExitCode = ExitCode.USAGE) -> NoReturn:
    """Print each problem on a line of its own, and end the command."""
    for problem in problems:
        typer.echo(f"leadline: {problem}", err=True)
    raise typer.Exit(code)


def fail_if(problem: str | None) -> None:
    """End the command if there is a problem."""
    if problem:
        fail([problem])
