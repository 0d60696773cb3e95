"""Commands of the console script, run against a server."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from itertools import count
from typing import Any

from support.servers import ServerProcess, leadline

Run = Callable[..., subprocess.CompletedProcess[str]]
_numbers = count()


def runner(server: ServerProcess) -> Run:
    """Runs a command against the server, and expects it to end with `code`."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = leadline(*arguments, "--server", server.address)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def asker(run: Run) -> Callable[..., Any]:
    """Runs a command with --json and returns its output."""

    def ask(*arguments: str) -> Any:
        return json.loads(run(*arguments, "--json").stdout)

    return ask


def new_number() -> str:
    """A number that no other test uses."""
    return f"+1{201 + next(_numbers)}5550123"


def suggested(text: str, words: str) -> list[str]:
    """The arguments of the suggested command that begins so, without the server."""
    [line] = re.findall(rf"(leadline {words}.*?) --server \S+$", text, re.MULTILINE)
    return shlex.split(line)[1:]
