"""The command line in this process. Its commands are made once: to make them takes longer than most of them run."""

import sys
from dataclasses import dataclass
from typing import Final

import typer
from leadline_server.cli import app
from typer.testing import CliRunner

COMMANDS: Final = typer.main.get_command(app)
"""All commands, as the console script makes them."""


@dataclass(frozen=True)
class Ended:
    """The exit code of a command, and what it printed to standard output and standard error."""

    exit_code: int
    output: str


def run(*arguments: str) -> Ended:
    """Run a command, as `typer.testing.CliRunner` does. An exception that is no exit is raised."""
    with CliRunner().isolation() as (_, _, printed):
        code: object = 0
        try:
            COMMANDS.main(args=arguments, prog_name="root")
        except SystemExit as end:
            code = end.code
        sys.stdout.flush()
        sys.stderr.flush()
        return Ended(code if isinstance(code, int) else int(code is not None), printed.getvalue().decode())
