"""The console script as a process: followed, ended by signals, on a terminal, in a shell, and as documented."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from support import forked_commands
from support.servers import LEADLINE, Process, ServerProcess, environment, leadline, server_process, until

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "command-line.md"

Report = Callable[[str, str], str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("cli") / "data") as running:
        yield running


@pytest.fixture
def report(server: ServerProcess) -> Report:
    """Reports a call of a user under an id; no contact has its number."""

    def report(user: str, call_id: str) -> str:
        call = ("--user", user, "--id", call_id, "--direction", "inbound", "--caller", "+12025550123")
        done = leadline("calls", "log", *call, "--server", server.address)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return report


@dataclass(frozen=True)
class Watch:
    """A `leadline calls watch` under way, and the files of what it prints."""

    process: Process
    out: Path
    err: Path

    def lines(self, at_least: int) -> list[str]:
        """The lines that it printed; waits until there are so many."""
        until(lambda: self.out.read_text().count("\n") >= at_least)
        return self.out.read_text().splitlines()


@contextmanager
def watching(server: ServerProcess, folder: Path, user: str, *more: str, is_executed: bool = False) -> Iterator[Watch]:
    """Watches a user's calls; the body begins when nothing is missed any more. `is_executed`: see `server_process`."""
    out, err = folder / "out", folder / "err"
    command = ["calls", "watch", "--user", user, "--server", server.address, *more]
    process: Process
    with out.open("wb") as stdout, err.open("wb") as stderr:
        if is_executed:
            process = subprocess.Popen([LEADLINE, *command], env=environment({}), stdout=stdout, stderr=stderr)
        else:
            process = forked_commands.fork(command, environment({}), stdout, stderr)
    try:
        until(lambda: "Watching" in err.read_text() or process.poll() is not None)
        assert process.poll() is None, err.read_text()
        yield Watch(process, out, err)
    finally:
        process.kill()
        process.wait(20)


@pytest.mark.parametrize("number_of_signal", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_shows_what_changes_until_it_is_told_to_end(
    server: ServerProcess, report: Report, tmp_path: Path, number_of_signal: signal.Signals
) -> None:
    user = f"watched-{number_of_signal.name}"
    with watching(server, tmp_path, user, is_executed=True) as watch:
        report(user, f"{user}-1")
        until(lambda: "NO_CONTACT" in watch.out.read_text())
        watch.process.send_signal(number_of_signal)
        assert watch.process.wait(20) == 0
        last = watch.lines(1)[-1]
        assert all(part in last for part in ("UNLOGGED", f"{user}-1", user, "+12025550123"))
        assert watch.err.read_text() == "Watching the calls of account demo; Ctrl-C ends it.\n"


def test_a_watch_of_a_program_goes_on_from_its_token(server: ServerProcess, report: Report, tmp_path: Path) -> None:
    with watching(server, tmp_path, "resumed", "--json") as watch:
        report("resumed", "seen")
        first = json.loads(watch.lines(1)[0])
    assert first["call_log"]["call"]["id"] == "seen"
    report("resumed", "missed")
    with watching(server, tmp_path, "resumed", "--json", "--resume-token", first["resume_token"]) as watch:
        until(lambda: '"missed"' in watch.out.read_text())


def test_a_reader_that_goes_away_ends_a_watch_without_a_traceback(
    server: ServerProcess, report: Report, tmp_path: Path
) -> None:
    fifo = tmp_path / "out"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with watching(server, tmp_path, "gone", "--json", is_executed=True) as watch:  # its output is no file
        os.close(reader)
        report("gone", "unread")
        assert watch.process.wait(20) == 1
        assert watch.err.read_text() == "Watching the calls of account demo; Ctrl-C ends it.\n"


def test_colours_are_for_terminals_and_for_those_who_want_them(server: ServerProcess, report: Report) -> None:
    report("colour", "coloured")
    command = ("calls", "list", "--user", "colour", "--server", server.address)
    assert "\x1b[" in on_a_terminal(*command)
    assert "\x1b[" not in on_a_terminal(*command, "--no-color")
    assert "\x1b[" not in on_a_terminal(*command, settings={"NO_COLOR": "1"})
    assert "\x1b[" not in leadline(*command).stdout


def on_a_terminal(*arguments: str, settings: dict[str, str] | None = None) -> str:
    """The output of a command on a terminal."""
    here, there = os.openpty()
    env = environment({"TERM": "xterm-256color", **(settings or {})})
    env = {name: value for name, value in env.items() if name != "NO_COLOR" or name in (settings or {})}
    with subprocess.Popen(
        [LEADLINE, *arguments], env=env, stdin=there, stdout=there, stderr=subprocess.PIPE
    ) as process:
        os.close(there)
        printed = b""
        try:
            while part := os.read(here, 65536):
                printed += part
        except OSError:  # Linux's way to say that the other end was closed
            pass
        os.close(here)
        assert process.wait(20) == 0
    return printed.decode()


def test_the_shell_completes_commands_and_options(tmp_path: Path) -> None:
    def completed(line: str) -> list[str]:
        settings = {"_LEADLINE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return leadline(settings=settings).stdout.split()

    assert completed("leadline ca") == ["calls"]
    assert completed("leadline calls w") == ["watch"]
    assert completed("leadline calls list --st") == ["--state"]
    assert completed("leadline calls list --state un") == ["unlogged"]

    # It installs itself for the shell that runs it; `exit` keeps bash from giving way to it.
    installed = subprocess.run(
        ["bash", "-c", f"{shlex.quote(str(LEADLINE))} --install-completion; exit $?"],
        env=environment({"HOME": str(tmp_path)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stdout
    assert (tmp_path / ".bash_completions" / "leadline.sh").exists()


def test_asking_for_help_loads_nothing_that_is_slow() -> None:
    slow = "{'asyncio', 'grpc', 'google.protobuf', 'phonenumbers', 'pydantic', 'aiosqlite', 'leadline.v1'}"
    script = f"import sys, leadline_server.cli; print(sorted({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_documents_examples_print_what_they_show(tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```sh\n(.*?)^```\n(?:^```text\n(.*?)^```\n)?", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert blocks
    with server_process(tmp_path / "data") as server:
        for script, shown in blocks:
            function = f'leadline() {{ command leadline "$@" --server {server.address}; }}\n'
            done = subprocess.run(
                ["bash", "-eu", "-o", "pipefail", "-c", function + script],
                env=environment({"PATH": f"{LEADLINE.parent}{os.pathsep}{os.environ['PATH']}"}),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, script + done.stderr
            pattern = r".*?".join(re.escape(part.strip()) for part in re.sub(r"[ \n]+", " ", shown).split("..."))
            assert not shown or re.search(pattern, re.sub(r"[ \n]+", " ", done.stdout)), f"{script}\n{done.stdout}"
