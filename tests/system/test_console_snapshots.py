"""The text that a screen reader gets of each view, compared with that of before.

After a wanted change, delete the file in `snapshots` and run the test: it writes the new one, and fails once.
"""

import re
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Frame, Page, expect
from system.people import JANE, SHARED, STRANGER, VIEWS, Server, ended, enter, show

pytestmark = pytest.mark.system

SNAPSHOTS: Final = Path(__file__).parent / "snapshots"
_VARYING: Final = (
    (re.compile(r"[A-Z][a-z]{2} \d+, \d{4}, \d+:\d\d:\d\d\s[AP]M"), "TIME"),
    (re.compile(r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DAY"),
    (re.compile(r"\[c_\w+\]"), "[ID]"),
    (re.compile(r"\d+ ms"), "N ms"),
)


def test_each_view_reads_as_before(page: Page, server: Server) -> None:
    server.contact("Jane Roe", JANE, company="Roe Ltd")
    server.contact("Ann Poe", SHARED)
    server.contact("Bob Poe", SHARED)
    server.call("known", JANE, **ended(300))
    server.call("several", SHARED, **ended(200))
    server.call("stranger", STRANGER, "JOHN DOE", **ended(100))
    server.ask("DirectoryService/UpsertUser", user={"user_id": "alice", "name": "Alice", "extensions": ["101"]})
    enter(page, server, user="alice")
    changed = [view for view in (*VIEWS, "calls/several", "calls/stranger") if not is_as_before(page, server, view)]
    assert changed == []


def is_as_before(page: Page, server: Server, view: str) -> bool:
    show(page, server, view)
    expect(page.get_by_text("Loading")).to_have_count(0)
    return reads_as_before(page, view.replace("/", "-"))


def reads_as_before(document: Page | Frame, name: str) -> bool:
    """Compare the view that is shown with its snapshot, or write that if there is none."""
    path = SNAPSHOTS / f"{name}.yaml"
    text = settled(document)
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return False
    return text == path.read_text()


def settled(page: Page | Frame) -> str:
    """The snapshot, once it is the same twice: a view asks the server for its parts."""
    before = ""
    while (now := page.locator("main").aria_snapshot()) != before:
        before = now
        page.wait_for_timeout(150)
    for pattern, name in _VARYING:
        now = pattern.sub(name, now)
    return now + "\n"
