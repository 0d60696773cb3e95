"""OAuth tokens when something goes wrong: other processes, a ledger that fails, an endpoint that says little."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from leadline_server.crm.toolkit import HttpClient
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmUnavailable
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ports.ledger import TokenStore
from support.oauth import Bench, bearer, open_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as opened:
        yield opened


async def test_what_another_process_has_got_meanwhile_is_taken_over(bench: Bench) -> None:
    one, other = bench.authorizer(), bench.authorizer()
    assert await bearer(one) == await bearer(other) == "Bearer a1"
    bench.clock.time += timedelta(hours=2)
    assert await bearer(one) == "Bearer a2"
    assert await bearer(other) == "Bearer a2"
    assert len(bench.issuer.asked) == 2


async def test_a_token_that_was_replaced_already_is_not_replaced_again(bench: Bench) -> None:
    authorizer = bench.authorizer()
    refused = await authorizer.headers()
    assert await authorizer.renew(refused)
    assert await authorizer.renew(refused)
    assert await bearer(authorizer) == "Bearer a2"
    assert len(bench.issuer.asked) == 2


async def test_a_refresh_that_failed_leaves_the_next_process_its_turn(bench: Bench) -> None:
    bench.issuer.answer = lambda: web.Response(status=500)
    with pytest.raises(CrmUnavailable):
        await bench.authorizer().headers()
    bench.issuer.answer = None
    async with asyncio.timeout(5):  # the clock stands still, so a lease would never end
        assert await bearer(bench.authorizer()) == "Bearer a2"


async def test_a_refresh_token_that_is_not_sent_anew_stays_good(bench: Bench) -> None:
    bench.issuer.answer = lambda: web.json_response({"access_token": "a", "expires_in": 60})
    await bearer(bench.authorizer())
    bench.clock.time += timedelta(hours=1)
    await bearer(bench.authorizer())
    assert [form["refresh_token"] for form in bench.issuer.asked] == ["r0", "r0"]


async def test_whose_refresh_is_cancelled_can_refresh_again(bench: Bench) -> None:
    authorizer = bench.authorizer(refresh_token="")
    bench.issuer.gate = asyncio.Event()
    waiting = asyncio.create_task(bearer(authorizer))
    while not bench.issuer.asked:
        await asyncio.sleep(0)
    [refresh] = [task for task in asyncio.all_tasks() if "OAuthAuthorizer._refresh" in repr(task.get_coro())]
    refresh.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bench.issuer.gate.set()
    async with asyncio.timeout(5):
        assert (await bearer(authorizer)).startswith("Bearer a")


class Unreadable:
    """A store that cannot be read for a while."""

    def __init__(self, inner: TokenStore) -> None:
        self._inner = inner
        self.is_down = True
        self.acquire, self.put, self.release = inner.acquire, inner.put, inner.release

    async def get(self, connection: str) -> bytes | None:
        if self.is_down:
            raise LedgerUnavailable("The disk is gone.")
        return await self._inner.get(connection)


async def test_tokens_that_cannot_be_read_are_not_got_anew(bench: Bench) -> None:
    store = Unreadable(bench.store)
    authorizer = bench.authorizer(store)
    with pytest.raises(CrmUnavailable) as caught:
        await authorizer.headers()
    assert caught.value.retry_after == 1
    assert bench.issuer.asked == []  # the stored refresh token may be the only valid one
    store.is_down = False
    assert await bearer(authorizer) == "Bearer a1"


@pytest.mark.parametrize("document", [b"not JSON", b'{"seed": 7}', b"[]"])
async def test_a_stored_document_that_says_nothing_is_replaced(bench: Bench, document: bytes) -> None:
    await bench.store.put("sales", "somebody", document)
    assert await bearer(bench.authorizer()) == "Bearer a1"


@pytest.mark.parametrize("life", ["an hour", None])
async def test_a_life_that_is_not_told_is_an_hour(bench: Bench, life: Any) -> None:
    bench.issuer.life = life
    authorizer = bench.authorizer()
    assert await bearer(authorizer) == "Bearer a1"
    bench.clock.time += timedelta(seconds=3600 - 61)
    assert await bearer(authorizer) == "Bearer a1"
    bench.clock.time += timedelta(seconds=2)
    assert await bearer(authorizer) == "Bearer a2"


async def test_nothing_that_is_secret_is_shown_though_the_crm_repeats_it(bench: Bench) -> None:
    authorizer = bench.authorizer()
    await authorizer.headers()
    assert {"a1", "r1", "hush", "r0"} <= set(authorizer.secrets)
    bench.issuer.answer = lambda: web.json_response({"error": "r0 hush", "error_description": "r1 hush"}, status=400)
    with pytest.raises(CrmAuthFailed) as caught:
        await authorizer.renew(await authorizer.headers())
    assert str(caught.value) == "The CRM refuses leadline's credentials and grants no token: it does not say why."


async def test_the_secret_stands_where_the_crm_wants_it_and_nowhere_else(bench: Bench) -> None:
    seen: list[str | None] = []

    def answer() -> web.Response:
        seen.append(bench.issuer.headers.get("Authorization"))
        return web.json_response({"access_token": "c"})

    bench.issuer.answer = answer
    await bearer(bench.authorizer(client_in="header", client_id="lead", client_secret="líne"))
    await bearer(bench.authorizer(client_secret="", extra={"audience": "crm"}, refresh_token="other"))
    assert seen == ["Basic bGVhZDpsw61uZQ==", None]
    assert bench.issuer.asked[0] == {"grant_type": "refresh_token", "refresh_token": "r0"}
    assert bench.issuer.asked[1] == {
        "grant_type": "refresh_token",
        "refresh_token": "other",
        "client_id": "leadline",
        "audience": "crm",
    }


async def test_a_scheme_of_the_crms_own_is_used(bench: Bench) -> None:
    assert await bearer(bench.authorizer(scheme="Zoho-oauthtoken")) == "Zoho-oauthtoken a1"


async def test_a_request_whose_new_token_is_refused_too_is_sent_no_third_time(bench: Bench) -> None:
    client = HttpClient(bench.session, bench.url, bench.authorizer())
    await client.ask("GET", "/contacts")
    bench.issuer.access_token = "nobody's"
    bench.issuer.answer = lambda: web.json_response({"access_token": "of no use", "expires_in": 60})
    with pytest.raises(CrmAuthFailed):
        await client.tell("POST", "/contacts")
    assert bench.issuer.requests == ["/contacts", "/contacts", "/contacts"]
