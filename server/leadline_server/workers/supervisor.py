"""The supervisor: starts the workers, restarts those that end, replaces them on SIGHUP, stops them on SIGTERM.

`leadline serve --workers N` becomes this program, which keeps the process' id and the reserved ports.
"""

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Final

from leadline_server.workers.lines import Lines
from leadline_server.workers.plan import SupervisorPlan
from leadline_server.workers.worker_process import WorkerProcess

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 30.0
"""Seconds until a worker that ended is started again; they double each time that it ends soon."""

STABLE_SECONDS: Final = 30.0
"""A worker that served so long, in seconds, is started again after FIRST_DELAY."""


class Slot:
    """The place of one worker.

    Attributes:
        number: of the worker, from 1.
        current: the worker; None: it ended, and waits for `restart_at`.
        replacement: the worker that starts to take its place.
        restart_at: when to start it again, on the monotonic clock.
        starts: how often a worker was started here.
        failures: how often in a row one ended soon.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.current: WorkerProcess | None = None
        self.replacement: WorkerProcess | None = None
        self.restart_at: float | None = None
        self.starts = 0
        self.failures = 0

    @property
    def is_ready(self) -> bool:
        """Whether its worker serves."""
        return self.current is not None and self.current.ready_at is not None

    def delay(self, ended: WorkerProcess, now: float) -> float:
        """How long to wait before the next start, in seconds."""
        was_stable = ended.ready_at is not None and now - ended.ready_at >= STABLE_SECONDS
        self.failures = 0 if was_stable else self.failures + 1
        return min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self.failures - 1, 16)) if self.failures else FIRST_DELAY


class Supervisor:
    """Keeps the workers of a plan running until SIGTERM or SIGINT.

    Args:
        plan: what to do.
    """

    def __init__(self, plan: SupervisorPlan) -> None:
        self._plan = plan
        self._lines = Lines(plan.log_level, plan.log_format)
        self._slots = [Slot(number) for number in range(1, plan.workers + 1)]
        self._leaving: list[WorkerProcess] = []
        self._to_replace: list[Slot] = []
        self._selector = selectors.DefaultSelector()
        self._signals: list[int] = []
        self._is_announced = False
        self._is_stopping = False
        self._exit_code = 0

    def run(self) -> int:
        """Supervise to the end. Returns the exit code: 0, that of a failed first start, or 1 if a worker was killed."""
        self._catch_signals()
        self._start(self._slots[0])  # alone, so that it creates and migrates the databases
        while not self._is_stopping or any(self._processes()):
            self._wait()
            self._obey()
            self._reap()
            if not self._is_stopping:
                self._go_on()
        return self._exit_code

    def _catch_signals(self) -> None:
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        self._wakeup = reader, writer
        self._selector.register(reader, selectors.EVENT_READ)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda received, _: self._signals.append(received))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # it wakes the supervisor

    def _wait(self) -> None:
        """Wait for a signal, a worker's announcement, or the next thing to do."""
        times = [slot.restart_at for slot in self._slots if slot.restart_at is not None]
        times += [process.kill_at for process in self._processes() if process.kill_at is not None]
        timeout = max(0.0, min(times) - time.monotonic()) if times else None
        for key, _ in self._selector.select(timeout):
            if isinstance(key.data, WorkerProcess):
                self._read(key.data)
            else:
                self._wakeup[0].recv(4096)

    def _read(self, process: WorkerProcess) -> None:
        process.read()
        if not process.is_open:
            self._selector.unregister(process.control)

    def _obey(self) -> None:
        """Do what the signals say that arrived."""
        while self._signals:
            number = self._signals.pop(0)
            if number != signal.SIGHUP:
                self._stop(0)
            elif self._is_announced:
                self._lines.write("info", "replacing workers")
                self._to_replace = list(self._slots)

    def _stop(self, exit_code: int) -> None:
        """Stop all workers, and then end."""
        self._exit_code = self._exit_code or exit_code
        self._is_stopping = True
        for slot in self._slots:
            slot.restart_at = None
        for process in self._processes():
            process.stop(self._plan.stop_seconds)

    def _reap(self) -> None:
        """Take note of the processes that ended, and kill those that do not stop."""
        for process in list(self._processes()):
            if process.kill_if_late():
                self._lines.write("error", "worker killed", worker=process.number, detail="it did not stop in time")
                self._exit_code = 1
            code = process.exit_code
            if code is not None:
                slot = self._slots[process.number - 1]
                was_replacement = slot.replacement is process
                self._forget(process, slot)
                if process.kill_at is None and not self._is_stopping:
                    self._ended(slot, process, code, was_replacement=was_replacement)
                elif code != 0 and process.ready_at is not None:
                    self._exit_code = 1
                    self._lines.write("error", "worker failed to stop", worker=process.number, code=code)

    def _ended(self, slot: Slot, process: WorkerProcess, code: int, *, was_replacement: bool) -> None:
        """A worker ended by itself."""
        if not self._is_announced:
            self._stop(code if code > 0 else 1)  # the worker said why
            return
        if was_replacement:
            self._to_replace.clear()
            self._lines.write("error", "worker not replaced", worker=slot.number, code=code)
        if slot.current is None and slot.replacement is None:
            now = time.monotonic()
            delay = slot.delay(process, now)
            slot.restart_at = now + delay
            self._lines.write("warning", "worker ended", worker=slot.number, code=code, restart_seconds=delay)

    def _go_on(self) -> None:
        """Start workers, finish replacements, and announce the first start."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.restart_at is not None and slot.restart_at <= now:
                self._start(slot)
            if slot.replacement is not None and slot.replacement.ready_at is not None:
                self._finish_replacing(slot)
        if not self._is_announced and self._slots[0].is_ready:
            self._start_others()
        if self._to_replace and not any(slot.replacement for slot in self._slots):
            self._replace(self._to_replace.pop(0))

    def _start_others(self) -> None:
        for slot in self._slots:
            if slot.current is None:
                self._start(slot)
        first = self._slots[0].current
        if first is not None and all(slot.is_ready for slot in self._slots):
            self._is_announced = True
            sys.stdout.write(first.announcement + "\n")
            sys.stdout.flush()

    def _start(self, slot: Slot) -> None:
        slot.restart_at = None
        slot.current = self._spawned(slot)

    def _replace(self, slot: Slot) -> None:
        if slot.current is None:
            slot.failures = 0  # the new settings may be why it works now
            self._start(slot)
        else:
            slot.replacement = self._spawned(slot)

    def _finish_replacing(self, slot: Slot) -> None:
        if slot.current is not None:
            self._leaving.append(slot.current)
            slot.current.stop(self._plan.stop_seconds)
        slot.current, slot.replacement, slot.failures = slot.replacement, None, 0
        self._lines.write("info", "worker replaced", worker=slot.number)

    def _spawned(self, slot: Slot) -> WorkerProcess:
        slot.starts += 1
        process = WorkerProcess(self._plan, slot.number, slot.starts)
        self._selector.register(process.control, selectors.EVENT_READ, process)
        return process

    def _forget(self, process: WorkerProcess, slot: Slot) -> None:
        if process.is_open:
            self._selector.unregister(process.control)
        process.close()
        if process in self._leaving:
            self._leaving.remove(process)
        if slot.current is process:
            slot.current = None
        if slot.replacement is process:
            slot.replacement = None

    def _processes(self) -> Iterator[WorkerProcess]:
        for slot in self._slots:
            yield from filter(None, (slot.current, slot.replacement))
        yield from self._leaving


def main() -> None:
    """Supervise as the first argument says, and end the process."""
    plan = SupervisorPlan.of(sys.argv[1])
    try:
        code = Supervisor(plan).run()
    finally:
        _remove(plan.folder)
    sys.exit(code)


def _remove(folder: str) -> None:
    with os.scandir(folder) as found:  # pathlib would be one more import
        for entry in found:
            os.unlink(entry.path)  # noqa: PTH108
    os.rmdir(folder)  # noqa: PTH106


if __name__ == "__main__":
    main()
