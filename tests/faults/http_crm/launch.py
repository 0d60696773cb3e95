"""`leadline serve`, with the faulty CRM in the place of the embedded one.

    python -m faults.http_crm.launch [--synchronous-off]

takes leadline's settings from the environment as ever, and the adapter's as JSON from FAULTY_CRM. Without FAULTY_CRM
the embedded CRM stays. `--synchronous-off` has SQLite leave it to the operating system when a commit reaches the disk:
what leadline never does, for the proof that the proof of its durability can fail.
"""

import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any, Final
from unittest import mock

import aiohttp
from faults.http_crm.adapter import HttpCrm, HttpCrmConfig
from leadline_server import serving
from leadline_server.app import App, open_app
from leadline_server.config import Settings
from leadline_server.config_loading import load_settings

SYNCHRONOUS_OFF: Final = "--synchronous-off"
CONFIG: Final = "FAULTY_CRM"


def main() -> None:
    """Serve until SIGTERM."""
    with ExitStack() as replaced:
        if SYNCHRONOUS_OFF in sys.argv:
            replaced.enter_context(mock.patch.object(sqlite3, "connect", _careless_connect))
        if CONFIG in os.environ:
            config = HttpCrmConfig(**json.loads(os.environ[CONFIG]))
            replaced.enter_context(mock.patch.object(serving, "open_app", _with_crm(config)))
        problem = serving.run(load_settings(), _print)
    if problem:
        sys.exit(problem)


def _with_crm(config: HttpCrmConfig) -> Any:
    @asynccontextmanager
    async def open_with_crm(settings: Settings, **options: Any) -> AsyncIterator[App]:
        connector = aiohttp.TCPConnector(limit=0)  # leadline bounds how much it asks at once
        async with aiohttp.ClientSession(connector=connector) as session:
            crm = HttpCrm(session, config)
            async with open_app(settings, wrap=lambda _: crm, **options) as app:
                yield app

    return open_with_crm


class _CarelessConnection(sqlite3.Connection):
    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql.startswith("PRAGMA synchronous"):
            sql = "PRAGMA synchronous = OFF"
        return super().execute(sql, parameters)


_connect = sqlite3.connect


def _careless_connect(*arguments: Any, **options: Any) -> Any:
    return _connect(*arguments, factory=_CarelessConnection, **options)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
