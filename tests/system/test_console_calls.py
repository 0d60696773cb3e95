"""The page for people in a real browser: a call rings, and a person makes of it what the CRM shall have."""

import re
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, expect
from support.servers import leadline, server_process
from system.people import JANE, OTHER, SHARED, STRANGER, Server, badge, ended, enter, ringing, settings, show

pytestmark = pytest.mark.system

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "Roe \u202eenaJ\u202c",
    "x" * 1024,
]


def test_first_use_takes_under_a_minute_without_reading_anything(page: Page, tmp_path: Path) -> None:
    began = time.monotonic()
    data = tmp_path / "data"
    with server_process(data, settings=settings(data), has_addresses=True, has_data_dir=True) as process:
        server = Server(process.http_address)
        enter(page, server)
        expect(page.get_by_text("leadline ring")).to_be_visible()
        rung = leadline(
            "ring", "--seconds", "0", "--via", "http", "--http", server.url.rstrip("/"), "--server", process.address
        )
        assert rung.returncode == 0, rung.stderr
        page.get_by_role("link", name="RING TEST").click()
        page.get_by_role("button", name="Create contact and log").click()
        badge(page, "Logged")
        assert server.contacts_of("+12025550123") == ["RING TEST"]
    assert time.monotonic() - began < 60


def test_a_call_appears_by_itself_and_says_who_it_is(page: Page, server: Server) -> None:
    server.contact("Jane Roe", JANE, company="Roe Ltd")
    server.call("before", JANE, **ended())
    enter(page, server)
    server.call("rings", JANE, "ROE JANE", **ringing())
    pop = page.locator("li.pop.running")
    expect(pop.get_by_role("link", name="Jane Roe")).to_be_visible()
    expect(pop).to_contain_text("Roe Ltd")
    expect(pop.get_by_text("Last calls")).to_be_visible()
    expect(page.get_by_text("Call with Jane Roe")).to_be_visible()  # said to screen readers
    assert page.evaluate("document.activeElement.tagName") == "BODY"  # a pop takes no focus
    server.call("rings", JANE, **ended(0))
    expect(page.locator("li.pop.running")).to_have_count(0)


def test_a_stranger_becomes_a_contact_and_the_call_and_his_other_calls_are_logged(page: Page, server: Server) -> None:
    for call_id in ("first", "second", "third"):
        assert server.call(call_id, STRANGER, "JOHN DOE", **ended())["state"] == "CALL_LOG_STATE_UNLOGGED"
    enter(page, server, view="calls/second")
    badge(page, "Unlogged")
    create = page.locator("section", has=page.get_by_role("heading", name="Create contact"))
    expect(create.get_by_label("Name")).to_have_value("JOHN DOE")
    expect(create.get_by_label("Phone number")).to_have_value(STRANGER)
    create.get_by_label("Name").fill("John Doe")
    create.get_by_label("Company").fill("Doe & Sons")
    create.get_by_role("button", name="Create contact and log").click()
    badge(page, "Logged")
    page.get_by_role("button", name="Log all of them against John Doe").click()
    expect(page.get_by_text("2 calls logged.")).to_be_visible()
    assert {server.log(call_id)["contact"]["name"] for call_id in ("first", "second", "third")} == {"John Doe"}
    assert server.contacts_of(STRANGER) == ["John Doe"]


def test_no_number_and_no_name_is_in_an_address(page: Page, server: Server) -> None:
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("framenavigated", lambda frame: addresses.append(frame.url))
    server.contact("Jane Roe", JANE)
    server.call("known", JANE, "ROE JANE", **ended())
    server.call("stranger", STRANGER, "JOHN DOE", **ended())
    enter(page, server, view="calls/stranger")
    page.get_by_role("button", name="Create contact and log").click()
    badge(page, "Logged")
    show(page, server, "calls")
    page.get_by_label("Phone number").fill(JANE)
    page.get_by_label("Phone number").press("Enter")
    page.get_by_role("link", name="Jane Roe").first.click()
    badge(page, "Logged")
    said = "".join(unquote(address) for address in [*addresses, page.url]).lower()
    assert "calls/known" in said
    assert not [text for text in (JANE[2:], STRANGER[2:], "jane", "roe", "john", "doe") if text in said]


def test_a_candidate_is_chosen_among_several(page: Page, server: Server) -> None:
    server.contact("Ann Poe", SHARED)
    bob = server.contact("Bob Poe", SHARED)
    server.call("shared", SHARED, **ended())
    enter(page, server, view="calls/shared")
    page.get_by_role("button", name="Log against this contact Bob Poe").click()
    badge(page, "Logged")
    assert server.log("shared")["contact"]["id"] == bob


def test_a_contact_is_found_by_name_and_a_log_moves_after_a_confirmation(page: Page, server: Server) -> None:
    server.contact("Jane Roe", JANE)
    ann = server.contact("Ann Poe", SHARED)
    server.call("moves", JANE, **ended())
    enter(page, server, view="calls/moves")
    badge(page, "Logged")
    page.get_by_role("button", name="Move to another contact").click()
    search = page.locator("section", has=page.get_by_role("heading", name="Search for a contact"))
    search.get_by_label("Name").fill("poe")
    search.get_by_role("button", name="Search").click()
    search.get_by_role("button", name="Log against this contact Ann Poe").click()
    assert server.log("moves")["contact"]["name"] == "Jane Roe"  # not before the person has confirmed
    page.get_by_role("button", name="Move it").click()
    expect(page.get_by_text("Moved to Ann Poe.")).to_be_visible()
    assert server.log("moves")["contact"]["id"] == ann


def test_a_duplicate_is_told_and_the_contact_that_exists_can_be_used(page: Page, server: Server) -> None:
    server.call("late", STRANGER, "JOHN DOE", **ended())
    john = server.contact("John Doe", STRANGER)  # after the call was decided
    enter(page, server, view="calls/late")
    page.get_by_role("button", name="Create contact and log").click()
    expect(page.get_by_text("This number has a contact already.")).to_be_visible()
    page.get_by_role("button", name="Log against this contact John Doe").click()
    badge(page, "Logged")
    assert server.log("late")["contact"]["id"] == john
    assert server.contacts_of(STRANGER) == ["John Doe"]


def test_a_note_and_a_disposition_are_saved(page: Page, server: Server) -> None:
    server.contact("Jane Roe", JANE)
    server.call("noted", JANE, **ended())
    enter(page, server, view="calls/noted")
    page.get_by_label("Note").fill("Wants an offer.\nCall back on Friday.")
    page.get_by_label("Disposition").fill("Interested")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    call = server.log("noted")["call"]
    assert (call["note"], call["disposition"]) == ("Wants an offer.\nCall back on Friday.", "Interested")


def test_two_people_on_one_call_make_one_contact_and_one_log(browser: Browser, server: Server) -> None:
    server.call("both", STRANGER, "JOHN DOE", **ended())
    contexts = [browser.new_context() for _ in range(2)]
    pages = [context.new_page() for context in contexts]
    for page in pages:
        enter(page, server, view="calls/both")
        badge(page, "Unlogged")
    button = "[...document.querySelectorAll('button')].find((one) => one.textContent == 'Create contact and log')"
    for page in pages:  # neither waits for the other; the button goes as soon as the call is logged
        page.evaluate(f"{button}?.click()")
    for page in pages:  # the slower one is told, and sees the log of the other
        badge(page, "Logged")
    assert server.contacts_of(STRANGER) == ["JOHN DOE"]
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_text(page: Page, server: Server, name: str) -> None:
    shown = name[:256]
    server.contact(shown, JANE, company=shown)
    server.call("hostile", STRANGER, shown, **ended())
    server.call("known", JANE, shown, **ended())
    enter(page, server)
    for view in ("now", "calls", "calls/hostile", "calls/known", "counts"):
        show(page, server, view)
        expect(page.locator("img, script:not([src])")).to_have_count(0)
    show(page, server, "calls/known")
    visible = re.sub("[\u202a-\u202e]", "", shown)
    heading = page.get_by_role("heading", level=1).inner_text()
    assert re.sub("[\u202a-\u202e]", "", heading) == visible


def test_what_was_typed_stays_when_the_server_restarts_and_nothing_is_missed(page: Page, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with server_process(data, settings=settings(data), has_addresses=True, has_data_dir=True) as process:
        server = Server(process.http_address)
        server.call("typed", STRANGER, "JOHN DOE", **ended())
        enter(page, server, view="calls/typed")
        page.get_by_label("Note").fill("Half a sentence")
        process.kill()
        expect(page.get_by_text("The server does not answer. Trying again")).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("What you typed is still here.")).to_be_visible()
    with server_process(data, settings=settings(data, server.address), has_addresses=True, has_data_dir=True):
        server.call("typed", STRANGER, disposition="Changed meanwhile")  # perhaps before the page is back
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        expect(page.locator("dl.facts")).to_contain_text("Changed meanwhile")
        expect(page.get_by_label("Note")).to_have_value("Half a sentence")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        assert server.log("typed")["call"]["note"] == "Half a sentence"


def test_the_list_filters_and_follows_changes(page: Page, server: Server) -> None:
    server.contact("Jane Roe", JANE)
    server.call("known", JANE, **ended(300))
    server.call("stranger", STRANGER, "JOHN DOE", **ended(200))
    enter(page, server, view="calls")
    rows = page.get_by_role("table").get_by_role("link")
    expect(rows).to_have_count(2)
    page.get_by_label("State").select_option("Unlogged")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("JOHN DOE")
    server.call("more", OTHER, "ANN POE", **ended(100))
    expect(rows).to_have_count(2)
    page.get_by_label("State").select_option("All")
    page.get_by_label("Phone number").fill("(202) 555-0101")
    page.get_by_role("button", name="Search").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Jane Roe")
    server.call("again", JANE, **ended(50))
    expect(rows).to_have_count(2)
    page.get_by_label("Phone number").fill("")
    page.get_by_role("button", name="Search").click()
    page.get_by_label("Direction").select_option("Outbound")
    expect(page.get_by_text("No calls here.")).to_be_visible()
