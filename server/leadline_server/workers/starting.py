"""How `leadline serve` becomes the supervisor."""

import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from leadline_server.config import Settings
from leadline_server.transport.addresses import reserve
from leadline_server.workers.plan import SupervisorPlan

_BEYOND_GRACE: Final = 20.0
"""Seconds that a worker may take to stop beyond `grace_period`: deliveries in progress, and closing the databases."""


def become_supervisor(settings: Settings, flags: Mapping[str, Any]) -> NoReturn:
    """Reserve the ports, and replace this program by the supervisor. The process stays the same.

    The supervisor is a program of its own, so that what checked the settings does not stay in memory.

    Args:
        settings: the settings.
        flags: of the command line; those that are None are absent.

    Raises:
        AddressUnavailable: the server cannot listen on an address.
    """
    reserved = {listener.setting: reserve(listener.address) for listener in settings.listeners}
    given = {name: _plain(value) for name, value in flags.items() if value is not None}
    plan = SupervisorPlan(
        workers=settings.workers,
        flags=given | reserved,
        folder=tempfile.mkdtemp(prefix="leadline-"),
        stop_seconds=settings.grace_period + _BEYOND_GRACE,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )
    sys.stdout.flush()
    sys.stderr.flush()
    program = [sys.executable, "-P", "-m", "leadline_server.workers.supervisor", plan.text]
    os.execv(program[0], program)  # noqa: S606 - our own program


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) else str(value)
