"""The page for people on a server that wants credentials: sign-in, roles, and the ends of sessions."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect
from system.people import JANE, STRANGER, Server, badge, ended, sign_in

pytestmark = pytest.mark.system

OFFERED: Final = {
    "ACCOUNT_ADMIN": "Now Calls My preferences Failed calls Placeholders Counts Users Account CRM Status",
    "SERVICE": "Now Calls My preferences Failed calls Placeholders Counts Users Status",
    "USER": "Now Calls My preferences Failed calls Counts Status",
    "AUDITOR": "My preferences Users Account CRM",
    "REPORTER": "",
}
"""The views that each role is offered."""


def key_of(server: Server, role: str, **wish: str) -> str:
    """A new key of account demo; of user alice, if the role has a user."""
    return str(server.issue(role, **({"user_id": "alice"} if role == "USER" else {}), **wish)["secret"])


@pytest.mark.parametrize("role", OFFERED)
def test_a_role_is_offered_what_it_may_do(page: Page, guarded: Server, role: str) -> None:
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status == 403 else None)
    sign_in(page, guarded, key_of(guarded, role), view="")
    links = page.get_by_role("navigation").get_by_role("link")
    names = OFFERED[role].replace("My preferences", "My_preferences").replace("Failed calls", "Failed_calls").split()
    expect(links).to_have_text([name.replace("_", " ") for name in names])
    for name in names:
        links.get_by_text(name.replace("_", " "), exact=True).or_(
            page.get_by_role("link", name=name.replace("_", " "), exact=True)
        ).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name.replace("_", " "))
    if not names:
        expect(page.get_by_text("role does not offer this view")).to_be_visible()
    page.goto(f"{guarded.url}#/users")
    shown = "Users" if "Users" in names else "Not offered"
    expect(page.get_by_role("heading", level=1)).to_have_text(shown)
    expect(page.get_by_role("button", name="Add a user")).to_have_count(int(role == "ACCOUNT_ADMIN"))
    assert refused == []


def test_a_person_signs_in_works_and_signs_out(page: Page, guarded: Server) -> None:
    guarded.contact("Jane Roe", JANE)
    guarded.call("hers", STRANGER, "JOHN DOE", **ended())
    guarded.call("anothers", JANE, user="bob", **ended())
    key = key_of(guarded, "USER")
    sign_in(page, guarded, key, view="calls")
    expect(page.get_by_text("User, signed in until")).to_be_visible()
    expect(page.get_by_role("button", name="Change")).to_have_count(0)
    expect(page.get_by_role("table").get_by_role("link")).to_have_count(1)
    page.get_by_role("link", name="JOHN DOE").click()
    page.get_by_role("button", name="Create contact and log").click()
    badge(page, "Logged")
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert key not in stored
    assert "leadline_session" not in stored  # no script can read the cookie
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("leadline_session", True, "Strict")
    page.reload()
    badge(page, "Logged")  # the session goes on
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("JOHN DOE")).to_have_count(0)
    assert page.context.cookies() == []


def test_a_wrong_key_is_told_and_not_kept(page: Page, guarded: Server) -> None:
    page.goto(guarded.url)
    field = page.get_by_label("API key or JWT")
    field.fill("leadline_wrong")
    assert field.get_attribute("type") == "password"
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The credential is not accepted.")
    expect(field).to_have_value("")


def test_signing_out_everywhere_ends_the_other_browser_too(browser: Browser, guarded: Server) -> None:
    key = key_of(guarded, "USER")
    first, second = (browser.new_context(locale="en-US").new_page() for _ in range(2))
    for page in (first, second):
        sign_in(page, guarded, key)
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
    first.get_by_role("button", name="Sign out everywhere").click()
    expect(first.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(second.get_by_text("Your session has ended.")).to_be_visible()
    for page in (first, second):
        page.context.close()


def test_a_revoked_key_ends_the_session_at_once(page: Page, guarded: Server) -> None:
    issued = guarded.issue("USER", user_id="alice")
    sign_in(page, guarded, issued["secret"])
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    guarded.ask("leadline.admin.v1.KeyService/RevokeKey", key_id=issued["key"]["key_id"])
    expect(page.get_by_text("Your session has ended.")).to_be_visible()


@pytest.mark.parametrize("minutes", [0.3, 5])
def test_the_end_of_a_session_is_said_before_and_when_it_comes(page: Page, guarded: Server, minutes: float) -> None:
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    sign_in(page, guarded, key_of(guarded, "USER", expire_time=until.isoformat()))
    expect(page.get_by_text("Your session ends at")).to_be_visible()
    if minutes < 1:
        expect(page.get_by_text("Your session has ended.")).to_be_visible(timeout=60_000)


def test_another_session_in_another_tab_takes_this_one_over(page: Page, guarded: Server) -> None:
    sign_in(page, guarded, key_of(guarded, "USER"))
    other = page.context.new_page()
    other.goto(guarded.url)
    key = key_of(guarded, "AUDITOR")
    opened = other.evaluate(
        "(key) => fetch('/session', {method: 'POST', body: JSON.stringify({key})}).then((answer) => answer.status)", key
    )
    assert opened == 200
    page.get_by_role("link", name="Calls", exact=True).click()  # its requests have the first session's CSRF token
    expect(page.get_by_text("Auditor, signed in until")).to_be_visible()


def test_a_page_without_the_csrf_token_changes_nothing(page: Page, guarded: Server) -> None:
    sign_in(page, guarded, key_of(guarded, "ACCOUNT_ADMIN"))
    sent = "{method: 'POST', headers: {'content-type': 'application/json'}, body}"
    status = page.evaluate(
        f"([path, body]) => fetch(path, {sent}).then((answer) => answer.status)",
        ["/leadline.v1.DirectoryService/ListUsers", json.dumps({"account_id": "demo"})],
    )
    assert status == 401


def test_an_administrator_sees_the_connection_and_checks_it(page: Page, guarded: Server) -> None:
    sign_in(page, guarded, key_of(guarded, "ACCOUNT_ADMIN"), view="connection")
    expect(page.get_by_text("embedded").first).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("The CRM answers, and accepts leadline.")).to_be_visible()
    expect(page.locator("dl.facts .state")).to_have_text("Working")
    sign_out = page.get_by_role("button", name="Sign out", exact=True)
    sign_out.click()
    sign_in(page, guarded, key_of(guarded, "AUDITOR"), view="connection")
    expect(page.locator("dl.facts .state")).to_have_text("Working")
    expect(page.get_by_role("button", name="Check now")).to_have_count(0)
