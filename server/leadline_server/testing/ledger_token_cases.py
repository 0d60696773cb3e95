"""The obligations of ports.ledger.TokenStore, as tests."""

import asyncio
from datetime import timedelta
from typing import Final

from leadline_server.ports.ledger import Ledger
from leadline_server.testing.ledger_samples import NOW, OpenLedger

_SOON: Final = NOW + timedelta(seconds=30)


class TokenCases:
    """OAuth tokens, and the lease to refresh them."""

    async def test_a_connection_begins_without_a_document(self, ledger: Ledger) -> None:
        assert await ledger.tokens.get("sales") is None

    async def test_a_document_is_seen_by_other_processes(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as one, open_ledger() as other:
            await one.tokens.put("sales", "one", b"\x00first")
            await one.tokens.put("sales", "one", b"\x00second")
            await one.tokens.put("support", "one", b"another")
            assert await other.tokens.get("sales") == b"\x00second"

    async def test_one_owner_has_the_lease(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as one, open_ledger() as other:
            taken = await asyncio.gather(
                one.tokens.acquire("sales", "one", NOW, _SOON), other.tokens.acquire("sales", "other", NOW, _SOON)
            )
            assert sorted(taken) == [False, True]
            assert await other.tokens.acquire("support", "other", NOW, _SOON)

    async def test_an_owner_may_take_its_lease_again(self, ledger: Ledger) -> None:
        assert await ledger.tokens.acquire("sales", "one", NOW, _SOON)
        assert await ledger.tokens.acquire("sales", "one", NOW, _SOON)

    async def test_a_lease_runs_out(self, ledger: Ledger) -> None:
        assert await ledger.tokens.acquire("sales", "one", NOW, _SOON)
        assert not await ledger.tokens.acquire("sales", "other", _SOON - timedelta(microseconds=1), _SOON)
        assert await ledger.tokens.acquire("sales", "other", _SOON, _SOON + timedelta(seconds=30))

    async def test_putting_gives_the_owners_lease_up_and_no_others(self, ledger: Ledger) -> None:
        assert await ledger.tokens.acquire("sales", "one", NOW, _SOON)
        await ledger.tokens.put("sales", "other", b"by another")
        assert not await ledger.tokens.acquire("sales", "other", NOW, _SOON)
        await ledger.tokens.put("sales", "one", b"by the owner")
        assert await ledger.tokens.acquire("sales", "other", NOW, _SOON)
        assert await ledger.tokens.get("sales") == b"by the owner"

    async def test_a_lease_is_given_up_by_its_owner_alone(self, ledger: Ledger) -> None:
        await ledger.tokens.put("sales", "one", b"kept")
        assert await ledger.tokens.acquire("sales", "one", NOW, _SOON)
        await ledger.tokens.release("sales", "other")
        assert not await ledger.tokens.acquire("sales", "other", NOW, _SOON)
        await ledger.tokens.release("sales", "one")
        assert await ledger.tokens.acquire("sales", "other", NOW, _SOON)
        assert await ledger.tokens.get("sales") == b"kept"
