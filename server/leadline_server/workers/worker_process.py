"""One worker, as the supervisor sees it."""

import signal
import socket
import subprocess
import sys
import time
from typing import Final

from leadline_server.workers.plan import SupervisorPlan, WorkerPlan

END: Final = b"\0"
"""Ends the announcement that a worker sends when it is ready."""

_CHUNK: Final = 65_536


class WorkerProcess:
    """A worker's process, from its start to its end.

    A socket pair connects it with the supervisor. On it the worker announces that it serves. If the supervisor ends,
    the worker reads the end of the stream, and stops.

    Args:
        plan: the supervisor's plan.
        number: see WorkerPlan.
        starts: see WorkerPlan.
    """

    def __init__(self, plan: SupervisorPlan, number: int, starts: int) -> None:
        self.number = number
        self.control, theirs = socket.socketpair()
        self.control.setblocking(False)
        self.ready_at: float | None = None
        self.kill_at: float | None = None
        self.is_open = True
        self._said = bytearray()
        with theirs:
            told = WorkerPlan(number, plan.workers, starts, theirs.fileno(), plan.flags, plan.folder)
            command = [sys.executable, "-P", "-m", "leadline_server.worker", told.text]
            # A process group of its own: Ctrl-C reaches the supervisor alone, which then stops the workers.
            self._process = subprocess.Popen(command, pass_fds=[told.control], process_group=0)  # noqa: S603 - our own program

    @property
    def pid(self) -> int:
        """The process' id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; a negative number is that of the signal that ended it."""
        return self._process.poll()

    @property
    def announcement(self) -> str:
        """The addresses where it serves, as it announced them."""
        return self._said.partition(END)[0].decode()

    def read(self) -> None:
        """Read what it announces. Call this when `control` can be read."""
        chunk = self.control.recv(_CHUNK)
        self._said += chunk
        self.is_open = bool(chunk)
        if self.ready_at is None and END in chunk:
            self.ready_at = time.monotonic()

    def stop(self, seconds: float) -> None:
        """Ask it to stop. It shall be killed after `seconds`."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + seconds
            self._process.send_signal(signal.SIGTERM)

    def kill_if_late(self) -> bool:
        """Kill it if it did not stop in time. Returns whether it was killed."""
        if self.kill_at is None or time.monotonic() < self.kill_at:
            return False
        self._process.kill()
        self._process.wait()
        return True

    def close(self) -> None:
        """Close the socket; the process has ended."""
        self.control.close()
