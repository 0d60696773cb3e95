"""The page for people: a few files, which `make console` builds from clients/console.

The page has no scripts or styles but these files, and asks no other host, so a strict Content-Security-Policy holds:
a CRM's text that looks like HTML cannot become code. No other page may show it in a frame, but the pages of
`FRAME_PATHS`: they are the same files, and pages of the setting `embed_origins` may show them.
"""

import gzip
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Final, NamedTuple

from leadline_server.http.gate import FRAME_PATHS, Receive, Scope, Send, answer

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors "
)
_UNFRAMED: Final = (
    (b"content-security-policy", f"{_POLICY}'none'".encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)

_ORIGINS_MARK: Final = b'name="leadline-embed-origins" content="'
"""Where a page for frames has the origins that it talks to."""

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
    policy: tuple[tuple[bytes, bytes], ...]


class ConsoleFiles:
    """Serves the files of the page. Browsers ask each time whether a file has changed, and get it again if it has.

    Args:
        origins: the origins whose pages may show the pages for frames; none: these are not served.
    """

    def __init__(self, origins: Sequence[str] = ()) -> None:
        read = {name: files("leadline_server.http").joinpath("console", name).read_bytes() for name in _TYPES}
        self._files = {f"/{name}": _file(name, plain, _UNFRAMED) for name, plain in read.items()}
        self._files["/"] = self._files.pop("/index.html")
        if origins:
            # The setting's check leaves no character in an origin that HTML or the header could read otherwise.
            named = " ".join(origins).encode()
            page = read["index.html"].replace(_ORIGINS_MARK, _ORIGINS_MARK + named)
            policy = ((b"content-security-policy", _POLICY.encode() + named),)
            self._files |= dict.fromkeys(FRAME_PATHS, _file("index.html", page, policy))

    @property
    def paths(self) -> frozenset[str]:
        """The paths of the files: `/`, `/console.css`, `/console.js`, and perhaps those of frames."""
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
            (b"etag", file.tag),
            (b"vary", b"accept-encoding"),
            *file.policy,
        ]
        body = file.compressed if is_compressed else file.plain
        if is_known:
            body = b""
        else:
            headers += [(b"content-type", file.content_type), (b"content-length", str(len(body)).encode())]
            headers += [(b"content-encoding", b"gzip")] if is_compressed else []
        await send({"type": "http.response.start", "status": 304 if is_known else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _file(name: str, plain: bytes, policy: tuple[tuple[bytes, bytes], ...]) -> _File:
    tag = f'"{sha256(plain + policy[0][1]).hexdigest()[:32]}"'
    return _File(_TYPES[name].encode(), tag.encode(), plain, gzip.compress(plain, mtime=0), policy)
