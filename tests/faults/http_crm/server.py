"""A CRM with a plain HTTP API that goes wrong on demand.

    python -m faults.http_crm.server FILE PORT CONTROL_PORT

serves the book FILE on 127.0.0.1:PORT, and on CONTROL_PORT what switches its faults: `PUT /faults` with the fields of
`Faults` as JSON, those left out at their defaults. `GET /work` there says how many requests are under way. Both ports
may be bound, not listened on, by others who keep them.
"""

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from faults.http_crm.book import Book, NoSuchRecord
from faults.http_crm.misbehaviour import AFTER_COMMIT, Faults, Misbehaviour, Mode

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time: closing resets the connection
_SHUTDOWN_SECONDS: Final = 0.05


class CrmApi:
    """The API that adapters speak to."""

    def __init__(self, book: Book, misbehaviour: Misbehaviour) -> None:
        self._book = book
        self._misbehaviour = misbehaviour

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._misbehave])
        app.router.add_get("/check", self._check)
        app.router.add_get("/contacts", self._find_contacts)
        app.router.add_get("/contacts/search", self._search)
        app.router.add_get("/contacts/{id}", self._read_contact)
        app.router.add_post("/contacts", self._add_contact)
        app.router.add_get("/logs", self._find_log)
        app.router.add_post("/logs", self._add_log)
        app.router.add_patch("/logs/{id}", self._change_log)
        return app

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self._misbehaviour.faults
        if request.headers.get("Authorization") != f"Bearer {faults.token}":
            return web.json_response({"error": "The token has expired."}, status=401)
        with self._misbehaviour.working():
            return await self._work(request, handler)

    async def _work(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self._misbehaviour.faults
        is_write = request.method != "GET"
        mode = self._misbehaviour.strike(is_write=is_write)
        await request.read()  # a write goes on without its client from here on
        if latency := faults.latency + (faults.write_latency if is_write else 0.0):
            await asyncio.sleep(latency)
        response = await self._answer(request, handler) if mode is Mode.OK or mode in AFTER_COMMIT else None
        match mode:
            case Mode.RATE_LIMITED:
                headers = {"Retry-After": str(faults.retry_after)}
                return web.json_response({"error": "Too many requests."}, status=429, headers=headers)
            case Mode.HANG | Mode.HANG_AFTER_COMMIT:
                await self._misbehaviour.hang()
                _reset(request)
            case Mode.DROP_AFTER_COMMIT:
                _reset(request)
        return response if response is not None and mode is Mode.OK else _internal_error()

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except NoSuchRecord as error:
            return web.json_response({"error": str(error)}, status=422)

    async def _check(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def _find_contacts(self, request: web.Request) -> web.Response:
        made_before = time.time() - self._misbehaviour.faults.index_lag
        found = self._book.find_contacts(request.query.getall("number"), made_before)
        return web.json_response({"contacts": found})

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query
        hits, following = self._book.search(query["name"], int(query["limit"]), int(query["cursor"] or 0))
        return web.json_response({"contacts": hits, "next": "" if following is None else str(following)})

    async def _read_contact(self, request: web.Request) -> web.Response:
        contact = self._book.read_contact(request.match_info["id"])
        return _not_found() if contact is None else web.json_response(contact)

    async def _add_contact(self, request: web.Request) -> web.Response:
        is_unique = self._misbehaviour.faults.unique_keys
        return web.json_response(self._book.add_contact(await request.json(), is_unique=is_unique), status=201)

    async def _find_log(self, request: web.Request) -> web.Response:
        if not self._misbehaviour.faults.finds_logs:
            return web.json_response({"error": "Logs cannot be searched."}, status=400)
        log = self._book.find_log(request.query["key"])
        return _not_found() if log is None else web.json_response(log)

    async def _add_log(self, request: web.Request) -> web.Response:
        is_unique = self._misbehaviour.faults.unique_keys
        return web.json_response(self._book.add_log(await request.json(), is_unique=is_unique), status=201)

    async def _change_log(self, request: web.Request) -> web.Response:
        return web.json_response(self._book.change_log(request.match_info["id"], await request.json()))


def _internal_error() -> web.Response:
    return web.json_response({"error": "Something went wrong."}, status=500)


def _not_found() -> web.Response:
    return web.json_response({"error": "There is none."}, status=404)


def _reset(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        request.transport.abort()


class Door:
    """The port of the API, which can be shut: then connecting is refused, and no connection is left."""

    def __init__(self, api: CrmApi, port: int) -> None:
        self._api = api
        self._port = port
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        if self._runner is None:
            self._runner = await _serve(self._api.application(), self._port)

    async def shut(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def control(misbehaviour: Misbehaviour, door: Door) -> web.Application:
    """What switches the faults."""

    async def change(request: web.Request) -> web.Response:
        given: dict[str, Any] = await request.json()
        faults = Faults(**given | {"mode": Mode(given.get("mode", Mode.OK))})
        misbehaviour.change(faults)
        await (door.shut() if faults.refuses else door.open())
        return web.json_response({})

    async def count_work(_: web.Request) -> web.Response:
        return web.json_response(misbehaviour.under_way)

    app = web.Application()
    app.router.add_put("/faults", change)
    app.router.add_get("/work", count_work)
    return app


async def _serve(app: web.Application, port: int) -> web.AppRunner:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1024).start()
    return runner


async def serve(path: Path, port: int, control_port: int) -> None:
    """Serve until the process is ended."""
    misbehaviour = Misbehaviour()
    door = Door(CrmApi(Book(path), misbehaviour), port)
    await door.open()
    await _serve(control(misbehaviour, door), control_port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
