"""The page in a frame of another site: two real origins in a real browser, tokens, messages, and clickjacking."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.servers import server_process
from system.conftest import guarded_server
from system.embedding import answer_at_once, connect, is_live, other_site, said, send, show, token, wait_until_said
from system.people import JANE, OTHER, STRANGER, Server, ended, ringing, settings, sign_in

pytestmark = pytest.mark.system

BAIT = "+12025550192"


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with other_site() as served:
        yield served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, origin: str) -> Iterator[Server]:
    with guarded_server(tmp_path_factory.mktemp("embed"), LEADLINE_EMBED_ORIGINS=origin) as served:
        yield served


def test_a_frame_creates_a_contact_and_tells_the_page_around_it(page: Page, server: Server, origin: str) -> None:
    server.call("prompt-1", STRANGER, "JOHN DOE", **ended())
    given = token(server, origin)
    frame = show(page, origin, server, "prompt?call_id=prompt-1", token=given)
    is_live(frame)
    frame.get_by_role("button", name="Create contact and log").click()
    expect(frame.locator("dl.facts .state")).to_have_text("Logged")
    log = server.log("prompt-1")
    about = {"leadline": 1, "call_id": "prompt-1", "contact_id": log["contact"]["id"], "contact_url": ""}
    assert wait_until_said(page, "connected") == {
        "leadline": 1,
        "type": "connected",
        "account_id": "demo",
        "user_id": "alice",
    }
    assert wait_until_said(page, "call_opened")["call_id"] == "prompt-1"
    assert wait_until_said(page, "contact_created") == {"type": "contact_created", **about}
    logged = wait_until_said(page, "call_logged")
    assert logged == {"type": "call_logged", **about, "crm_log_id": log["crm_log_id"], "crm_log_url": ""}
    assert page.context.cookies() == []  # the token is in memory alone
    (inner,) = page.frames[1:]
    assert given not in inner.evaluate("JSON.stringify([location.href, window.name, document.body.outerHTML])")


def test_a_call_pops_in_a_frame_and_the_page_around_it_can_follow(page: Page, server: Server, origin: str) -> None:
    jane = server.contact("Jane Roe", JANE)
    frame = show(page, origin, server, "pop", token=token(server, origin))
    is_live(frame)
    server.call("others-ring", OTHER, "ANN POE", user="bob", **ringing())
    server.call("rings", JANE, "ROE JANE", **ringing())
    pop = wait_until_said(page, "screen_pop")
    assert (pop["call_id"], pop["contact_id"]) == ("rings", jane)
    frame.get_by_role("link", name="Jane Roe").click()
    assert wait_until_said(page, "call_opened")["call_id"] == "rings"
    frame.get_by_role("link", name="All calls").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Now")
    send(page, type="open_call", call_id="rings")
    assert wait_until_said(page, "call_opened", times=2)["call_id"] == "rings"
    frame.get_by_role("link", name="All calls").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Now")
    assert [one["call_id"] for one in said(page, "screen_pop")] == ["rings"]  # bob's call is not alice's


def test_the_page_around_opens_another_call(page: Page, server: Server, origin: str) -> None:
    server.call("opens-1", STRANGER, "FIRST CALLER", **ended())
    server.call("opens-2", OTHER, "SECOND CALLER", **ended())
    frame = show(page, origin, server, "prompt", token=token(server, origin))
    expect(frame.get_by_text("No call is open.")).to_be_visible()
    for call_id in ("opens-1", "opens-2"):
        send(page, type="open_call", call_id=call_id)
        assert wait_until_said(page, "call_opened", times=int(call_id[-1]))["call_id"] == call_id
    expect(frame.get_by_role("heading", level=1)).to_have_text("SECOND CALLER")


def test_a_call_can_be_opened_as_soon_as_the_frame_is_connected(page: Page, server: Server, origin: str) -> None:
    server.call("at-once", STRANGER, "FIRST CALLER", **ended())
    given = token(server, origin)
    for _ in range(5):
        page.goto(origin)
        answer_at_once(page, "connected", type="open_call", call_id="at-once")
        connect(page, server, "prompt", token=given)
        assert wait_until_said(page, "call_opened")["call_id"] == "at-once"


def test_a_token_is_renewed_and_what_was_typed_stays(page: Page, server: Server, origin: str) -> None:
    server.call("typed", JANE, **ended())
    until = datetime.now(UTC) + timedelta(seconds=25)
    short = server.issue("SERVICE", expire_time=until.isoformat())["secret"]
    given = token(Server(server.address, short), origin)
    frame = show(page, origin, server, "prompt?call_id=typed", token=given)
    is_live(frame)
    frame.get_by_label("Note").fill("Half a sentence")
    wait_until_said(page, "token_needed")  # a minute before the end, which is at once
    expect(frame.get_by_text("The sign-in has ended.")).to_be_visible(timeout=60_000)
    send(page, type="connect", token=given)
    assert wait_until_said(page, "refused")["reason"] == "UNAUTHENTICATED"
    send(page, type="connect", token=token(server, origin))
    is_live(frame)
    expect(frame.get_by_label("Note")).to_have_value("Half a sentence")
    frame.get_by_role("button", name="Save").click()
    expect(frame.get_by_text("Saved.")).to_be_visible()
    assert server.log("typed")["call"]["note"] == "Half a sentence"


def test_a_frame_listens_to_its_own_parent_alone(page: Page, server: Server, origin: str) -> None:
    frame = show(page, origin, server, "pop")
    waiting = frame.get_by_text("Waiting for the page around this one")
    expect(waiting).to_be_visible()
    given = token(server, origin)
    with other_site() as evil:  # a frame beside leadline's, which sends it a good token
        page.evaluate(
            "(url) => new Promise((done) => { const beside = document.createElement('iframe'); beside.onload = done;"
            " beside.src = url; document.body.append(beside) })",
            evil,
        )
        beside = next(frame for frame in page.frames if frame.url.startswith(evil))
        message = {"leadline": 1, "type": "connect", "token": given}
        beside.evaluate("(message) => parent.frames[0].postMessage(message, '*')", message)
    for broken in ({"type": "connect"}, {"leadline": 2, "type": "connect"}, {"leadline": 1}, None, "connect", [1]):
        page.evaluate("(message) => frame.contentWindow.postMessage(message, window.origin_)", broken)
    page.wait_for_timeout(500)  # nothing is to happen
    expect(waiting).to_be_visible()
    assert page.evaluate("said") == []
    send(page, type="connect", token="leadline-embed_forged")
    assert wait_until_said(page, "refused")["reason"] == "UNAUTHENTICATED"
    send(page, type="connect", token=given)
    is_live(frame)


@pytest.mark.parametrize("path", ["", "embed/pop", "embed/prompt?call_id=bait"])
def test_no_page_of_another_origin_can_show_it_and_have_it_clicked(browser: Browser, server: Server, path: str) -> None:
    """Clickjacking: a person who has a session is led to click on a frame that he does not recognise."""
    server.call("bait", BAIT, "JOHN DOE", **ended())
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, server, server.issue("USER", user_id="alice")["secret"])
    with other_site() as evil:
        page.goto(evil)
        page.evaluate("(url) => show(url, {type: 'connect'})", server.url + path)
        wait_until_blocked(page, server)
        for x in range(50, 700, 100):
            for y in range(100, 700, 60):
                page.mouse.click(x, y)
    assert server.log("bait")["state"] == "CALL_LOG_STATE_UNLOGGED"
    context.close()


def wait_until_blocked(page: Page, server: Server) -> None:
    """Wait until the frame has the browser's error page (frame-ancestors), or the server's 403 without a body."""
    for _ in range(600):
        if page.frames[1].url.startswith(("chrome-error:", server.url)):
            break
        page.wait_for_timeout(100)
    page.frames[1].wait_for_load_state()
    assert page.frames[1].url in ("chrome-error://chromewebdata/", server.url)
    assert page.frames[1].evaluate("document.querySelectorAll('#page, button, a[href^=\"#\"]').length") == 0


def test_the_page_for_a_window_of_its_own_stands_in_no_frame(browser: Browser, server: Server, origin: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(origin)
    page.evaluate("(url) => show(url)", server.url)
    wait_until_blocked(page, server)
    context.close()


def test_a_frame_outside_of_a_frame_says_so(page: Page, server: Server) -> None:
    page.goto(f"{server.url}embed/pop")
    expect(page.get_by_text("This address is for frames in other pages.")).to_be_visible()


def test_without_authentication_the_page_around_says_whose_calls(page: Page, tmp_path: Path, origin: str) -> None:
    data = tmp_path / "data"
    chosen = {**settings(data), "LEADLINE_EMBED_ORIGINS": origin}
    with server_process(data, settings=chosen, has_addresses=True, has_data_dir=True) as process:
        open_server = Server(process.http_address)
        open_server.call("open", STRANGER, "JOHN DOE", **ended())
        frame = show(page, origin, open_server, "pop", account_id="demo", user_id="alice")
        is_live(frame)
        expect(frame.get_by_role("link", name="JOHN DOE")).to_be_visible()
