"""The command `leadline ring`: a test call, from ringing to its end."""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.http_post import post
from leadline_server.cli.ring_webhook import WebhookCall, find_route
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.call_log_pb2 import CallLog

CALLER: Final = "+12025550123"
"""A fictional number: the North American plan keeps 555-0100 to 555-0199 for such uses."""

HTTP_URL: Final = "http://127.0.0.1:8650"
_PATH: Final = "/leadline.v1.CallLogService/LogCall"


_GRPC: Final = "grpc"
_HTTP: Final = "http"

Send = Callable[[Mapping[str, Any]], "CallLog"]


@remote
def ring(  # noqa: PLR0913, PLR0917 - the options of a command
    session: Session,
    caller: Annotated[str, typer.Argument(metavar="NUMBER", help="The number that calls.")] = CALLER,
    name: Annotated[str, typer.Option(metavar="TEXT", help="The caller-ID name.")] = "RING TEST",
    user: Annotated[
        str, typer.Option(metavar="USER", help="The user who is called; empty: found by --extension.")
    ] = "me",
    extension: Annotated[str, typer.Option(metavar="TEXT", help="The extension that is called.")] = "",
    seconds: Annotated[
        float, typer.Option(min=0, max=60, metavar="SECONDS", help="How long it rings, and how long it lasts.")
    ] = 1.0,
    via: Annotated[
        str, typer.Option(metavar="WAY", help="How the call is reported: grpc, http, or the name of a webhook's route.")
    ] = _GRPC,
    http: Annotated[str, typer.Option(metavar="URL", help="The address for HTTP and for webhooks.")] = HTTP_URL,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The server's settings, which have the routes.")
    ] = None,
) -> None:
    """Make a test call: report it as it rings, is answered and ends, and show what became of it.

    Through a webhook it sends what the phone system would send, signed with the route's secret. A webhook tells no
    user: the account's directory finds it by --extension.
    """
    from leadline_server.cli.calls import show_result

    call_id = f"ring-{uuid.uuid4().hex[:12]}"
    if via in (_GRPC, _HTTP):
        send = _over_http(session, http, user) if via == _HTTP else _over_grpc(session, user)
        logs = _reported(send, _steps(call_id, caller, name, extension), seconds)
    else:
        route, public_url = find_route(via, session.account, config)
        webhook_call = WebhookCall(
            route=route,
            public_url=public_url,
            server=http,
            call_id=call_id,
            caller=caller,
            name=name,
            extension=extension,
            seconds=seconds,
            target=session.target,
        )
        logs = ((what, session.client.get_call_log(log_id)) for what, log_id in webhook_call.steps())
    log: CallLog | None = None
    for what, log in logs:
        if not session.as_json:
            session.say(f"{what:<9} {_state(log)}")
    if log is not None:
        show_result(session, log)


def _reported(
    send: Send, steps: Iterable[tuple[str, Mapping[str, Any]]], seconds: float
) -> "Iterator[tuple[str, CallLog]]":
    for index, (what, call) in enumerate(steps):
        if index and seconds:
            time.sleep(seconds)
        yield what, send(call)


def _steps(call_id: str, caller: str, name: str, extension: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The reports of one call, step by step, as JSON of the contract."""
    start = _now()
    callee = {"extension": extension} if extension else {}
    yield (
        "ringing",
        {
            "id": call_id,
            "direction": "CALL_DIRECTION_INBOUND",
            "caller": {"phone_number": caller, "name": name},
            "callee": callee,
            "start_time": start,
        },
    )
    yield "answered", {"id": call_id, "answer_time": _now(), "result": "CALL_RESULT_ANSWERED"}
    yield "ended", {"id": call_id, "end_time": _now(), "is_final": True}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _over_grpc(session: Session, user: str) -> Send:
    from google.protobuf.json_format import ParseDict
    from leadline.v1.call_pb2 import Call

    client = session.client.using(user=user)
    return lambda call: client.log_call(ParseDict(dict(call), Call()))


def _over_http(session: Session, url: str, user: str) -> Send:
    from google.protobuf.json_format import ParseDict
    from leadline.v1.call_log_pb2 import CallLog

    headers = {"Content-Type": "application/json", **_authorization(session.target, url)}

    def send(call: Mapping[str, Any]) -> CallLog:
        request = {"account_id": session.account, "user_id": user, "call": call}
        status, answer = post(url, _PATH, json.dumps(request).encode(), headers, session.target)
        document = json.loads(answer or b"{}")
        if status != HTTPStatus.OK:
            fail([document.get("message", f"HTTP {status}")], ExitCode.REFUSED)
        return ParseDict(document["call_log"], CallLog(), ignore_unknown_fields=True)

    return send


def _authorization(target: CommandTarget, url: str) -> dict[str, str]:
    """The header with the key, for the host of the gRPC server alone: the key is that server's."""
    is_of_server = urlsplit(url).hostname == urlsplit(f"//{target.server}").hostname
    return {"Authorization": f"Bearer {target.api_key}"} if target.api_key and is_of_server else {}


def _state(log: "CallLog") -> str:
    from leadline.v1.call_log_pb2 import CallLogReason, CallLogState

    from leadline_server.cli.choices import word

    reason = f", {word(CallLogReason, log.reason)}" if log.reason else ""
    return f"{word(CallLogState, log.state)}{reason}"
