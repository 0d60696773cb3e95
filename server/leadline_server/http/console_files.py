"""The page for people: a few files, which `make console` builds from clients/console.

The page has no scripts or styles but these files, and asks no other host, so a strict Content-Security-Policy holds:
a CRM's text that looks like HTML cannot become code. No other page may show it in a frame.
"""

import gzip
from hashlib import sha256
from importlib.resources import files
from typing import Final, NamedTuple

from leadline_server.http.gate import Receive, Scope, Send, answer

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_TYPES: Final = {
    "index.html": "text/html; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
}


class _File(NamedTuple):
    content_type: bytes
    tag: bytes
    plain: bytes
    compressed: bytes


class ConsoleFiles:
    """Serves the files of the page. Browsers ask each time whether a file has changed, and get it again if it has."""

    def __init__(self) -> None:
        self._files = {f"/{name}": _file(name, content_type) for name, content_type in _TYPES.items()}
        self._files["/"] = self._files.pop("/index.html")

    @property
    def paths(self) -> frozenset[str]:
        """The paths of the files: `/`, `/console.css`, `/console.js`."""
        return frozenset(self._files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for a file."""
        del receive
        if scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, b"")
            return
        file = self._files[scope["path"]]
        asked = dict(scope["headers"])
        is_known = asked.get(b"if-none-match") == file.tag
        is_compressed = b"gzip" in asked.get(b"accept-encoding", b"")
        headers = [
            (b"cache-control", b"no-cache"),
            (b"content-security-policy", POLICY.encode()),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"etag", file.tag),
            (b"vary", b"accept-encoding"),
            (b"x-frame-options", b"DENY"),
        ]
        body = file.compressed if is_compressed else file.plain
        if is_known:
            body = b""
        else:
            headers += [(b"content-type", file.content_type), (b"content-length", str(len(body)).encode())]
            headers += [(b"content-encoding", b"gzip")] if is_compressed else []
        await send({"type": "http.response.start", "status": 304 if is_known else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _file(name: str, content_type: str) -> _File:
    plain = files("leadline_server.http").joinpath("console", name).read_bytes()
    tag = f'"{sha256(plain).hexdigest()[:32]}"'
    return _File(content_type.encode(), tag.encode(), plain, gzip.compress(plain, mtime=0))
