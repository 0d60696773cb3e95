"""Acorn, the CRM of docs/declarative-adapter.md: its definition, and the CRM itself, as small as one can be."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter

from support.adapters import opened_adapter
from support.http_servers import http_server

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "declarative-adapter.md"
DEFINITION, CONNECTION = re.findall(
    r"^```toml\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
KEY: Final = "acorn-secret-key"

Answer = Callable[[web.Request], web.Response | None]


@dataclass
class Acorn:
    """The CRM: answers like Acorn, but first like `instead`, where that has something to say.

    Attributes:
        people: by id.
        seen: the requests, with their bodies.
        page: the people on one page.
    """

    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    seen: list[tuple[web.Request, Any]] = field(default_factory=list)
    page: int = 2
    instead: Answer = lambda _: None

    def add(self, name: str, phone: str, **more: Any) -> str:
        person_id = str(len(self.people) + 1)
        self.people[person_id] = {"id": int(person_id), "full_name": name, "phone": phone, **more}
        return person_id

    async def answer(self, request: web.Request) -> web.Response:
        body: dict[str, Any] | None = (
            await request.json() if request.can_read_body and "json" in request.content_type else None
        )
        await request.read()  # so that tests can, afterwards
        self.seen.append((request, dict(body) if body else body))
        if (answer := self.instead(request)) is not None:
            return answer
        if request.headers.get("X-Acorn-Key") != KEY:
            return web.json_response({"error": {"message": "No such key."}}, status=401)
        if request.method == "POST":
            return self._written(request.path, body or {}) or _none()
        return self._read(request) or _none()

    def _read(self, request: web.Request) -> web.Response | None:
        match request.path.strip("/").split("/"):
            case ["me"]:
                return web.json_response({"active": True})
            case ["people"]:
                return self._list(request)
            case ["people", person_id] if person_id in self.people:
                return web.json_response(self.people[person_id])
        return None

    def _written(self, path: str, body: dict[str, Any]) -> web.Response | None:
        match path.strip("/").split("/"):
            case ["people"]:
                phone, name = body.pop("phone"), body.pop("full_name")
                return web.json_response(self.people[self.add(name, phone, **body)], status=201)
            case ["people", person_id, "calls"] if person_id in self.people:
                self.calls.append(body)
                return web.json_response({"call": {"id": len(self.calls)}}, status=201)
        return None

    def _list(self, request: web.Request) -> web.Response:
        query, start = request.query, int(request.query.get("after") or 0)
        found = [
            person
            for person in self.people.values()
            if query.get("phone", "") in person["phone"] and query.get("name", "") in person["full_name"]
        ]
        end = start + self.page
        return web.json_response({"people": found[start:end], "next": str(end) if end < len(found) else None})


def _none() -> web.Response:
    return web.json_response({"error": {"message": "There is none."}}, status=404)


@asynccontextmanager
async def acorn(
    folder: Path,
    changes: Mapping[str, str] | None = None,
    settings: AccountSettings = AccountSettings(),  # noqa: B008 - it is frozen
    **options: Any,
) -> AsyncIterator[tuple[CrmAdapter, Acorn]]:
    """An Acorn, and the adapter to it; `changes` are made to its definition, from one text to another."""
    crm = Acorn()
    file = folder / "acorn.toml"
    file.write_text(changed(changes or {}))
    async with http_server(crm.answer) as url:
        given = {"definition": str(file), "base_url": url, "api_key": KEY, **options}
        async with opened_adapter("http", given, folder, lambda: settings) as adapter:
            yield adapter, crm


def changed(changes: Mapping[str, str]) -> str:
    """Acorn's definition with changes: what is replaced has to be there."""
    text: str = DEFINITION
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text
