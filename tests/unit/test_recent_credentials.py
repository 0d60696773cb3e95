"""Headers that were accepted are compared, not hashed; a change of credentials makes the ledger be asked again."""
# ruff: noqa: SLF001 - the remembered credentials are seen nowhere else

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from leadline_server.auth import authenticator as module
from leadline_server.auth.attempts import FailedAttempts
from leadline_server.auth.authenticator import MOST_RECENT, MOST_RECENT_LENGTH, Authenticator
from leadline_server.auth.ledger_contact import LedgerContact
from leadline_server.domain.access.api_keys import PREFIX, key_digest
from leadline_server.domain.access.principals import ApiKey, Role
from leadline_server.domain.access_errors import Unauthenticated

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Keys:
    """The ledger's keys: all secrets are keys until they are revoked."""

    def __init__(self) -> None:
        self.number = 1
        self.revoked: set[bytes] = set()
        self.expire_time: datetime | None = None
        self.asked = 0

    def version(self) -> int:
        return self.number

    async def find(self, digest: bytes) -> ApiKey:
        self.asked += 1
        revoke_time = NOW if digest in self.revoked else None
        return ApiKey(
            key_id="0" * 16,
            digest=digest,
            role=Role.SERVICE,
            account_id="acme",
            create_time=NOW,
            expire_time=self.expire_time,
            revoke_time=revoke_time,
        )

    def revoke(self, secret: str) -> None:
        self.revoked.add(key_digest(secret))
        self.number += 1


class Call:
    """A call with headers of `authorization`."""

    def __init__(self, *headers: str) -> None:
        self.headers = headers

    def invocation_metadata(self) -> Any:
        return (("user-agent", "test"), *(("authorization", header) for header in self.headers))

    def peer(self) -> str:
        return "ipv4:192.0.2.1:5000"

    def auth_context(self) -> dict[str, list[bytes]]:
        return {}


class SameHash(str):
    """A text with the hash of another."""

    __slots__ = ("hash",)
    hash: int

    def __hash__(self) -> int:
        return self.hash


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys, self.hashed = Keys(), 0
        self.contact = LedgerContact(cast("Any", self.keys), lambda: 0.0)
        attempts = FailedAttempts(lambda: 0.0)
        self.authenticator = Authenticator(
            cast("Any", self.keys), None, attempts, self.contact, cast("Any", None), cast("Any", None), lambda: NOW
        )
        digest = module._digest

        def counted(header: str) -> bytes:
            self.hashed += 1
            return digest(header)

        monkeypatch.setattr(module, "_digest", counted)

    def at_once(self, *headers: str, now: float = 0.0) -> bool:
        return self.authenticator.at_once(Call(*headers), now) is not None

    def accept(self, header: str) -> None:
        asyncio.run(self.authenticator.authenticate(Call(header)))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def header_of(name: str) -> str:
    return f"Bearer {PREFIX}{name}"


def test_an_accepted_header_is_neither_hashed_nor_asked_for_again(bench: Bench) -> None:
    assert not bench.at_once(header_of("a"))
    bench.accept(header_of("a"))
    hashed, asked = bench.hashed, bench.keys.asked
    assert all(bench.at_once(header_of("a")) for _ in range(10))
    assert (bench.hashed, bench.keys.asked) == (hashed, asked)


def test_a_revoked_key_is_refused_at_its_next_request(bench: Bench) -> None:
    bench.accept(header_of("a"))
    assert bench.at_once(header_of("a"))
    bench.keys.revoke(f"{PREFIX}a")
    assert not bench.at_once(header_of("a"))
    with pytest.raises(Unauthenticated):
        bench.accept(header_of("a"))
    assert not bench.at_once(header_of("a"))


def test_a_key_that_stays_is_asked_for_once_after_another_was_revoked(bench: Bench) -> None:
    for name in "ab":
        bench.accept(header_of(name))
    bench.keys.revoke(f"{PREFIX}a")
    assert not bench.at_once(header_of("b"))
    bench.accept(header_of("b"))
    assert bench.at_once(header_of("b"))


def test_a_key_is_not_accepted_at_once_from_its_end_on(bench: Bench) -> None:
    bench.keys.expire_time = NOW + timedelta(seconds=5)
    bench.accept(header_of("a"))
    assert bench.at_once(header_of("a"), now=4.999)
    assert not bench.at_once(header_of("a"), now=5.0)


def test_a_header_with_the_hash_of_an_accepted_one_is_not_accepted(bench: Bench) -> None:
    bench.accept(header_of("a"))
    forged = SameHash(header_of("b"))
    forged.hash = hash(header_of("a"))
    assert not bench.at_once(forged)


def test_two_headers_are_never_accepted_at_once(bench: Bench) -> None:
    bench.accept(header_of("a"))
    assert not bench.at_once(header_of("a"), header_of("a"))


def test_recent_headers_are_bounded_in_number_and_length(bench: Bench) -> None:
    names = [str(index) for index in range(MOST_RECENT + 10)]
    for name in names:
        bench.accept(header_of(name))
    long = header_of("x" * MOST_RECENT_LENGTH)
    bench.accept(long)
    assert len(bench.authenticator._recent) <= MOST_RECENT
    assert all(len(header) <= MOST_RECENT_LENGTH for header in bench.authenticator._recent)
    assert all(bench.at_once(header_of(name)) for name in names)  # by their digests
    assert bench.at_once(long)


def test_no_header_is_shown(bench: Bench) -> None:
    bench.accept(header_of("planted"))
    assert bench.authenticator._recent
    assert "planted" not in repr(bench.authenticator._recent)


def test_nothing_is_accepted_at_once_while_the_ledger_is_lost(bench: Bench) -> None:
    bench.accept(header_of("a"))
    bench.contact.lost_at = -1.0
    assert not bench.at_once(header_of("a"))
