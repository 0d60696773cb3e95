"""The process that forked commands come from: `python fork_host.py FD MODULE...`, with a socket for the commands.

Each command is a JSON object with `module`, `arguments`, `environment` and `folder`, and four file descriptors: where
its process id and its exit code are written, and its standard input, output and error. The `main` of the module is
called; the modules of the command line are imported before.

A host of further modules is a command itself, forked with all that is imported; its socket is its standard input.
"""

import atexit
import gc
import json
import os
import select
import socket
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Final

_LEFT_OUT: Final = ("leadline_server.testing", "leadline_server.tracing")
"""Modules that few commands import, and modules that read environment variables while they are imported."""

_MOST_BYTES: Final = 1 << 20

_ended: Final[list[int]] = []
"""The exit code of a command that has come to its end."""


def import_all() -> None:
    """Import every module of leadline that commands may need."""
    for package in ("leadline", "leadline_server"):
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            if not module.name.startswith(_LEFT_OUT) and not module.name.endswith("__main__"):
                import_module(module.name)


def next_command(commands: socket.socket) -> str:
    """Fork a process for each command, and return the name of its module in it."""
    running: dict[int, tuple[int, int]] = {}  # by the descriptor of the process: its id, and where its end is told
    while True:
        ready: list[int] = select.select([commands.fileno(), *running], [], [])[0]
        for process in running.keys() & ready:
            _tell_end(*running.pop(process), process)
        if commands.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(commands, _MOST_BYTES, 4)
            if not message:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                commands.close()
                return _become(json.loads(message), descriptors[1:])
            for descriptor in descriptors[1:]:
                os.close(descriptor)
            os.write(descriptors[0], str(pid).encode())
            running[os.pidfd_open(pid)] = (pid, descriptors[0])


def _tell_end(pid: int, told: int, process: int) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(process)
    try:
        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
    except BrokenPipeError:
        pass  # the test has ended
    finally:
        os.close(told)


def _become(command: Mapping[str, Any], streams: list[int]) -> str:
    for wanted, stream in enumerate(streams):
        os.dup2(stream, wanted)
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(command["environment"])
    os.chdir(command["folder"])
    sys.argv = [str(sys.argv[0]), *command["arguments"]]
    return str(command["module"])


def leave() -> None:
    """End a command without clearing its modules, which would first copy the memory that it shares with its parent.

    That was half of the processor time of a short command.
    """
    if _ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_ended[0])


def serve(commands: socket.socket, modules: Sequence[str]) -> None:
    """Import further modules. Then fork a process for each command, and run the command in it."""
    gc.disable()
    for name in modules:
        import_module(name)
    gc.collect()
    gc.freeze()
    program = import_module(next_command(commands))
    gc.enable()
    program.main()


def main() -> None:
    """Be the host of the modules that the command line names."""
    serve(socket.socket(fileno=os.dup(0)), sys.argv[1:])


if __name__ == "__main__":
    atexit.register(leave)  # before modules register functions of theirs, so that it runs after these
    gc.disable()
    import_all()
    try:
        serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
    except SystemExit as end:
        if not isinstance(end.code, str):
            _ended.append(end.code or 0)
        raise
    _ended.append(0)
