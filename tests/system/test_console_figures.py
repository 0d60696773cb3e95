"""The page in figures: its weight, its start, how soon calls appear, and what large lists cost."""

import re
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from leadline.v1 import call_log_service_pb2 as pb
from playwright.sync_api import Browser, Page, expect
from support.servers import server_process
from system.people import JANE, Server, enter, ringing, settings

pytestmark = pytest.mark.system


def report(figures: str) -> None:
    """Show measured figures: pytest prints the log of a failed test, and of all with `-rA`."""
    structlog.get_logger().info(figures)


def test_the_page_is_light_and_quick(browser: Browser, server: Server) -> None:
    for slowdown, seconds in ((1, 1.0), (4, 3.0)):
        context = browser.new_context()
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        received: list[float] = []
        session.on(
            "Network.loadingFinished", lambda event, received=received: received.append(event["encodedDataLength"])
        )
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        page.goto(server.url)
        page.get_by_role("button", name="Show the calls").click(trial=True)
        # The page is drawn when it knows whether to ask for a sign-in, so people can use it from here on.
        ready = "performance.getEntriesByName(location.origin + '/session')[0].responseEnd"
        took = page.evaluate(ready) / 1000
        report(f"{slowdown}x slower: {took:.2f} s, {sum(received):,.0f} bytes")
        assert sum(received) < 150_000
        assert took < seconds
        context.close()


@contextmanager
def program_that_watches(address: str) -> Iterator[dict[str, float]]:
    """A Python program's watch. Yields the times at which it hears of each caller-ID name first, in milliseconds."""
    heard: dict[str, float] = {}
    with grpc.insecure_channel(address) as channel:
        path, read_as = "/leadline.v1.CallLogService/WatchCallLogs", pb.WatchCallLogsResponse.FromString
        watch: Any = channel.unary_stream(path, pb.WatchCallLogsRequest.SerializeToString, read_as)(
            pb.WatchCallLogsRequest(account_id="demo")
        )
        next(watch)  # it has begun

        def read() -> None:
            try:
                for message in watch:
                    heard.setdefault(message.call_log.call.caller.name, time.time() * 1000)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.CANCELLED:
                    raise

        reading = threading.Thread(target=read)
        reading.start()
        try:
            yield heard
        finally:
            watch.cancel()
            reading.join()


def call_often(server: Server, names: list[str], rate: int) -> None:
    """Report a ringing call of each name, so many a second."""
    began = time.monotonic()

    def call(number: int) -> None:
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        server.call(f"call-{number}", f"+1202555{1000 + number}", names[number], **ringing())

    with ThreadPoolExecutor(16) as callers:
        list(callers.map(call, range(len(names))))


@pytest.mark.parametrize("rate", [20, 200])
def test_pops_come_as_fast_as_to_a_program(page: Page, tmp_path: Path, rate: int) -> None:
    """20 calls a second: the pop is at most 150 ms (median) and 1 s (99%) behind a watching program. 200: reported."""
    data = tmp_path / "data"
    names = [f"CALLER {number:04d}" for number in range(10 * rate)]
    with server_process(data, settings=settings(data), has_addresses=True, has_data_dir=True) as process:
        server = Server(process.http_address)
        enter(page, server)
        page.evaluate(
            "() => { window.seen = {}; new MutationObserver(() => { const now = Date.now();"
            " for (const one of document.querySelectorAll('li.pop h2'))"
            " window.seen[one.textContent] ??= now; }).observe(document.body, {childList: true, subtree: true}) }"
        )
        with program_that_watches(process.address) as heard:
            began = time.monotonic()
            caller = threading.Thread(target=call_often, args=(server, names, rate))
            caller.start()
            while caller.is_alive():
                page.wait_for_timeout(100)
            took = time.monotonic() - began
            last = re.compile("|".join(names[-6:]))  # reports at one moment overtake each other
            expect(page.locator("li.pop h2").filter(has_text=last).first).to_be_visible()
            while len(heard) < len(names):
                page.wait_for_timeout(100)
        seen: dict[str, float] = page.evaluate("window.seen")
        behind = sorted(seen[name] - heard[name] for name in names if name in seen)
        late = behind[int(len(behind) * 0.99) - 1]
        report(
            f"{len(names) / took:.0f} calls/s, {len(behind)} of {len(names)} seen as pops:"
            f" median {statistics.median(behind):.0f} ms behind a program, 99% {late:.0f} ms"
        )
        if rate == 20:
            assert len(behind) >= 0.95 * len(names)  # of calls at the same moment only the newest ones fit on the page
            assert statistics.median(behind) < 150
            assert late < 1000


@pytest.mark.parametrize(("calls", "updates"), [(20_000, 1_000), pytest.param(100_000, 10_000, marks=pytest.mark.soak)])
def test_a_long_list_scrolls_without_pauses_and_keeps_its_memory(
    page: Page, tmp_path: Path, calls: int, updates: int
) -> None:
    """Thousands of calls: only the rows in sight are in the document, and updates leave nothing behind."""
    from system.long_ledger import fill

    data = tmp_path / "data"
    fill(data / "ledger.db", calls)
    with server_process(data, settings=settings(data), has_addresses=True, has_data_dir=True) as process:
        server = Server(process.http_address)
        enter(page, server, view="calls")
        page.evaluate(
            "() => { window.longest = 0; new PerformanceObserver((list) => { for (const one of list.getEntries())"
            " window.longest = Math.max(window.longest, one.duration) }).observe({type: 'longtask', buffered: false}) }"
        )
        body = page.locator(".table .body")
        shown = 0
        while shown < calls:
            body.evaluate("(element) => element.scrollTo(0, element.scrollHeight)")
            page.wait_for_timeout(20)  # the page is a person's: scroll, and see what has come
            shown = int(re.sub(r"\D", "", page.locator("main > p.line").first.inner_text().split("call")[0]) or 0)
        assert page.locator(".table .body .row").count() < 60
        report(f"longest task while {calls:,} calls were loaded: {page.evaluate('window.longest'):.0f} ms")
        assert page.evaluate("window.longest") <= 100
        session = page.context.new_cdp_session(page)
        before = heap(session)
        for number in range(updates):
            server.call(f"old-{number % 50}", JANE, note=f"Note {number}")
        server.call("the last one", JANE, **ringing())
        expect(page.locator("main > p.line").first).to_contain_text(f"{calls + 1:,} calls")
        after = heap(session)
        report(f"heap {before:,} -> {after:,} bytes after {updates:,} updates")
        assert after < 1.1 * before


def heap(session: Any) -> int:
    """The bytes of JavaScript objects that are in use."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    return int(session.send("Runtime.getHeapUsage")["usedSize"])
