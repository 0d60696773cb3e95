"""What the supervisor and its workers are told on their command lines, as JSON."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self


class SupervisorPlan(NamedTuple):
    """What a supervisor does.

    Attributes:
        workers: how many workers serve.
        flags: of `leadline serve`, with the addresses as they were reserved: `{"listen": "127.0.0.1:50051"}`.
        folder: where workers exchange their figures. The supervisor removes it at the end.
        stop_seconds: how long a worker may take to stop before it is killed.
        log_level: the lowest level to log.
        log_format: the form of log lines: `console` or `json`.
    """

    workers: int
    flags: Mapping[str, Any]
    folder: str
    stop_seconds: float
    log_level: str
    log_format: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The plan from its text."""
        return cls(**json.loads(text))

    @property
    def text(self) -> str:
        """The plan as one argument."""
        return json.dumps(self._asdict())


class WorkerPlan(NamedTuple):
    """What a worker does.

    Attributes:
        number: of the worker, from 1. The one that replaces it has the same.
        workers: how many workers serve.
        starts: how often a worker of this number was started, with this one.
        control: the descriptor of its socket to the supervisor.
        flags, folder: see SupervisorPlan.
    """

    number: int
    workers: int
    starts: int
    control: int
    flags: Mapping[str, Any]
    folder: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The plan from its text."""
        return cls(**json.loads(text))

    @property
    def text(self) -> str:
        """The plan as one argument."""
        return json.dumps(self._asdict())
