"""The page for people in a real browser: by keyboard, for screen readers, on a phone, with large lists; its weight."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from system.accessibility import violations
from system.people import JANE, SHARED, STRANGER, VIEWS, Server, badge, ended, enter, ringing, show

pytestmark = pytest.mark.system


@pytest.fixture
def filled(server: Server) -> Server:
    """A server with a call of each kind, a user, and an answer for every view."""
    server.contact("Jane Roe", JANE, company="Roe Ltd")
    server.contact("Ann Poe", SHARED)
    server.contact("Bob Poe", SHARED)
    server.call("known", JANE, **ended(300))
    server.call("several", SHARED, **ended(200))
    server.call("stranger", STRANGER, "JOHN DOE", **ended(100))
    server.call("rings", JANE, **ringing())
    server.ask("DirectoryService/UpsertUser", user={"user_id": "alice", "name": "Alice", "extensions": ["101"]})
    return server


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_an_accessibility_violation(page: Page, filled: Server, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    enter(page, filled, user="alice")
    wrong: dict[str, list[str]] = {}
    for view in (*VIEWS, "calls/several", "calls/stranger"):
        show(page, filled, view)
        page.wait_for_timeout(200)  # the view's own requests; a violation shows whenever they end
        if found := violations(page):
            wrong[view] = found
    assert wrong == {}


def test_a_contact_is_created_with_the_keyboard_alone(page: Page, filled: Server) -> None:
    enter(page, filled, user="alice", view="calls/stranger")
    badge(page, "Unlogged")
    page.keyboard.press("Home")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Create contact and log":
            break
    page.keyboard.press("Enter")
    badge(page, "Logged")
    assert filled.contacts_of(STRANGER) == ["JOHN DOE"]


@pytest.mark.parametrize(("width", "zoom"), [(320, 1), (640, 2)], ids=["a phone", "200% of a small window"])
def test_no_view_is_wider_than_the_screen(browser: Browser, filled: Server, width: int, zoom: int) -> None:
    context = browser.new_context(viewport={"width": width // zoom, "height": 640}, device_scale_factor=zoom)
    page = context.new_page()
    enter(page, filled, user="alice")
    for view in (*VIEWS, "calls/several"):
        show(page, filled, view)
        page.wait_for_timeout(100)  # as above
        assert page.evaluate("document.documentElement.scrollWidth") <= width // zoom, view
    context.close()


def test_every_target_is_large_enough(page: Page, filled: Server) -> None:
    """WCAG 2.2, 2.5.8: a target has 24 by 24 CSS pixels, unless it stands in a line of text."""
    enter(page, filled, user="alice")
    for view in ("now", "calls", "calls/several", "account", "users"):
        show(page, filled, view)
        small = page.evaluate(
            "[...document.querySelectorAll('button, select, input, nav a')]"
            ".filter((one) => one.offsetParent && (one.offsetWidth < 24 || one.offsetHeight < 24))"
            ".map((one) => one.outerHTML.slice(0, 80))"
        )
        assert small == [], view


def test_the_page_is_german_for_a_german_browser(browser: Browser, filled: Server) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(filled.url)
    page.get_by_role("button", name="Anrufe zeigen").click()
    expect(page.get_by_text("Aktuell", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "de"
    context.close()


def test_forced_colours_and_reduced_motion_are_respected(page: Page, filled: Server) -> None:
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    enter(page, filled)
    expect(page.locator("li.pop").first).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0
