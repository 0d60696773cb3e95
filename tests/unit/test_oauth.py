"""OAuth tokens: one refresh for all, new refresh tokens on disk before they are used, and no secret in an error."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.oauth import oauth_authorizer
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmUnavailable
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import TokenStore
from support.oauth import NAME, Bench, bearer, open_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as opened:
        yield opened


async def test_all_who_need_a_token_at_once_share_one_refresh(bench: Bench) -> None:
    authorizer = bench.authorizer()
    assert set(await asyncio.gather(*(bearer(authorizer) for _ in range(50)))) == {"Bearer a1"}
    assert len(bench.issuer.asked) == 1


async def test_a_token_is_replaced_before_it_ends_and_not_earlier(bench: Bench) -> None:
    authorizer = bench.authorizer()
    await bearer(authorizer)
    bench.clock.time += timedelta(seconds=3600 - 61)
    assert await bearer(authorizer) == "Bearer a1"
    bench.clock.time += timedelta(seconds=2)
    assert await bearer(authorizer) == "Bearer a2"
    assert [form["refresh_token"] for form in bench.issuer.asked] == ["r0", "r1"]


async def test_a_rotated_refresh_token_survives_a_restart(bench: Bench) -> None:
    await bearer(bench.authorizer())
    bench.clock.time += timedelta(hours=2)
    assert await bearer(bench.authorizer()) == "Bearer a2"
    assert bench.issuer.asked[-1]["refresh_token"] == "r1"


async def test_a_token_that_is_still_good_survives_a_restart(bench: Bench) -> None:
    await bearer(bench.authorizer())
    assert await bearer(bench.authorizer()) == "Bearer a1"
    assert len(bench.issuer.asked) == 1


async def test_a_new_grant_of_the_administrator_beats_what_is_stored(bench: Bench) -> None:
    await bearer(bench.authorizer())
    bench.issuer.refresh_token = "granted anew"
    assert await bearer(bench.authorizer(refresh_token="granted anew")) == "Bearer a2"


async def test_processes_that_share_a_store_refresh_once(bench: Bench) -> None:
    bench.issuer.gate = asyncio.Event()
    waiting = [asyncio.create_task(bearer(bench.authorizer())) for _ in range(4)]
    while not bench.issuer.asked:
        await asyncio.sleep(0)
    bench.issuer.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"Bearer a1"}
    assert len(bench.issuer.asked) == 1


async def test_a_process_that_died_while_refreshing_is_waited_for_no_longer_than_its_lease(bench: Bench) -> None:
    now = bench.clock.now()
    assert await bench.store.acquire("sales", "the dead", now, now + timedelta(seconds=30))
    waiting = asyncio.create_task(bearer(bench.authorizer()))
    await asyncio.wait([waiting], timeout=0.3)
    assert not waiting.done()
    bench.clock.time += timedelta(seconds=30)
    assert await waiting == "Bearer a1"


class Full:
    """A store that cannot be written to for a while."""

    def __init__(self, inner: TokenStore) -> None:
        self._inner = inner
        self.is_full = True
        self.get, self.acquire, self.release = inner.get, inner.acquire, inner.release

    async def put(self, connection: str, owner: str, document: bytes) -> None:
        if self.is_full:
            raise LedgerUnavailable("No space.")
        await self._inner.put(connection, owner, document)


async def test_a_token_that_cannot_be_stored_is_not_used(bench: Bench) -> None:
    store = Full(bench.store)
    authorizer = bench.authorizer(store)
    with pytest.raises(CrmUnavailable):
        await authorizer.headers()
    assert await bench.store.get("sales") is None
    store.is_full = False
    # The rotated token is still in memory: without it the connection would be lost.
    assert await bearer(authorizer) == "Bearer a1"


async def test_whoever_is_cancelled_leaves_the_refresh_to_the_others(bench: Bench) -> None:
    authorizer = bench.authorizer()
    bench.issuer.gate = asyncio.Event()
    first, second = (asyncio.create_task(bearer(authorizer)) for _ in range(2))
    while not bench.issuer.asked:
        await asyncio.sleep(0)
    first.cancel()
    bench.issuer.gate.set()
    assert await second == "Bearer a1"


async def test_a_connection_that_is_closed_while_it_refreshes_loses_no_rotated_token(bench: Bench) -> None:
    bench.issuer.gate = asyncio.Event()
    async with bench.adapter_context() as context:
        waiting = asyncio.create_task(bearer(oauth_authorizer(bench.grant(), context)))
        while not bench.issuer.asked:
            await asyncio.sleep(0)
        waiting.cancel()
        asyncio.get_running_loop().call_later(0.05, bench.issuer.gate.set)
    assert await bench.store.get(NAME) is not None
    assert await bearer(bench.authorizer()) == "Bearer a1"
    assert len(bench.issuer.asked) == 1


async def test_a_closing_connection_waits_no_longer_than_a_refresh_may_take(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.crm.toolkit.oauth._LONGEST_SECONDS", 0.05)
    bench.issuer.gate = asyncio.Event()
    authorizer = bench.authorizer()
    waiting = asyncio.create_task(bearer(authorizer))
    while not bench.issuer.asked:
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await authorizer.close()
    await asyncio.wait([waiting], timeout=5)
    assert waiting.cancelled()


async def test_a_refused_token_is_replaced_once_and_the_request_sent_again(bench: Bench) -> None:
    authorizer = bench.authorizer()
    client = HttpClient(bench.session, bench.url, authorizer)
    await client.tell("POST", "/contacts")
    bench.issuer.access_token = "revoked, another one is good"
    bench.issuer.answer = lambda: web.json_response({"access_token": "of no use", "expires_in": 60})
    with pytest.raises(CrmAuthFailed):
        await client.tell("POST", "/contacts")
    bench.issuer.answer = None
    bench.issuer.refresh_token = "r1"
    await asyncio.gather(*(client.tell("POST", "/contacts") for _ in range(8)))
    assert len(bench.issuer.asked) == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, {"error": "invalid_grant"}), (401, {"error": "invalid_client"}), (200, {"error": "invalid_code"})],
)
async def test_a_grant_that_is_refused_is_the_administrators_affair(bench: Bench, status: int, body: Any) -> None:
    bench.issuer.answer = lambda: web.json_response(body, status=status)
    with pytest.raises(CrmAuthFailed) as caught:
        await bench.authorizer().headers()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=500),
        lambda: web.Response(status=302, headers={"Location": "/elsewhere"}),
        lambda: web.Response(text="<html>"),
        lambda: web.json_response({"token": "no such field"}),
    ],
)
async def test_an_endpoint_that_fails_is_tried_again(bench: Bench, answer: Callable[[], web.Response]) -> None:
    bench.issuer.answer = answer
    authorizer = bench.authorizer()
    with pytest.raises(CrmUnavailable):
        await authorizer.headers()
    bench.issuer.answer = None
    assert (await bearer(authorizer)).startswith("Bearer a")


async def test_client_credentials_need_no_refresh_token(bench: Bench) -> None:
    bench.issuer.answer = lambda: web.json_response({"access_token": "c", "expires_in": "120"})
    authorizer = bench.authorizer(refresh_token="", scope="crm", client_in="header")
    assert await bearer(authorizer) == "Bearer c"
    assert bench.issuer.asked == [{"grant_type": "client_credentials", "scope": "crm"}]
    bench.clock.time += timedelta(seconds=97)
    await bearer(authorizer)
    assert [form["grant_type"] for form in bench.issuer.asked] == ["client_credentials"] * 2


async def test_a_copy_of_the_ledger_tells_no_token(bench: Bench, tmp_path: Path) -> None:
    await bearer(bench.authorizer())
    kept = b"".join([(tmp_path / name).read_bytes() for name in ("ledger.db", "ledger.db-wal")])
    assert b"sales" in kept
    assert b'"a1"' not in kept
    assert b'"r1"' not in kept
