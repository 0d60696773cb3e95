"""No object of a running server shows a secret: planted in every setting, looked for in every `repr` and `str`."""

import asyncio
import gc
import types
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from leadline_server.app import App, open_app
from leadline_server.config import Settings
from leadline_server.crm.adapter_registry import BUILT_IN, adapter_type
from leadline_server.domain.crm_errors import CrmError
from pydantic import SecretStr
from support.http_servers import http_server

MARK: Final = "pLaNtEd"
"""A part of every secret."""

_SHOWS: Final = (MARK, b64encode(f"x:{MARK}".encode()).decode()[3:-4], b64encode(MARK.encode()).decode()[:-2])

_PLAIN: Final = (str, bytes, bytearray, dict, list, tuple, set, frozenset, deque, types.MappingProxyType)
"""Plain data shows what it holds. Whatever holds the data must not show it."""

_FOREIGN: Final = frozenset({"multidict", "yarl", "_pytest", "pytest", "aiohttp", "asyncio", "_asyncio", "ast", "re"})

_ATOMS: Final = frozenset({str, bytes, int, float, bool, type(None), types.ModuleType, types.FrameType})
_PIECE: Final = 10_000

_BASIC: Final = """
format = 1
title = "{name}"
description = "For a test."
base_url = "{{{{ base_url }}}}"
[variables.base_url]
description = "Its address."
kind = "address"
[variables.password]
description = "A secret."
secret = true
[authentication]
{authentication}
[contact]
name = "name"
phone_numbers = "phone"
[operations.find_contacts]
path = "/find/{{{{ form }}}}"
[operations.find_contacts.response]
contacts = "list"
[operations.get_contact]
path = "/get/{{{{ contact_id }}}}"
[operations.search_contacts]
path = "/search/{{{{ word }}}}"
[operations.search_contacts.response]
contacts = "list"
[operations.create_contact]
method = "POST"
path = "/create"
body = {{ name = "{{{{ contact.name }}}}", phone = "{{{{ number.text }}}}" }}
[operations.create_contact.response]
id = "id"
[operations.create_call_log]
method = "POST"
path = "/log"
body = {{ text = "{{{{ body }}}}", contact = "{{{{ contact_id }}}}" }}
[operations.create_call_log.response]
id = "id"
[operations.check]
path = "/check"
"""

_METHODS: Final = {
    "header": 'type = "header"\nheader = "X-Key"\nvalue = "Key {{ password }}"',
    "basic": 'type = "basic"\nuser = "x"\npassword = "{{ password }}"',
    "oauth2": (
        'type = "oauth2"\ntoken_url = "{{ base_url }}/token"\nclient_id = "x"\nclient_secret = "{{ password }}"\n'
        'refresh_token = "{{ password }}"\nclient_in = "header"'
    ),
    "login": (
        'type = "login"\nmethod = "POST"\npath = "/token"\nbody = { password = "{{ password }}" }\n'
        'token = "access_token"\nheader = "Authorization"\nvalue = "Token {{ access_token }}"'
    ),
}


def _connections(url: str, folder: Path) -> dict[str, dict[str, Any]]:
    """A connection of every adapter, and of every way to authenticate."""
    oauth = {"client_id": "x", "client_secret": f"{MARK}-client", "refresh_token": f"{MARK}-refresh"}
    tables: dict[str, dict[str, Any]] = {
        "embedded": {"adapter": "embedded"},
        "hubspot": {"adapter": "hubspot", "token": f"{MARK}-token", "api_url": url},
        "hubspot_oauth": {"adapter": "hubspot", **oauth, "api_url": url},
        "salesforce": {"adapter": "salesforce", **oauth, "instance_url": url, "login_url": url},
        "pipedrive": {"adapter": "pipedrive", "company_domain": "x", "api_token": f"{MARK}-token", "api_url": url},
        "zoho": {"adapter": "zoho", **oauth, "api_url": url, "accounts_url": url},
        "remote": {"adapter": "remote", "address": "127.0.0.1:9", "token": f"{MARK}-token"},
    }
    for name, authentication in _METHODS.items():
        file = folder / f"{name}.toml"
        file.write_text(_BASIC.format(name=name, authentication=authentication))
        options = {"definition": str(file), "base_url": url, "password": f"{MARK}-password"}
        tables[f"http_{name}"] = {"adapter": "http", **options}
    return tables


class _Vendor:
    """A token endpoint; and an API that lets every request wait, and then repeats its secret in an error."""

    def __init__(self) -> None:
        self.waiting = 0
        self.is_over = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        if request.path.endswith("/token"):
            tokens = {"access_token": f"{MARK}-access", "refresh_token": f"{MARK}-rotated", "expires_in": 3600}
            return web.json_response(tokens)
        self.waiting += 1
        await self.is_over.wait()
        repeated = [value for value in request.headers.values() if any(part in value for part in _SHOWS)]
        return web.json_response({"message": f"no {' '.join(repeated)}"}, status=403)


def _every_object() -> Iterator[object]:
    """All objects of this process that are not plain, also those that the garbage collector does not track.

    Those it tracks are told at once. The others are reached from them: what they refer to is asked in large pieces, and
    only what is not tracked is followed further.
    """
    told = [thing for thing in gc.get_objects() if not isinstance(thing, types.FrameType)]
    seen: dict[int, object] = {}
    while told:
        yield from (thing for thing in told if _is_looked_at(thing.__class__))
        found: list[object] = []
        for start in range(0, len(told), _PIECE):
            referents = gc.get_referents(*told[start : start + _PIECE])
            found += [one for one in referents if type(one) not in _ATOMS and not gc.is_tracked(one)]
        told = [one for number, one in {id(one): one for one in found}.items() if number not in seen]
        seen |= {id(one): one for one in told}


@cache
def _is_looked_at(kind: type) -> bool:
    """Whether objects of a class are looked at: it is no plain data, and not of a library that shows what it holds."""
    module = str(kind.__module__)
    is_foreign = module.partition(".")[0] in _FOREIGN or module in {"builtins", __name__}
    return not is_foreign and not issubclass(kind, _PLAIN)


def _shown(thing: object) -> str:
    try:
        return f"{thing!r} {thing}"
    except Exception:  # noqa: BLE001 - what cannot be shown shows nothing
        return ""


def _holders() -> set[str]:
    """The classes whose objects show a planted secret."""
    found = set()
    for thing in _every_object():
        text = _shown(thing)
        if any(part in text for part in _SHOWS):
            found.add(f"{type(thing).__module__}.{type(thing).__qualname__}")
    return found


async def test_no_object_of_a_running_server_shows_a_secret(tmp_path: Path) -> None:
    vendor = _Vendor()
    async with http_server(vendor.handle) as url:
        tables = _connections(url, tmp_path)
        settings = Settings.model_validate(
            {
                "data_dir": tmp_path / "data",
                "connections": tables,
                "accounts": {name: {"connection": name} for name in tables},
            }
        )
        async with open_app(settings) as app:
            async with asyncio.TaskGroup() as group:
                checks = {name: group.create_task(_check(app, name)) for name in tables}
                async with asyncio.timeout(20):
                    while vendor.waiting < len(tables) - 2:  # not the embedded CRM, nor the adapter that is away
                        await asyncio.sleep(0.01)
                shown = await asyncio.to_thread(_holders)
                vendor.is_over.set()
            assert {adapter_type(table["adapter"]).name for table in tables.values()} == set(BUILT_IN)
            assert shown == set()
            errors = {name: repr(task.result()) for name, task in checks.items()}
            assert not {name: error for name, error in errors.items() if MARK in error}
            assert _holders() == set()


async def _check(app: App, name: str) -> CrmError | None:
    account = await app.commands.accounts.get(name)
    try:
        await account.crm.check()
    except CrmError as error:
        return error
    return None


def test_the_search_finds_a_class_that_shows_a_secret() -> None:
    class Careless:
        def __init__(self) -> None:
            self.token = f"{MARK}-token"

        def __repr__(self) -> str:
            return f"Careless({self.token})"

    Careless.__module__ = "leadline_server.careless"
    kept = [Careless(), SecretStr(f"{MARK}-token")]
    assert _holders() == {f"leadline_server.careless.{Careless.__qualname__}"}
    del kept
