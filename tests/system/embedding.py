"""A page of another site that shows leadline in a frame, as docs/embedding.md has it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

from playwright.sync_api import FrameLocator, Page, expect
from system.people import Server

_PAGE: Final = b"""<!doctype html>
<html lang="en"><head><title>A CRM</title></head><body><h1>A CRM</h1>
<iframe title="leadline" width="700" height="700"></iframe>
<script>
const frame = document.querySelector("iframe");
window.said = [];
window.show = (url, message) => {
  window.origin_ = new URL(url).origin;
  window.message = message;
  frame.src = url;
};
window.send = (message) => frame.contentWindow.postMessage({leadline: 1, ...message}, window.origin_);
frame.addEventListener("load", () => window.message && send(window.message));
addEventListener("message", (event) => {
  if (event.source === frame.contentWindow && event.origin === window.origin_) said.push(event.data);
});
</script></body></html>
"""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        pass


@contextmanager
def other_site() -> Iterator[str]:
    """Serve the page. Yields its origin: of `localhost`, which is another site than leadline's 127.0.0.1."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()


def token(server: Server, origin: str, **wish: str) -> str:
    """An embed token for user alice of account demo, as a program of the site asks for it."""
    body = {"account_id": "demo", "user_id": "alice", "origin": origin, **wish}
    return str(server.post("embed/token", json.dumps(body).encode())["token"])


def show(page: Page, origin: str, server: Server, path: str, **connect_with: str) -> FrameLocator:
    """Open the site's page with a page of leadline in its frame, and connect it. Returns the frame."""
    page.goto(origin)
    return connect(page, server, path, **connect_with)


def connect(page: Page, server: Server, path: str, **connect_with: str) -> FrameLocator:
    """As `show`, in the site's page that is open."""
    message = {"type": "connect", **connect_with} if connect_with else None
    page.evaluate("([url, message]) => show(url, message)", [f"{server.url}embed/{path}", message])
    return page.frame_locator("iframe[title=leadline]")


def answer_at_once(page: Page, kind: str, **answer: str) -> None:
    """Have the site's page answer each message of a kind."""
    page.evaluate(
        "([kind, answer]) => addEventListener('message', (event) => event.data.type == kind && send(answer))",
        [kind, answer],
    )


def send(page: Page, **message: str) -> None:
    """Send a message from the site's page to the frame."""
    page.evaluate("(message) => send(message)", message)


def said(page: Page, kind: str) -> list[dict[str, Any]]:
    """The messages of a kind that the frame sent."""
    return [one for one in page.evaluate("said") if one["type"] == kind]


def wait_until_said(page: Page, kind: str, times: int = 1) -> dict[str, Any]:
    """The last message of a kind, once there are so many."""
    page.wait_for_function(
        "([kind, times]) => said.filter((one) => one.type == kind).length >= times", arg=[kind, times]
    )
    return said(page, kind)[-1]


def is_live(frame: FrameLocator) -> None:
    """Wait until the frame hears of changes."""
    expect(frame.get_by_text("Live", exact=True)).to_be_visible()
