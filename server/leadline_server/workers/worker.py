"""What a worker knows of its supervisor and of the other workers."""

import asyncio
import socket
from collections.abc import Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry

from leadline_server.workers.figures import SharedFigures
from leadline_server.workers.plan import WorkerPlan
from leadline_server.workers.worker_process import END


class Worker:
    """This process, as one of several workers.

    Args:
        plan: what the supervisor told it.
    """

    def __init__(self, plan: WorkerPlan) -> None:
        self._plan = plan
        self._control = socket.socket(fileno=plan.control)
        self._control.set_inheritable(False)

    def announce(self, text: str) -> None:
        """Tell the supervisor that the worker serves, and what to print for people."""
        self._control.sendall(f"{text}\nWorkers: {self._plan.workers}.".encode() + END)

    def when_orphaned(self, stop: Callable[[], object]) -> None:
        """Call `stop` once when the supervisor has ended. Otherwise nothing could stop the worker."""
        loop = asyncio.get_running_loop()

        def read() -> None:  # the supervisor sends nothing, so there is only the end to read
            loop.remove_reader(self._control)
            stop()

        loop.add_reader(self._control, read)

    def figures(self, registry: CollectorRegistry) -> SharedFigures:
        """The figures of all workers, of which `registry` has this one's."""
        return SharedFigures(self._plan, registry)

    def add_number(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor: add the worker's number."""
        event["worker"] = self._plan.number
        return event
