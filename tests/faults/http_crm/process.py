"""The faulty CRM as a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes.process import FakeProcess, fake_process


@contextmanager
def crm_process(path: Path) -> Iterator[FakeProcess]:
    """A faulty CRM that keeps all it is told at `path`, without faults to begin with, until the body ends."""
    with fake_process("faulty", path) as crm:
        yield crm
