"""Which credentials are denied, and what the audit trail says of keys, for every ledger."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadline_server.domain.access.principals import ApiKey, BrowserSession, VerifiedToken
from leadline_server.domain.audit import Actor, AuditAction, AuditEvent
from leadline_server.ledger.codec import from_microseconds
from leadline_server.ports.ledger.credentials import DenialKind

Denied = Mapping[tuple[str, str, str, str], tuple[datetime, datetime | None]]
"""When each denial was made and when it ends, by account, issuer, kind and value."""


def denied_of(rows: Iterable[Sequence[Any]]) -> Denied:
    """The denials in rows: account, issuer, kind, value, and when it was denied and until when."""
    return {
        (account_id, issuer, kind, value): (from_microseconds(at), until and from_microseconds(until))
        for account_id, issuer, kind, value, at, until in rows
    }


def is_denied(denied: Denied, token: VerifiedToken, now: datetime) -> bool:
    """Whether a token's subject or id is denied at `now`."""
    names = ((DenialKind.SUBJECT.value, token.subject), (DenialKind.TOKEN.value, token.token_id))
    accounts = ("", token.account_id)
    keys = ((account, token.issuer, *name) for account in accounts for name in names)
    return any(_is_in_force(denied, key, now) for key in keys)


def is_ended(denied: Denied, session: BrowserSession, principal_id: str) -> bool:
    """Whether a session, or all sessions of its principal until then, were ended."""
    ended = denied.get(("", "", DenialKind.SESSIONS.value, principal_id))
    is_before = ended is not None and session.issue_time <= ended[0].timestamp()
    return is_before or ("", "", DenialKind.SESSION.value, session.session_id) in denied


def issued(key: ApiKey) -> AuditEvent:
    """The entry of a new key."""
    return AuditEvent.of(Actor(key.creator), key.account_id, AuditAction.KEY_ISSUED, key.key_id, reason=key.role.name)


def rotated(by: Actor, before: Sequence[ApiKey], after: Sequence[ApiKey]) -> Iterator[AuditEvent]:
    """The entries of keys that were added to a rotation, or revoked."""
    known = {key.key_id: key for key in before}
    for key in after:
        if key.key_id not in known:
            yield AuditEvent.of(by, key.account_id, AuditAction.KEY_ROTATED, key.key_id)
        elif key.revoke_time != known[key.key_id].revoke_time:
            yield AuditEvent.of(by, key.account_id, AuditAction.KEY_REVOKED, key.key_id)


def _is_in_force(denied: Denied, name: tuple[str, str, str, str], now: datetime) -> bool:
    return name in denied and ((until := denied[name][1]) is None or now < until)
