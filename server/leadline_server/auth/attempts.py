"""Failed attempts to authenticate. They slow down their peer, and no other.

Nothing is ever locked: if failed attempts with the id of a key locked that key, anyone could lock others out. They
raise an alarm instead, a warning in the log.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import unquote

import structlog

from leadline_server.domain.access_errors import Unauthenticated

MOST_PEERS: Final = 10_000
"""Peers whose failed attempts are remembered. Beyond it the longest quiet one is forgotten."""

MOST_WAITING: Final = 256
"""Attempts that wait at once because their peer failed before. Further ones are refused unheard."""

FREE_ATTEMPTS: Final = 5
"""So many failed attempts cost no time. Each second of quiet forgives one."""

MOST_SECONDS: Final = 2.0
"""How long an attempt waits at most."""

REASONS: Final = ("missing", "malformed", "unknown", "revoked", "expired", "denied", "invalid_token")

_FIRST_SECONDS: Final = 0.1
_IPV4: Final = 4
_NETWORK_BITS: Final = 64
_MOST_STRIKES: Final = 32.0
_ALARM_SECONDS: Final = 60.0
_MOST_ALARMS: Final = 1_000

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Peer:
    strikes: float
    at: float

    def strikes_at(self, now: float) -> float:
        return max(0.0, self.strikes - (now - self.at))


class FailedAttempts:
    """Counts failed attempts, and delays the next ones of the same peer.

    Args:
        monotonic: the time in seconds, as `time.monotonic`.
        note: takes the reason and the key's id of each failed attempt, for the audit trail.

    Attributes:
        counts: how many failed so far, by the reason.
    """

    def __init__(
        self, monotonic: Callable[[], float], note: Callable[[str, str], object] = lambda _reason, _key_id: None
    ) -> None:
        self._monotonic = monotonic
        self._note = note
        self._peers: dict[str, _Peer] = {}
        self._alarms: dict[str, float] = {}
        self._waiting = 0
        self.counts = dict.fromkeys(REASONS, 0)

    async def pause(self, peer: str) -> None:
        """Wait before an attempt of a peer is heard, if it failed before.

        Raises:
            Unauthenticated: too many attempts wait already.
        """
        seconds = self._delay(_host(peer)) if self._peers else 0.0
        if not seconds:
            return
        if self._waiting >= MOST_WAITING:
            raise Unauthenticated("Too many attempts failed. Retry later.", retry_after=MOST_SECONDS)
        self._waiting += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting -= 1

    def failed(self, peer: str, reason: str, key_id: str = "") -> None:
        """An attempt of a peer failed. `key_id` is of a key that exists, if it named one."""
        now, host = self._monotonic(), _host(peer)
        known = self._peers.pop(host, None)
        strikes = 1.0 if known is None else known.strikes_at(now) + 1.0
        self._peers[host] = _Peer(min(strikes, _MOST_STRIKES), now)  # the newest comes last
        if len(self._peers) > MOST_PEERS:
            del self._peers[next(iter(self._peers))]
        self.counts[reason] += 1
        self._note(reason, key_id)
        if key_id:
            self._alarm(key_id, reason, now)

    def _delay(self, host: str) -> float:
        known = self._peers.get(host)
        if known is None:
            return 0.0
        over = known.strikes_at(self._monotonic()) - FREE_ATTEMPTS
        return min(MOST_SECONDS, _FIRST_SECONDS * 2**over) if over > 0 else 0.0

    def _alarm(self, key_id: str, reason: str, now: float) -> None:
        """Warn that a key's id is tried, at most once a minute for each key."""
        if now - self._alarms.get(key_id, -_ALARM_SECONDS) < _ALARM_SECONDS:
            return
        if len(self._alarms) >= _MOST_ALARMS:
            self._alarms.clear()
        self._alarms[key_id] = now
        _log.warning("failed attempts with a key", key_id=key_id, reason=reason)


def _host(peer: str) -> str:
    """Who counts as one peer: an IPv4 address, or an IPv6 network of 64 bits, which one customer has.

    gRPC says `ipv4:192.0.2.1:50000` or `ipv6:%5B2001:db8::1%5D:50000`, HTTP `192.0.2.1:50000`.
    """
    text = unquote(peer.rpartition(":")[0]).removeprefix("ipv4:").removeprefix("ipv6:").strip("[]")
    try:
        address = ip_address(text)
    except ValueError:
        return peer
    return str(address) if address.version == _IPV4 else str(ip_network((address, _NETWORK_BITS), strict=False))
