"""A served leadline with webhooks, and senders that try again as their vendors do."""

import http.client
import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from support.servers import ServerProcess, server_process
from support.webhook_events import PUBLIC_URL
from support.webhooks import PhoneSystem

HOST: Final = urlsplit(PUBLIC_URL).netloc
_PASSING: Final = (OSError, http.client.HTTPException)


class Sent(NamedTuple):
    """An answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def toml(folder: Path, *systems: PhoneSystem, **more: Any) -> Path:
    """A configuration file with a route for each system on account `demo`."""
    lines = [f'public_url = "{PUBLIC_URL}"', "[accounts.demo]", "[accounts.other]"]
    for system in systems:
        lines.append(f"[accounts.demo.ingress.{system.name}]")
        lines += [f"{name} = {_value(value)}" for name, value in {**system.settings, **more}.items()]
    path = folder / "leadline.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {json.dumps(text)}" for name, text in value.items()) + " }"
    return json.dumps(value)


@contextmanager
def webhook_server(data_dir: Path, config: Path, http_port: int = 0) -> Iterator[ServerProcess]:
    """A server with the webhooks of a configuration file."""
    listen = {f"LEADLINE_{name}": "127.0.0.1:0" for name in ("LISTEN", "METRICS_LISTEN")}
    chosen = {**listen, "LEADLINE_HTTP_LISTEN": f"127.0.0.1:{http_port}", "LEADLINE_DATA_DIR": str(data_dir)}
    settings = {**chosen, "LEADLINE_CONFIG": str(config)}
    with server_process(data_dir, settings=settings, has_addresses=True, has_data_dir=True) as server:
        yield server


def send(address: str, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Sent:
    """Send a request to a server, under the host of `public_url`. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body, {"Host": HOST, **headers})
        answer = connection.getresponse()
        return Sent(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def post(address: str, system: PhoneSystem, body: bytes, account: str = "demo") -> Sent:
    """Send one event, signed now."""
    request = system.request(body, account=account)
    return send(address, system.path(account), body, request.headers)


def is_taken(address: str, system: PhoneSystem, body: bytes) -> bool:
    """Send an event once; False if the sender has to try again."""
    try:
        return post(address, system, body).status // 100 == 2
    except _PASSING:
        return False


def rpc(address: str, method: str, request: Mapping[str, Any]) -> Any:
    """Call an RPC as JSON over HTTP."""
    url = f"http://{address}/leadline.v1.{method}"
    asked = urllib.request.Request(url, json.dumps(request).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - as above
        return json.loads(answer.read())


def prepare(address: str) -> None:
    """Users alice and bob, and alice as the default user, in account `demo`."""
    for user, extension in (("alice", "101"), ("bob", "102")):
        told = {"user_id": user, "extensions": [extension, user], "is_active": True}
        rpc(address, "DirectoryService/UpsertUser", {"account_id": "demo", "user": told})
    update = {"account_id": "demo", "settings": {"default_user_id": "alice"}}
    rpc(address, "PreferencesService/UpdateAccountSettings", update)


def call_logs(address: str) -> list[Any]:
    """All call logs of account `demo`."""
    found, token = list[Any](), ""
    while True:
        page = rpc(
            address, "CallLogService/ListCallLogs", {"account_id": "demo", "page_size": 500, "page_token": token}
        )
        found += page.get("call_logs", [])
        if not (token := page.get("next_page_token", "")):
            return found
