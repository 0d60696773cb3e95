"""The console script as a process: followed, ended by signals, on a terminal, in a shell, and as documented."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from support.servers import LEADLINE, ServerProcess, environment, leadline, server_process, until

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "command-line.md"

Report = Callable[[str, str], str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("cli") / "data") as running:
        yield running


@pytest.fixture
def report(server: ServerProcess) -> Report:
    """Reports a call of a user, whose number nobody has, under an id."""

    def report(user: str, call_id: str) -> str:
        call = ("--user", user, "--id", call_id, "--direction", "inbound", "--caller", "+12025550123")
        done = leadline("calls", "log", *call, "--server", server.address)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return report


@pytest.mark.parametrize("number_of_signal", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_shows_what_changes_until_it_is_told_to_end(
    server: ServerProcess, report: Report, tmp_path: Path, number_of_signal: signal.Signals
) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    user = f"watched-{number_of_signal.name}"
    command: list[str | Path] = [LEADLINE, "calls", "watch", "--user", user, "--server", server.address]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        watching = subprocess.Popen(command, env=environment({}), stdout=stdout, stderr=stderr)
    until(lambda: "Watching" in err.read_text())
    report(user, f"{user}-1")
    until(lambda: "NO_CONTACT" in out.read_text())
    watching.send_signal(number_of_signal)
    assert watching.wait(20) == 0
    last = out.read_text().splitlines()[-1]
    assert all(part in last for part in ("UNLOGGED", f"{user}-1", "+12025550123"))
    assert err.read_text() == "Watching the calls of account demo; Ctrl-C ends it.\n"


def test_a_watch_of_a_program_goes_on_from_its_token(server: ServerProcess, report: Report) -> None:
    command: list[str | Path] = [LEADLINE, "calls", "watch", "--user", "resumed", "--json", "--server", server.address]

    def first_line(*more: str, after: Callable[[], object]) -> Any:
        with subprocess.Popen(
            [*command, *more], env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as watching:
            assert watching.stdout is not None
            assert watching.stderr is not None
            watching.stderr.readline()  # from here on nothing is missed
            after()
            line = watching.stdout.readline()
            watching.send_signal(signal.SIGINT)
            return json.loads(line)

    first = first_line(after=lambda: report("resumed", "seen"))
    assert first["call_log"]["call"]["id"] == "seen"
    report("resumed", "missed")
    lines = first_line("--resume-token", first["resume_token"], after=lambda: None)
    assert lines["call_log"]["call"]["id"] in {"seen", "missed"}
    assert lines["resume_token"] != first["resume_token"]


def test_a_reader_that_goes_away_ends_a_watch_without_a_traceback(server: ServerProcess, report: Report) -> None:
    command: list[str | Path] = [LEADLINE, "calls", "watch", "--user", "gone", "--json", "--server", server.address]
    with subprocess.Popen(command, env=environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        watching.stderr.readline()
        watching.stdout.close()
        report("gone", "unread")
        assert watching.wait(20) == 1
        assert watching.stderr.read() == b""


def test_colours_are_for_terminals_and_for_those_who_want_them(server: ServerProcess, report: Report) -> None:
    report("colour", "coloured")
    command = ("calls", "list", "--user", "colour", "--server", server.address)
    assert "\x1b[" in on_a_terminal(*command)
    assert "\x1b[" not in on_a_terminal(*command, "--no-color")
    assert "\x1b[" not in on_a_terminal(*command, settings={"NO_COLOR": "1"})
    assert "\x1b[" not in leadline(*command).stdout


def on_a_terminal(*arguments: str, settings: dict[str, str] | None = None) -> str:
    """What a command prints on a terminal."""
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

    installed = leadline("--install-completion", "bash", settings={"HOME": str(tmp_path)})
    assert installed.returncode == 0, installed.stderr
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
            function = f'leadline() {{ {shlex.quote(str(LEADLINE))} "$@" --server {server.address}; }}\n'
            done = subprocess.run(
                ["bash", "-eu", "-o", "pipefail", "-c", function + script],
                env=environment({}),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, script + done.stderr
            pattern = r".*?".join(re.escape(part.strip()) for part in re.sub(r"[ \n]+", " ", shown).split("..."))
            assert not shown or re.search(pattern, re.sub(r"[ \n]+", " ", done.stdout)), f"{script}\n{done.stdout}"
