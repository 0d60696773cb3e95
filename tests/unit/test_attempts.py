"""Failed attempts slow their peer alone; a lost ledger lets no one in; keys change by pure functions."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from leadline_server.auth import attempts as module
from leadline_server.auth import ledger_contact
from leadline_server.auth.attempts import FREE_ATTEMPTS, MOST_SECONDS, FailedAttempts
from leadline_server.auth.certificate_names import certificate_names
from leadline_server.auth.ledger_contact import LOST_SECONDS, LedgerContact
from leadline_server.domain.access.api_keys import certificate_digest, key_digest, key_id_of, new_key, new_key_id
from leadline_server.domain.access.key_changes import revoked, rotated
from leadline_server.domain.access.principals import ApiKey, Role
from leadline_server.domain.access_errors import KeyConflict, Unauthenticated
from leadline_server.domain.ledger_errors import LedgerUnavailable
from structlog.testing import capture_logs

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PEER = "ipv4:192.0.2.1:50000"


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Sleeps:
    """Stands in for asyncio.sleep: what it was asked for, and a wait that a test ends."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.goes_on.wait()


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> Sleeps:
    made = Sleeps()
    monkeypatch.setattr("leadline_server.auth.attempts.asyncio.sleep", made)
    return made


def failing(clock: Clock, times: int, peer: str = PEER) -> FailedAttempts:
    found = FailedAttempts(clock)
    for _ in range(times):
        found.failed(peer, "unknown")
    return found


async def test_a_peer_waits_longer_with_each_failure_and_others_not_at_all(sleeps: Sleeps) -> None:
    clock = Clock()
    attempts = failing(clock, FREE_ATTEMPTS)
    await attempts.pause(PEER)
    assert sleeps.asked == []
    for _ in range(10):
        attempts.failed(PEER, "unknown")
        await attempts.pause("ipv4:192.0.2.1:40000")  # another port is the same peer
        await attempts.pause("ipv4:192.0.2.2:50000")
    assert sleeps.asked == sorted(sleeps.asked)
    assert 0 < sleeps.asked[0] < 1
    assert sleeps.asked[-1] == MOST_SECONDS
    assert len(sleeps.asked) == 10
    clock.time += 60
    await attempts.pause(PEER)
    assert len(sleeps.asked) == 10
    assert attempts.counts["unknown"] == FREE_ATTEMPTS + 10


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ipv4:192.0.2.1:1", "192.0.2.1:2", True),
        ("ipv6:%5B2001:db8::1%5D:1", "2001:db8::2:2", True),
        ("ipv6:%5B2001:db8::1%5D:1", "ipv6:%5B2001:db8:0:1::1%5D:1", False),
        ("unix:", "ipv4:192.0.2.1:1", False),
    ],
)
async def test_who_counts_as_one_peer(sleeps: Sleeps, one: str, other: str, same: bool) -> None:  # noqa: FBT001
    attempts = failing(Clock(), 20, one)
    await attempts.pause(other)
    assert bool(sleeps.asked) is same


async def test_many_waiting_attempts_are_refused_unheard(sleeps: Sleeps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    attempts = failing(Clock(), 20)
    sleeps.goes_on.clear()
    waiting = [asyncio.create_task(attempts.pause(PEER)) for _ in range(2)]
    while len(sleeps.asked) < 2:
        await asyncio.wait(waiting, timeout=0.01)
    with pytest.raises(Unauthenticated):
        await attempts.pause(PEER)
    sleeps.goes_on.set()
    await asyncio.gather(*waiting)
    await attempts.pause(PEER)


def test_remembered_peers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PEERS", 3)
    attempts = FailedAttempts(Clock())
    for number in range(10):
        attempts.failed(f"ipv4:192.0.2.{number}:1", "missing")
    assert len(attempts._peers) == 3  # noqa: SLF001 - nothing else tells


def test_attempts_with_a_keys_id_raise_an_alarm_once_a_minute() -> None:
    clock = Clock()
    attempts = FailedAttempts(clock)
    with capture_logs() as logs:
        for _ in range(5):
            attempts.failed(PEER, "unknown", "00000000000000aa")
        clock.time += 61
        attempts.failed(PEER, "unknown", "00000000000000aa")
        attempts.failed(PEER, "unknown")
    assert [(line["log_level"], line["key_id"]) for line in logs] == [("warning", "00000000000000aa")] * 2


async def test_a_ledger_that_is_lost_for_ten_seconds_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_contact, "_ASK_SECONDS", 0.001)
    clock, fails, asked = Clock(), False, asyncio.Event()

    class Ledger:
        async def reach(self) -> None:
            asked.set()
            if fails:
                raise LedgerUnavailable("gone")

    contact = LedgerContact(cast("Any", Ledger()), clock)
    task = asyncio.create_task(contact.run())
    await asked.wait()
    contact.check()
    fails = True
    clock.time += LOST_SECONDS
    contact.check()
    clock.time += 0.1
    with pytest.raises(LedgerUnavailable):
        contact.check()
    fails = False
    async with asyncio.timeout(5):
        while True:
            try:
                contact.check()
                break
            except LedgerUnavailable:
                await asyncio.sleep(0.001)
    task.cancel()


def key(**changes: Any) -> ApiKey:
    made = ApiKey(key_id="a", digest=b"a", role=Role.SERVICE, account_id="acme", family="a", create_time=NOW)
    return replace(made, **changes)


def test_a_rotation_has_two_live_keys_at_most() -> None:
    hour = timedelta(hours=1)
    old, new = rotated([key()], "a", ("b", b"b"), "key:x", NOW, hour)
    assert (old.expire_time, old.is_live(NOW), new.expire_time) == (NOW + hour, True, None)
    assert (new.key_id, new.digest, new.family, new.creator, new.role) == ("b", b"b", "a", "key:x", Role.SERVICE)
    for key_id in "ab":
        with pytest.raises(KeyConflict, match="a and b"):
            rotated([old, new], key_id, ("c", b"c"), "key:x", NOW, hour)
    _, third = rotated([old, new], "b", ("c", b"c"), "key:x", NOW + hour, hour)
    assert third.family == "a"
    with pytest.raises(KeyConflict, match="not accepted any more"):
        rotated([old, new], "a", ("c", b"c"), "key:x", NOW + hour, hour)


def test_a_rotated_key_lives_as_long_as_the_one_before() -> None:
    day = timedelta(days=1)
    old, new = rotated([key(expire_time=NOW + day)], "a", ("b", b"b"), "x", NOW + day / 2, timedelta(days=30))
    assert old.expire_time == NOW + day
    assert new.expire_time == NOW + day / 2 + day
    with pytest.raises(KeyConflict, match="certificate"):
        rotated([key(certificate_name="DNS:pbx")], "a", ("b", b"b"), "x", NOW, day)


def test_a_second_revocation_keeps_the_time_of_the_first() -> None:
    once = revoked([key()], "a", NOW)
    assert once.revoke_time == NOW
    assert revoked([once], "a", NOW + timedelta(days=1)) is once


def test_the_text_of_a_key() -> None:
    key_id = new_key_id()
    text = new_key(key_id)
    assert key_id_of(text) == key_id
    assert len(text) == len("leadline_") + 16 + 1 + 43
    assert new_key(key_id) != text
    for other in ("", text + "x", text[:-1], text.upper(), text + "\n", f" {text}"):
        assert key_id_of(other) == ""
    assert key_digest(text) != certificate_digest(text)
    assert repr(text)[1:-1] not in repr(key(digest=key_digest(text)))


def test_the_names_of_a_certificate_leave_out_the_common_name() -> None:
    said = {
        "x509_common_name": [b"pbx"],
        "peer_uri": [b"spiffe://acme/pbx"],
        "peer_dns": [b"pbx.acme.example", b"\xff"],
        "transport_security_type": [b"ssl"],
    }
    assert certificate_names(said) == ["URI:spiffe://acme/pbx", "DNS:pbx.acme.example", "DNS:\ufffd"]
    assert len(certificate_names({"peer_dns": [b"a"] * 100})) == 16
