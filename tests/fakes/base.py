"""The base of every fake CRM. A subclass has the vendor's wire format; faults and records are here for all."""

import asyncio
import socket
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from aiohttp import web

from fakes.misbehaviour import DONE, Faults, Misbehaviour, Mode
from fakes.records import NoSuchRecord, Record, Records
from fakes.written import Written, WrittenContact, WrittenLog

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ELSEWHERE: Final = "/elsewhere"
"""The target of redirects: this server by another name. A request to it followed one."""

_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time: closing resets the connection
_GARBAGE: Final = b'{"results": [\xff\x00<'
_PAGE: Final = "<!DOCTYPE html><html><body>Please sign in to the network.</body></html>"


class FakeCrm(ABC):
    """A CRM in memory. A vendor's fake adds routes, and says what the vendor's errors look like.

    Args:
        path: the file that what is written goes to, so that it is still there when this fake was killed and is
            started again; None keeps it in memory alone.

    Attributes:
        spent: what all requests have cost, as the vendor counts them.
        required: fields that an administrator added and requires, by kind of record: their names and labels. New
            records without them are refused, and the vendor's metadata tell them.

    A subclass may take keyword arguments as well: the options of `fake_process`. Tests tell it what people do by
    calling the subclass, or its `records` with `by_people=True`.
    """

    faults_type: ClassVar[type[Faults]] = Faults

    def __init__(self, path: Path | None = None) -> None:
        self.misbehaviour = Misbehaviour(self.faults_type())
        self.records = Records(path)
        self.required: dict[str, dict[str, str]] = {}
        self.spent = 0

    @property
    def faults(self) -> Any:
        """The faults in force: a `faults_type`."""
        return self.misbehaviour.faults

    @property
    def token(self) -> str:
        """The token that is good now."""
        return self.misbehaviour.faults.token

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """The vendor's API. A handler that raises NoSuchRecord is answered by `not_found`."""

    @abstractmethod
    def is_write(self, request: web.Request) -> bool:
        """Whether a request changes anything: some vendors search by POST."""

    @abstractmethod
    def is_authorized(self, request: web.Request) -> bool:
        """Whether a request has `token`, in the vendor's way."""

    @abstractmethod
    def unauthorized(self) -> web.Response:
        """The answer to another token."""

    @abstractmethod
    def rate_limited(self, retry_after: int) -> web.Response:
        """The answer to too many requests, which asks to wait for so many seconds."""

    @abstractmethod
    def internal_error(self) -> web.Response:
        """The answer of status 500."""

    @abstractmethod
    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        """The kind of a record of `records`; None if it is neither a contact nor the log of a call."""

    def cost(self, request: web.Request, body: str) -> int:
        """The cost of a request in the day's budget, by the vendor's documents."""
        del request, body
        return 1

    def exhausted(self) -> web.Response:
        """The answer once the day's budget is spent."""
        return self.rate_limited(900)

    def forbidden(self) -> web.Response:
        """The answer of status 403."""
        return _error(403, "This token may not do that.")

    def not_found(self) -> web.Response:
        """The answer of status 404."""
        return _error(404, "There is none.")

    def conflict(self) -> web.Response:
        """The answer of status 409."""
        return _error(409, "There is one already.")

    def unprocessable(self, message: str = "That is not valid.") -> web.Response:
        """The answer to what the vendor will not take, whatever its status; `message` stands in it as it is."""
        return _error(422, message)

    def unavailable(self) -> web.Response:
        """The answer of status 503."""
        return _error(503, "Down for maintenance.")

    def control_routes(self) -> list[web.RouteDef]:
        """Further switches of this fake, on its control port."""
        return []

    def lacking(self, table: str, fields: Mapping[str, Any]) -> str:
        """The first field of `required` that a new record leaves empty; empty if there is none."""
        return next((name for name in self.required.get(table, {}) if fields.get(name) in (None, "")), "")

    def is_indexed(self, record: Record) -> bool:
        """Whether searches show a record already, as far as `index_lag` goes."""
        return record.created <= time.time() - self.misbehaviour.faults.index_lag

    def written(self) -> Written:
        """All that was ever written through the API."""
        return Written.of(
            described
            for change in self.records.changes
            if change.operation != "remove" and not change.by_people
            if (described := self.described(change.table, change.record))
        )

    def application(self) -> web.Application:
        """The API as it is served."""
        app = web.Application(middlewares=[self._misbehave])
        app.router.add_routes(self.routes())
        app.router.add_route("*", ELSEWHERE, self._elsewhere)
        return app

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == ELSEWHERE:
            return await handler(request)
        if not self.is_authorized(request):
            return self.unauthorized()
        with self.misbehaviour.working():
            return await self._work(request, handler)

    async def _work(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults, is_write = self.misbehaviour.faults, self.is_write(request)
        mode = self.misbehaviour.strike(request.path, is_write=is_write)
        body = await request.text()  # a write goes on without its client from here on
        self.spent += self.cost(request, body)
        if faults.budget and self.spent > faults.budget:
            return self.exhausted()
        if latency := faults.latency + (faults.write_latency if is_write else 0.0):
            await asyncio.sleep(latency)
        answer = await self._answer(request, handler) if mode in DONE else None
        if mode is Mode.OK and answer is not None:
            return answer
        return await self._go_wrong(request, mode)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except NoSuchRecord:
            return self.not_found()

    async def _go_wrong(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        match mode:
            case Mode.HANG | Mode.HANG_AFTER_COMMIT:
                await self.misbehaviour.hang()
                _reset(request)
            case Mode.DROP_AFTER_COMMIT:
                _reset(request)
            case Mode.TELLTALE:
                return self.unprocessable(await _retold(request))
            case Mode.TRUNCATED:
                return await _truncated(request)
            case _ if mode in self._wrong_answers():
                return self._wrong_answers()[mode](request)
        return self.internal_error()

    def _wrong_answers(self) -> Mapping[Mode, Callable[[web.Request], web.Response]]:
        return {
            Mode.RATE_LIMITED: lambda _: self.rate_limited(self.misbehaviour.faults.retry_after),
            Mode.UNAVAILABLE: lambda _: self.unavailable(),
            Mode.UNAUTHORIZED: lambda _: self.unauthorized(),
            Mode.FORBIDDEN: lambda _: self.forbidden(),
            Mode.NOT_FOUND: lambda _: self.not_found(),
            Mode.CONFLICT: lambda _: self.conflict(),
            Mode.UNPROCESSABLE: lambda _: self.unprocessable(),
            Mode.GARBAGE: lambda _: web.Response(body=_GARBAGE, content_type="application/json"),
            Mode.HTML: lambda _: web.Response(text=_PAGE, content_type="text/html"),
            Mode.REDIRECT: _redirect,
        }

    async def _elsewhere(self, _: web.Request) -> web.Response:
        self.misbehaviour.followed += 1
        return web.json_response({})


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message, "message": message}, status=status)


def _redirect(request: web.Request) -> web.Response:
    assert request.transport is not None
    port = request.transport.get_extra_info("sockname")[1]
    return web.Response(status=302, headers={"Location": f"http://localhost:{port}{ELSEWHERE}"})


async def _retold(request: web.Request) -> str:
    return f"Not valid: {request.path_qs} {dict(request.headers)} {await request.text()}"


async def _truncated(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "4096"})
    await answer.prepare(request)
    await answer.write(b'{"results": [')
    if request.transport is not None:
        request.transport.close()  # after what was written has left, unlike a reset
    return answer


def _reset(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        request.transport.abort()
