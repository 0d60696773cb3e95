"""Serves a fake CRM: in the loop that runs, or in a process of its own with a second port that switches its faults."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Generic, TypeVar

from aiohttp import web

from fakes.base import FakeCrm
from fakes.misbehaviour import Misbehaviour, Mode

_CrmT = TypeVar("_CrmT", bound=FakeCrm)

_SHUTDOWN_SECONDS: Final = 0.05


class Door:
    """The port of the API, which can be shut: then connecting is refused, and no connection is left."""

    def __init__(self, crm: FakeCrm, port: int) -> None:
        self._crm = crm
        self._port = port
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        if self._runner is None:
            self._runner = await _serve(self._crm.application(), self._port)

    async def shut(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def switch(self, faults: dict[str, Any]) -> None:
        """Have just these faults from now on, those left out at their defaults."""
        wanted = self._crm.faults_type(**faults | {"mode": Mode(faults.get("mode", Mode.OK))})
        self._crm.misbehaviour.change(wanted)
        await (self.shut() if wanted.refuses else self.open())


class FakeServer(Generic[_CrmT]):
    """A fake CRM that is served in this loop.

    Attributes:
        crm: the fake.
        url: where it is.
    """

    def __init__(self, crm: _CrmT, port: int) -> None:
        self.crm = crm
        self.url = f"http://127.0.0.1:{port}"
        self.door: Final = Door(crm, port)

    @property
    def misbehaviour(self) -> Misbehaviour:
        return self.crm.misbehaviour

    async def misbehave(self, **faults: Any) -> None:
        """Have just these faults from now on; see `misbehaviour.Faults`."""
        await self.door.switch(faults)

    async def recover(self) -> None:
        """Have no faults."""
        await self.misbehave()

    async def renew(self, crm: _CrmT) -> None:
        """Go on as `crm`, which is new: with its records, faults and counts. Requests that hang end."""
        await self.recover()
        vars(self.crm).update(vars(crm))


@asynccontextmanager
async def fake_server(crm: _CrmT) -> AsyncIterator[FakeServer[_CrmT]]:
    """Serve `crm` in this loop, on a port of its own, until the body ends."""
    with kept_port() as port:
        server = FakeServer(crm, port)
        await server.door.open()
        try:
            yield server
        finally:
            crm.misbehaviour.change(crm.faults_type())  # who hangs is let go
            await server.door.shut()
            crm.records.close()


async def serve_process(crm: FakeCrm, port: int, control_port: int) -> None:
    """Serve on 127.0.0.1 until the process is ended.

    On `control_port`, `PUT /faults` takes the fields of the fake's `Faults` as JSON, `GET /work` says how many requests
    are under way, `GET /written` what was written, `GET /records/TABLE` what is kept, by id; `PATCH /records/TABLE/ID`
    changes a record as people do, and `PUT /required` replaces the fields that are required. The fake may have more
    there. Both ports may be bound, not listened on, by others who keep them.
    """
    door = Door(crm, port)
    await door.open()
    await _serve(_control(crm, door), control_port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def _control(crm: FakeCrm, door: Door) -> web.Application:
    async def change(request: web.Request) -> web.Response:
        await door.switch(await request.json())
        return web.json_response({})

    async def count_work(_: web.Request) -> web.Response:
        return web.json_response(crm.misbehaviour.under_way)

    async def written(_: web.Request) -> web.Response:
        return web.json_response(crm.written().to_json())

    async def records(request: web.Request) -> web.Response:
        kept = crm.records.all(request.match_info["table"])
        return web.json_response({record.id: record.fields for record in kept})

    async def edit(request: web.Request) -> web.Response:
        table, record_id = request.match_info["table"], request.match_info["id"]
        return web.json_response(crm.records.change(table, record_id, await request.json(), by_people=True).fields)

    async def require(request: web.Request) -> web.Response:
        crm.required = await request.json()
        return web.json_response({})

    app = web.Application()
    app.router.add_put("/required", require)
    app.router.add_get("/records/{table}", records)
    app.router.add_patch("/records/{table}/{id}", edit)
    app.router.add_put("/faults", change)
    app.router.add_get("/work", count_work)
    app.router.add_get("/written", written)
    app.router.add_routes(crm.control_routes())
    return app


async def _serve(app: web.Application, port: int) -> web.AppRunner:
    listener = _bound(port)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    await web.SockSite(runner, listener, backlog=1024).start()
    return runner


@contextmanager
def kept_port() -> Iterator[int]:
    """A free port, kept from others by a socket that is bound to it and does not listen."""
    with _bound(0) as keeper:
        yield keeper.getsockname()[1]


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound
