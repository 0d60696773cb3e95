"""Sign-in and frames, for everyone: screen readers, two languages, a phone, the keyboard alone, and hostile names."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page, expect
from system.accessibility import violations
from system.conftest import guarded_server
from system.embedding import is_live, other_site, send, show, token, wait_until_said
from system.people import JANE, SHARED, STRANGER, Server, ended
from system.test_console_calls import HOSTILE
from system.test_console_snapshots import reads_as_before

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with other_site() as served:
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, origin: str) -> Iterator[Server]:
    with guarded_server(tmp_path_factory.mktemp("all"), LEADLINE_EMBED_ORIGINS=origin) as served:
        served.contact("Jane Roe", JANE, company="Roe Ltd")
        served.contact("Ann Poe", SHARED)
        served.contact("Bob Poe", SHARED)
        served.call("known", JANE, **ended(300))
        served.call("several", SHARED, **ended(200))
        yield served


class Look:
    """The faults of the views that were shown."""

    def __init__(self, locale: str) -> None:
        self.language = locale[:2]
        self.wrong: dict[str, list[str]] = {}

    def at(self, document: Page | Frame, name: str) -> None:
        """Look at the view that is shown: its text, axe-core, and its width."""
        expect(document.locator("h1")).to_be_visible()
        found = [] if reads_as_before(document, f"{name}-{self.language}") else ["it does not read as before"]
        found += violations(document)
        if document.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append("it is wider than the screen")
        if found:
            self.wrong[name] = found


@pytest.mark.parametrize(("locale", "scheme"), [("en-US", "light"), ("de-DE", "dark")])
def test_every_new_view_is_for_everyone(
    browser: Browser, server: Server, origin: str, locale: str, scheme: Any
) -> None:
    context = browser.new_context(
        locale=locale, timezone_id="Europe/Berlin", viewport={"width": 320, "height": 640}, color_scheme=scheme
    )
    page, look = context.new_page(), Look(locale)
    page.goto(server.url)
    look.at(page, "sign-in")
    for role, view in (("ACCOUNT_ADMIN", "connection"), ("REPORTER", "not-offered")):
        page.goto(f"{server.url}#/{view}")
        page.locator("input").fill(server.issue(role)["secret"])
        page.locator("button.main").click()
        expect(page.locator(".who button").last).to_be_visible()
        if role == "ACCOUNT_ADMIN":
            expect(page.locator("dl.facts")).to_be_visible()
        look.at(page, view)
        page.locator(".who button", has_text="Sign out" if locale == "en-US" else "Abmelden").first.click()
        expect(page.locator("input")).to_be_visible()
    page.evaluate("localStorage.clear()")
    show(page, origin, server, "prompt")
    page.evaluate("document.querySelector('iframe').width = 320")
    frame = page.frames[1]
    expect(frame.locator("[role=status]")).to_be_visible()
    look.at(frame, "embed-waiting")
    send(page, type="connect", token=token(server, origin))
    send(page, type="open_call", call_id="several")
    wait_until_said(page, "call_opened")
    look.at(frame, "embed-prompt")
    show(page, origin, server, "pop", token=token(server, origin))
    page.evaluate("document.querySelector('iframe').width = 320")
    frame = page.frames[1]
    expect(frame.locator("li.pop")).to_have_count(2)
    look.at(frame, "embed-pop")
    context.close()
    assert look.wrong == {}


def test_sign_in_and_a_frame_work_with_the_keyboard_alone(page: Page, server: Server, origin: str) -> None:
    page.goto(server.url)
    expect(page.get_by_label("API key or JWT")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.type(server.issue("USER", user_id="alice")["secret"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    server.call("keyboard", STRANGER, "JOHN DOE", **ended())
    frame = show(page, origin, server, "prompt?call_id=keyboard", token=token(server, origin))
    expect(frame.get_by_role("button", name="Create contact and log")).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.frames[1].evaluate("document.activeElement.textContent") == "Create contact and log":
            break
    page.keyboard.press("Enter")
    expect(frame.locator("dl.facts .state")).to_have_text("Logged")


def test_hostile_names_are_text_in_a_frame(page: Page, server: Server, origin: str) -> None:
    for number, name in enumerate(HOSTILE):
        server.contact(name[:256], f"+1202555020{number}", company=name[:256])
        server.call(f"hostile-{number}", f"+1202555020{number}", name[:256], user="bob", **ended())
    frame = show(page, origin, server, "pop", token=token(server, origin, user_id="bob"))
    is_live(frame)
    expect(frame.locator("li.pop")).to_have_count(len(HOSTILE))
    expect(frame.locator("img, script:not([src])")).to_have_count(0)
    for number in range(len(HOSTILE)):
        send(page, type="open_call", call_id=f"hostile-{number}")
        wait_until_said(page, "call_opened", times=number + 1)
        expect(frame.locator("img, script:not([src])")).to_have_count(0)
