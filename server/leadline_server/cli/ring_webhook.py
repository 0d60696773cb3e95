"""A test call through a phone system's webhook: its requests, signed as the phone system signs them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.http_post import post
from leadline_server.domain.unshown import unshown

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.ingress.definition import SampleRequest
    from leadline_server.ingress.routes import Route
    from leadline_server.ingress.sample_calls import SampleCall

CALLEE: Final = "+12025550100"
"""The number that the test calls call. It is fictional."""


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCall:
    """A test call through a route.

    Attributes:
        route: the route.
        public_url: the address at which phone systems reach leadline, for signatures that cover it.
        server: the address to which the requests go.
        call_id: the phone system's id of the call.
        caller: the number that calls.
        name: the caller-ID name.
        extension: the extension that is called; empty: none.
        seconds: how long it rings, and how long it lasts.
        target: has the time that a request may take, and the files for TLS.
    """

    route: "Route"
    public_url: str
    server: str
    call_id: str
    caller: str
    name: str
    extension: str
    seconds: float
    target: CommandTarget
    _start: datetime = field(default_factory=lambda: datetime.now(UTC))

    def steps(self) -> Iterator[tuple[str, str]]:
        """Send the requests one after another. Yields what each tells, and leadline's id of the call."""
        definition = self.route.definition.definition
        if not definition.test_call:
            self._cannot()
        last = ""
        for request in definition.test_call:
            if last != request.step:
                self._wait(request.step)
            yield request.step, self._send(request)
            last = request.step

    def _cannot(self) -> None:
        from leadline_server.ingress.signing import CannotSign, signature

        try:
            signature(self.route, "", b"", {}, self._start)
        except CannotSign as error:
            fail([str(error)])
        fail(
            [f"the definition of {self.route.name} has no test_call; add one, or make a call through the phone system"]
        )

    def _wait(self, step: str) -> None:
        """Let the time pass that a call needs to come to this step."""
        intervals = {"ringing": 0, "answered": 1, "ended": 2}
        until = self._start + timedelta(seconds=self.seconds * intervals[step])
        time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))

    def _call(self) -> "SampleCall":
        from leadline_server.ingress.sample_calls import SampleCall

        length = timedelta(seconds=self.seconds)
        return SampleCall(
            call_id=self.call_id,
            caller=self.caller,
            caller_name=self.name,
            callee=CALLEE,
            extension=self.extension,
            start=self._start,
            answer=self._start + length,
            end=self._start + 2 * length,
            expect=self.route.expect,
        )

    def _send(self, request: "SampleRequest") -> str:
        from leadline_server.ingress.sample_calls import content_type, request_body, request_claims
        from leadline_server.ingress.signing import signature

        definition, call, now = self.route.definition.definition, self._call(), datetime.now(UTC)
        body = request_body(definition, request, call, now)
        claims = request_claims(definition, request, call, now)
        headers = signature(self.route, f"{self.public_url}{self.route.path}", body, claims, now)
        self._post(body, {**headers, "content-type": content_type(definition)})
        return self._leadlines_id(body, claims)

    def _post(self, body: bytes, headers: dict[str, str]) -> None:
        status, _ = post(self.server, self.route.path, body, headers, self.target)
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            url = self.server.rstrip("/") + self.route.path
            fail([f"{url} refused the request (HTTP {status}); does the server have these settings?"], ExitCode.REFUSED)

    def _leadlines_id(self, body: bytes, claims: dict[str, str]) -> str:
        """The id that leadline gives to the call: with its source, or made of other values."""
        from leadline_server.ingress.trial import try_events
        from leadline_server.replay.account import AccountDetails

        tried = next(iter(try_events(self.route.definition, body, AccountDetails(), self.route.source, claims)))
        if tried.call is None:
            fail([f"the test_call of {self.route.name} is no call: {tried.problem or tried.skipped}"])
        return tried.call.id


def find_route(name: str, account: str, config: Path | None) -> "tuple[Route, str]":
    """A route of the settings, and the public address of leadline. Ends the command if there is none."""
    from leadline_server.config_loading import BadSettings, load_settings
    from leadline_server.ingress.routes import load_routes

    try:
        settings = load_settings({"config": config})
    except BadSettings as error:
        fail(error.problems)
    routes = load_routes(settings.routes, settings.public_url)
    route = routes.get((name, account))
    if route is None:
        known = ", ".join(sorted(known for known, owner in routes if owner == account)) or "no route"
        fail(
            [
                f"account {account} has no route {name} in these settings; it has {known}",
                "--via takes grpc, http, or the name of a route; --config names the file of the settings",
            ]
        )
    return route, settings.public_url
