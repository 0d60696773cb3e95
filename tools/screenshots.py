"""Take pictures of the page for people: those of README, and with `--all` one of every view, to be looked at.

It needs Chromium, which drives a real server with made-up calls.

    python tools/screenshots.py               # docs/images
    python tools/screenshots.py --all build/screenshots
"""

import argparse
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT: Final = Path(__file__).parents[1]
IMAGES: Final = ROOT / "docs" / "images"
sys.path[:0] = [str(ROOT / "tests")]

from support.servers import LEADLINE, leadline, server_process  # noqa: E402 - the tests' helpers
from system.embedding import other_site, show, token  # noqa: E402
from system.people import JANE, SHARED, STRANGER, VIEWS, Server, ended, ringing, settings, sign_in  # noqa: E402

README_SIZE: Final = {"width": 1000, "height": 620}
SIZES: Final = {"wide": {"width": 1200, "height": 900}, "phone": {"width": 320, "height": 640}}


@contextmanager
def filled_server(folder: Path, origin: str) -> Iterator[Server]:
    """A server that wants credentials and has a call of each kind. Requests have the key of an administrator."""
    data, file = folder / "data", folder / "platform.key"
    made = leadline("keys", "bootstrap", "--file", file, "--data-dir", data)
    if made.returncode != 0:
        sys.exit(made.stderr)
    chosen = {**settings(data), "LEADLINE_AUTHENTICATION": "true", "LEADLINE_EMBED_ORIGINS": origin}
    with server_process(data, settings=chosen, has_addresses=True, has_data_dir=True) as process:
        platform = Server(process.http_address, file.read_text().strip())
        server = Server(process.http_address, platform.issue("ACCOUNT_ADMIN")["secret"])
        server.contact("Jane Roe", JANE, company="Roe Ltd")
        server.contact("Ann Poe", SHARED, company="Poe & Sons")
        server.contact("Bob Poe", SHARED)
        server.call("earlier", JANE, **ended(7_000))
        server.call("several", SHARED, **ended(900))
        server.call("before", STRANGER, "JOHN DOE", **ended(600))
        server.call("stranger", STRANGER, "JOHN DOE", **ended(240))
        server.call("rings", JANE, "ROE JANE", **ringing())
        server.ask("DirectoryService/UpsertUser", user={"user_id": "alice", "name": "Alice", "extensions": ["101"]})
        yield server


def take(page: Page, path: Path, *, is_whole: bool = False) -> None:
    """Write a picture, when the view has drawn all its parts."""
    expect(page.get_by_text("Loading")).to_have_count(0)
    page.wait_for_timeout(400)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=is_whole)


def for_readme(browser: Browser, server: Server, origin: str) -> None:
    """The pictures of README and of docs/embedding.md."""
    page = browser.new_context(viewport=README_SIZE, locale="en-US").new_page()  # type: ignore[arg-type]
    sign_in(page, server, server.issue("USER", user_id="alice")["secret"])
    expect(page.locator("li.pop.running")).to_be_visible()
    take(page, IMAGES / "console-now.png")
    page.goto(f"{server.url}#/calls/stranger")
    expect(page.get_by_role("button", name="Create contact")).to_be_visible()
    take(page, IMAGES / "console-call.png", is_whole=True)
    frame = show(page, origin, server, "prompt?call_id=stranger", token=token(server, origin))
    expect(frame.get_by_role("button", name="Create contact and log")).to_be_visible()
    take(page, IMAGES / "console-frame.png")


def of_terminal(browser: Browser, folder: Path) -> None:
    """The picture of a terminal: a stranger calls, a person creates the contact, and the call is logged."""
    commands = (
        ("calls", "log", "--user", "alice", "--id", "call-1", "--direction", "inbound", "--caller", "+1 202-555-0101"),
        ("contacts", "create", "Ada Lovelace", "(202) 555-0101"),
        ("calls", "retry", "call-1"),
    )
    lines: list[str] = []
    with server_process(folder / "terminal") as process:
        chosen = {"LEADLINE_SERVER": process.address, "COLUMNS": "104"}
        for command in commands:
            shown = leadline(*command, settings=chosen).stdout.replace(str(LEADLINE), "leadline")
            shown = shown.replace(f" --server {process.address}", "")  # a server at the default address needs none
            lines += [f"<b>$ leadline {escape(shlex.join(command))}</b>", escape(shown.strip())]
    page = browser.new_page(viewport={"width": 960, "height": 300})
    style = "margin: 0; padding: 18px; background: #10151c; color: #d7dde5; font: 14px/1.45 monospace"
    page.set_content(f"<style>b {{ color: #7fd1a0 }}</style><pre style='{style}'>{'<br>'.join(lines)}</pre>")
    page.locator("pre").screenshot(path=IMAGES / "terminal.png")


def of_all(browser: Browser, server: Server, origin: str, folder: Path) -> None:
    """A picture of every view, wide and on a phone, light and dark."""
    key = server.issue("ACCOUNT_ADMIN")["secret"]
    for size, viewport in SIZES.items():
        for scheme in ("light", "dark"):
            options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme, "locale": "en-US"}
            page = browser.new_context(**options).new_page()
            page.goto(server.url)
            expect(page.get_by_label("API key or JWT")).to_be_visible()
            take(page, folder / f"{size}-{scheme}-sign-in.png")
            sign_in(page, server, key)
            for view in (*VIEWS, "calls/stranger", "calls/several", "calls/rings"):
                page.goto(f"{server.url}#/{view}")
                take(page, folder / f"{size}-{scheme}-{view.replace('/', '-')}.png", is_whole=True)
            for path in ("pop", "prompt?call_id=stranger"):
                show(page, origin, server, path, token=token(server, origin))
                take(page, folder / f"{size}-{scheme}-embed-{path.partition('?')[0]}.png", is_whole=True)


def main() -> None:
    """Take the pictures that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="take one of every view instead, into this folder")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not on PATH. On Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, other_site() as origin, sync_playwright() as playwright:
        # The sandbox of Chromium does not run as root, and containers are root.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with filled_server(Path(folder), origin) as server:
            if options.all:
                of_all(browser, server, origin, options.all)
            else:
                for_readme(browser, server, origin)
                of_terminal(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
