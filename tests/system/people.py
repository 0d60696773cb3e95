"""The actions of people on the page, and the reports of phone systems to the server behind it."""

import json
import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, expect

JANE, SHARED, STRANGER, OTHER = "+12025550101", "+12025550103", "+12025550190", "+12025550191"
VIEWS: Final = (
    *("now", "calls", "preferences", "failed", "placeholders", "counts", "users", "account", "connection", "status"),
)


def settings(data: Path, http: str = "127.0.0.1:0") -> dict[str, str]:
    """The settings of a server that has the page."""
    return {
        "LEADLINE_DATA_DIR": str(data),
        "LEADLINE_LISTEN": "127.0.0.1:0",
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": http,
    }


@dataclass(frozen=True)
class Server:
    """A server by its HTTP address, `host:port`, and the key that requests have, if it wants one."""

    address: str
    key: str = ""

    @property
    def url(self) -> str:
        return f"http://{self.address}/"

    def ask(self, rpc: str, **fields: Any) -> Any:
        """Call an RPC, such as `CallLogService/LogCall`, in account demo."""
        body = json.dumps({"account_id": "demo", **fields}).encode()
        path = rpc if rpc.startswith("leadline.") else f"leadline.v1.{rpc}"
        return self.post(path, body)

    def post(self, path: str, body: bytes) -> Any:
        """Send JSON to a path. Returns the answer."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        request = urllib.request.Request(self.url + path, body, headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)

    def issue(self, role: str, **wish: Any) -> Any:
        """Issue a key: {"key": {"key_id": ...}, "secret": ...}."""
        return self.ask("leadline.admin.v1.KeyService/IssueKey", role=f"ROLE_{role}", **wish)

    def contact(self, name: str, number: str, **fields: Any) -> str:
        """Create a contact. Returns its id."""
        fields = {"name": name, "phone_number": number, "allow_duplicate": True, **fields}
        return str(self.ask("ContactService/CreateContact", **fields)["contact"]["id"])

    def call(self, call_id: str, number: str, name: str = "", *, user: str = "alice", **fields: Any) -> Any:
        """Report an inbound call. Returns its log."""
        parties = {"caller": {"phone_number": number, "name": name}, "callee": {"extension": "101"}}
        call = {"id": call_id, "direction": "CALL_DIRECTION_INBOUND", **parties, **fields}
        return self.ask("CallLogService/LogCall", user_id=user, call=call)["call_log"]

    def log(self, call_id: str) -> Any:
        """A call's log."""
        return self.ask("CallLogService/GetCallLog", call_id=call_id)["call_log"]

    def contacts_of(self, number: str) -> list[str]:
        """The names of the contacts that have a number."""
        found = self.ask("ContactService/FindContact", phone_numbers=[number], skip_cache=True)
        return [match["contact"]["name"] for match in found.get("matches", [])]


def ended(seconds_ago: int = 60) -> Mapping[str, Any]:
    """The fields of an answered call that has ended."""
    start = datetime.now(UTC) - timedelta(seconds=seconds_ago + 60)
    times = {"start_time": 0, "answer_time": 10, "end_time": 60}
    written = {name: (start + timedelta(seconds=after)).isoformat() for name, after in times.items()}
    return {**written, "result": "CALL_RESULT_ANSWERED", "is_final": True}


def ringing() -> Mapping[str, Any]:
    """The fields of a call that rings now."""
    return {"start_time": datetime.now(UTC).isoformat()}


def sign_in(page: Page, server: Server, key: str, view: str = "now") -> None:
    """Open a view of a server that wants a credential, and sign in."""
    page.goto(f"{server.url}#/{view}")
    page.get_by_label("API key or JWT").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()


def enter(page: Page, server: Server, user: str = "", view: str = "now") -> None:
    """Open the page, say who one is, and wait until changes arrive."""
    page.goto(f"{server.url}#/{view}")
    if user:
        page.get_by_label("User").fill(user)
    page.get_by_role("button", name="Show the calls").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def show(page: Page, server: Server, view: str) -> None:
    """Go to a view of an opened page."""
    page.goto(f"{server.url}#/{view}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def badge(page: Page, text: str) -> None:
    """Wait until the call that is shown has a state."""
    expect(page.locator("dl.facts .state")).to_have_text(re.compile(f"^{text}$"))
