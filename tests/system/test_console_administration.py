"""The page for people in a real browser: preferences, and what administrators do."""

from pathlib import Path

import pytest
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import fake_process
from playwright.sync_api import Page, expect
from support.servers import server_process
from system.people import JANE, STRANGER, Server, ended, enter, settings, show

pytestmark = pytest.mark.system


def test_a_user_sees_where_each_preference_comes_from_and_changes_his_own(page: Page, server: Server) -> None:
    enter(page, server, user="alice", view="preferences")
    unknown = page.get_by_label("When no contact has the number")
    expect(page.get_by_text("In force: Leave the call unlogged (built in).").first).to_be_visible()
    unknown.select_option("Create a placeholder contact")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("In force: Create a placeholder contact (your own).")).to_be_visible()
    assert server.call("new", STRANGER, "JOHN DOE", **ended())["state"] == "CALL_LOG_STATE_LOGGED"
    unknown.select_option("Inherited")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("In force: Create a placeholder contact")).to_have_count(0)


def test_an_administrator_sets_defaults_and_locks_that_users_see(page: Page, server: Server) -> None:
    enter(page, server, user="alice", view="account")
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("time_zone")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Own numbers").fill("+12025550100\n+12025550109")
    page.get_by_label("Log internal calls", exact=True).select_option("Yes")
    page.get_by_label("Users cannot change this Log internal calls").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    stored = server.ask("PreferencesService/GetAccountSettings")["settings"]
    assert (stored["time_zone"], stored["own_numbers"]) == ("Europe/Berlin", ["+12025550100", "+12025550109"])
    assert (stored["defaults"]["log_internal_calls"], stored["locked"]) == (True, ["log_internal_calls"])
    show(page, server, "preferences")
    expect(page.get_by_label("Log internal calls", exact=True)).to_be_disabled()
    expect(page.get_by_text("Locked by the administrator. In force: Yes (from the account).")).to_be_visible()


def test_the_directory_is_kept_on_the_page(page: Page, server: Server) -> None:
    enter(page, server, view="users")
    page.get_by_role("button", name="Add a user").click()
    page.get_by_label("User", exact=True).fill("bob")
    page.get_by_label("Name").fill("Bob Poe")
    page.get_by_label("Extensions").fill("102, 103")
    page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name="bob")
    expect(row).to_contain_text("102, 103")
    row.get_by_role("button", name="Edit").click()
    page.get_by_label("Active").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("inactive")
    page.get_by_role("button", name="Add a user").click()
    page.get_by_label("User", exact=True).fill("ann")
    page.get_by_label("Extensions").fill("102")  # it is Bob's
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    row.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Delete this user").click()
    expect(page.get_by_text("The directory has no users yet.")).to_be_visible()


def test_placeholders_and_counts_are_shown(page: Page, server: Server) -> None:
    server.ask(
        "PreferencesService/UpdateAccountSettings",
        settings={"defaults": {"unknown_contact_action": "UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER"}},
    )
    server.contact("Jane Roe", JANE)
    server.call("known", JANE, **ended())
    server.call("new", STRANGER, "JOHN DOE", **ended())
    enter(page, server, view="placeholders")
    expect(page.get_by_role("listitem").filter(has_text=STRANGER)).to_contain_text("JOHN DOE")
    show(page, server, "counts")
    expect(page.get_by_role("row", name="Logged: A placeholder was created")).to_contain_text("1")
    expect(page.get_by_role("row", name="alice")).to_contain_text("2")
    expect(page.get_by_text("1 (50 %)").first).to_be_visible()
    show(page, server, "status")
    expect(page.get_by_text("Stream of changes")).to_be_visible()


def test_failed_calls_have_the_crms_words_and_are_retried_together(page: Page, tmp_path: Path) -> None:
    data, table = tmp_path / "data", tmp_path / "leadline.toml"
    with fake_process("hubspot", tmp_path / "crm") as crm:
        crm.control("POST", "/people", [{"firstname": "Jane", "lastname": "Roe", "phone": JANE}])
        table.write_text(
            f'[connections.sales]\nadapter = "hubspot"\napi_url = "{crm.url}"\ntoken = "{GOOD_TOKEN}"\n'
            '[accounts.demo]\nconnection = "sales"\n'
        )
        chosen = {**settings(data), "LEADLINE_CONFIG": str(table)}
        with server_process(data, settings=chosen, has_addresses=True, has_data_dir=True) as process:
            server = Server(process.http_address)
            crm.misbehave(mode="unprocessable", only="writes", path="calls")
            for call_id in ("one", "two"):
                assert server.call(call_id, JANE, **ended())["state"] == "CALL_LOG_STATE_FAILED"
            enter(page, server, view="failed")
            expect(page.get_by_text("Property values were not valid")).to_have_count(2)
            crm.recover()
            page.get_by_role("button", name="Choose all").click()
            page.get_by_role("button", name="Try 2 calls again").click()
            expect(page.get_by_text("No failed calls.")).to_be_visible()
            show(page, server, "calls")
            expect(page.get_by_role("table").locator(".state.logged")).to_have_count(2, timeout=30_000)
