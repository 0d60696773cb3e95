"""The console script, and programs of the tests, in processes that are forked from one that has their modules imported.

A start of an interpreter with all imports takes longer than most commands of the tests. The forked process is as new:
it has imported modules, and has run nothing of leadline. It does not have a command line of its own in `/proc`.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

_FREE: Final = ("LEADLINE_", "PYTEST_", "FAULTY_CRM", "COLUMNS", "XDG_CONFIG_HOME", "NO_COLOR")
"""How environment variables begin that nothing reads while modules are imported."""

_FREE_ENDS: Final = ("_KEY", "_PASSWORD", "_SECRET", "_TOKEN")
"""How those of phone systems and CRMs end."""

_HOST: Final = Path(__file__).with_name("fork_host.py")
_HOST_MODULE: Final = "support.fork_host"
_TESTS: Final = Path(__file__).parents[1]

CONSOLE_SCRIPT: Final = "leadline_server.console_script"
FAKES: Final = "fakes.__main__"
FAULTY_SERVER: Final = "faults.http_crm.launch"

_OF_TESTS: Final = (FAKES, FAULTY_SERVER)


class ForkedProcess:
    """A process as `subprocess.Popen` has it, as far as tests need it.

    Attributes:
        pid: its process id.
        returncode: its exit code, the negative number of the signal that ended it, or None while it runs.
    """

    def __init__(self, pid: int, ended: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended

    def poll(self) -> int | None:
        """The exit code if it has ended."""
        return self._read(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs still after `timeout` seconds.
        """
        code = self._read(timeout)
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return code

    def kill(self) -> None:
        """Kill it with signal 9."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _read(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], seconds)[0]:
            self.returncode = int(self._ended.recv(32) or -signal.SIGKILL)
            self._ended.close()
        return self.returncode


def is_usual(environment: Mapping[str, str]) -> bool:
    """Whether a command with these environment variables imports modules as it would with those of this process."""
    return _read_by_imports(environment) == _read_by_imports(os.environ)


def fork(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    module: str = CONSOLE_SCRIPT,
) -> ForkedProcess:
    """Start `leadline`, or the `main` of another module, with the arguments and environment variables.

    Its output goes to the files.
    """
    variables = tuple(sorted(_read_by_imports(environment).items()))
    host = _host_of_tests(variables) if module in _OF_TESTS else _host(variables)
    command = {"module": module, "arguments": arguments, "environment": dict(environment), "folder": str(Path.cwd())}
    with Path(os.devnull).open("rb") as stdin:
        return _forked(host, command, [stdin.fileno(), stdout.fileno(), stderr.fileno()])


def run(arguments: Sequence[str], environment: Mapping[str, str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run `leadline` to its end in a forked process. As `subprocess.run` with its output captured."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = fork(arguments, environment, stdout, stderr)
        try:
            code = process.wait(seconds)
        finally:
            process.kill()
        return subprocess.CompletedProcess(list(arguments), code, _text(stdout), _text(stderr))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _read_by_imports(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that may be read while modules are imported."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_FREE) and not name.endswith(_FREE_ENDS)
    }


def _forked(host: socket.socket, command: Mapping[str, Any], streams: Sequence[int]) -> ForkedProcess:
    ended, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        socket.send_fds(host, [json.dumps(command).encode()], [theirs.fileno(), *streams])
        return ForkedProcess(int(ended.recv(32)), ended)


@cache
def _host_of_tests(variables: tuple[tuple[str, str], ...]) -> socket.socket:
    """The socket to a fork of the host, which has imported the programs of tests too. It ends when this process ends.

    The host itself has not: one of them registers an adapter.
    """
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = {"module": _HOST_MODULE, "arguments": _OF_TESTS, "environment": _with_path(variables), "folder": "/"}
    with theirs:
        process = _forked(_host(variables), command, [theirs.fileno(), 1, 2])

    @atexit.register
    def end() -> None:
        mine.close()
        process.wait()

    return mine


def _with_path(variables: tuple[tuple[str, str], ...]) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH", "")]))
    return {**dict(variables), "PYTHONPATH": path}


@cache
def _host(variables: tuple[tuple[str, str], ...]) -> socket.socket:
    """The socket to the process that forks commands in such an environment. It ends when this process ends."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, str(_HOST), str(theirs.fileno()), CONSOLE_SCRIPT]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=_with_path(variables))

    @atexit.register
    def end() -> None:
        mine.close()
        process.wait()

    return mine
