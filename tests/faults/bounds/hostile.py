"""A CRM with a JSON API that answers with too much, too deeply, or too late; and leadline servers before it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from fakes.process import TESTS
from faults.bounds.flood import YIELDS
from leadline import AsyncClient
from support.acorn import KEY, changed
from support.http_servers import http_server
from support.servers import ServerProcess, server_process

NUMBER: Final = "+12025550147"
VICTIM_NUMBER: Final = "+12025550148"
NESTED: Final = b"[" * 100_000

ONE_FORM: Final = {
    'forms = ["e164", "national", "significant", "patterns", "number_formats"]\n': 'forms = ["e164"]\n',
    'patterns = ["(###) ###-####", "###-###-####"]\n': "",
    "/people/{{ contact_id }}/calls": "/calls/{{ contact_id }}",
}
"""Changes of Acorn's definition: one request for each number."""


def people(count: int, name: str = "Ada", phone: str = NUMBER, **more: Any) -> list[dict[str, Any]]:
    """Records with a number."""
    return [{"id": index, "full_name": f"{name} {index}", "phone": phone, **more} for index in range(1, count + 1)]


def encoded(records: Sequence[dict[str, Any]]) -> bytes:
    """An answer with records."""
    return json.dumps({"people": records}, separators=(",", ":")).encode()


def sized(count: int, size: int) -> bytes:
    """An answer of `count` records and about `size` bytes."""
    plain = len(encoded(people(count)))
    return encoded(people(count, email="x" * max(0, (size - plain) // count - len(',"email":""'))))


@dataclass
class Hostile:
    """The CRM. Its answers are bytes that a test sets.

    Attributes:
        found: the answer to a lookup.
        written: the answer to a write.
        status, headers: of every answer.
        asked, told: how many lookups and writes came.
    """

    found: bytes = encoded([])
    written: bytes = b'{"id":1,"call":{"id":1}}'
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    told: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers.get("X-Acorn-Key") == KEY
        await request.read()
        is_write = request.method != "GET"
        self.told += is_write
        self.asked += not is_write
        if not is_write and request.path.startswith("/people/"):
            body = json.dumps(people(1)[0] | {"id": int(request.path.rpartition("/")[2])}).encode()
        else:
            body = self.written if is_write else self.found
        headers = {"Content-Type": "application/json", **self.headers}
        return web.Response(status=self.status, body=body, headers=headers)

    def be_well(self) -> None:
        """Answer as a CRM without contacts does."""
        self.found, self.written, self.status, self.headers = encoded([]), b'{"id":1,"call":{"id":1}}', 200, {}


@dataclass(frozen=True)
class Stage:
    """A server with the accounts `hostile` and `victim`, a client of each, and the CRM of the first."""

    crm: Hostile
    server: ServerProcess
    hostile: AsyncClient
    victim: AsyncClient


@asynccontextmanager
async def elsewhere(count: int) -> AsyncIterator[str]:
    """The CRM in a process of its own, which finds `count` contacts; yields its address."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = (*YIELDS, sys.executable, "-m", "faults.bounds.hostile", str(count))
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def staged(folder: Path, changes: dict[str, str] | None = None, url: str = "") -> AsyncIterator[Stage]:
    """A server before a hostile CRM, or before the one at `url`. The victim's contacts are in the embedded CRM."""
    crm = Hostile()
    (folder / "acorn.toml").write_text(changed(ONE_FORM | (changes or {})))
    async with http_server(crm.answer) as own_url:
        file = folder / "leadline.toml"
        lines = [
            "lookup_cache_none_seconds = 0",
            "[connections.acorn]",
            'adapter = "http"',
            f'definition = "{folder / "acorn.toml"}"',
            f'base_url = "{url or own_url}"',
            f'api_key = "{KEY}"',
            "[accounts.hostile]",
            'connection = "acorn"',
            "[accounts.victim]",
        ]
        file.write_text("\n".join(lines))
        with server_process(folder / "data", settings={"LEADLINE_CONFIG": str(file)}) as server:
            async with (
                AsyncClient(server.address, account="hostile", user="alice") as hostile,
                AsyncClient(server.address, account="victim", user="bob") as victim,
            ):
                yield Stage(crm, server, hostile, victim)


async def _serve(count: int) -> None:
    async with http_server(Hostile(found=encoded(people(count))).answer) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
