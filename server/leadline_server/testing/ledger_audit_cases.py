"""The obligations of ports.ledger.AuditTrail, and of the methods that write to it, as tests."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from leadline_server.domain.access.principals import ApiKey, Role
from leadline_server.domain.accounts import AccountState, OwnConnection
from leadline_server.domain.audit import SERVER, Actor, AuditAction, AuditEvent, AuditFilter
from leadline_server.domain.audit_chain import BEGINNING, Anchor, ChainedEntry, broken
from leadline_server.domain.directory import User
from leadline_server.domain.placeholders import PlaceholderLimit, Reservation
from leadline_server.domain.preferences import AccountSettings, Preferences
from leadline_server.ports.ledger import Ledger
from leadline_server.ports.ledger.credentials import DenialKind, TokenDenial
from leadline_server.ports.ledger.tokens import account_owner
from leadline_server.testing.ledger_samples import ACCOUNT, ALICE, NOW, NUMBER, OpenLedger

_ADMIN: Final = Actor("key:4f2c", "alice")
_KEY: Final = ApiKey(
    key_id="k1",
    digest=b"a" * 32,
    role=Role.SERVICE,
    account_id=ACCOUNT,
    label="a label that is in no entry",
    family="k1",
    create_time=NOW,
    creator=_ADMIN.id,
)
_DENIAL: Final = TokenDenial(
    account_id=ACCOUNT, issuer="https://id.example", kind=DenialKind.TOKEN, value="", denied_at=NOW, until=None
)
_LEASE: Final = timedelta(seconds=10)
_START: Final = Anchor(ACCOUNT, 0, BEGINNING)


class AuditCases:
    """The audit trail."""

    async def test_changes_are_recorded_with_their_actor_and_the_names_of_fields(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings(), _ADMIN)
        await ledger.accounts.change(ACCOUNT, _with_secret_name, _ADMIN)
        await ledger.preferences.change(ACCOUNT, ALICE, lambda _, __: Preferences(auto_log_calls=False), _ADMIN)
        await ledger.users.put(ACCOUNT, User(user_id="jane", name="Jane"), _ADMIN)
        await ledger.users.put(ACCOUNT, User(user_id="jane", name="Joan", phone_numbers=(NUMBER,)), _ADMIN)
        await ledger.users.delete(ACCOUNT, "jane", _ADMIN)
        await ledger.placeholders.open_replay(ACCOUNT, "r-1", 5, NOW, _ADMIN)
        entries = await _entries(ledger)
        who = {"actor": "key:4f2c", "on_behalf_of": "alice", "count": 1}
        assert [entry | who == entry for entry in entries] == [True] * 7
        assert [{name: value for name, value in entry.items() if name not in who} for entry in entries] == [
            {"action": "account.created", "subject": ACCOUNT},
            {"action": "settings.updated", "subject": ACCOUNT, "fields": ["defaults.placeholder_name", "locked"]},
            {"action": "preferences.updated", "subject": ALICE, "fields": ["auto_log_calls"]},
            {"action": "user.created", "subject": "jane"},
            {"action": "user.updated", "subject": "jane", "fields": ["name", "phone_numbers"]},
            {"action": "user.deleted", "subject": "jane"},
            {"action": "replay.opened", "subject": "r-1"},
        ]

    async def test_changes_of_an_account_and_of_its_connection_are_recorded(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings(), _ADMIN)
        await ledger.accounts.administer(ACCOUNT, NOW, _ADMIN, title="Acme")
        await ledger.accounts.administer(ACCOUNT, NOW, _ADMIN, state=AccountState.DISABLED)
        await ledger.accounts.administer(ACCOUNT, NOW, _ADMIN, state=AccountState.DISABLED)
        await ledger.accounts.administer(ACCOUNT, NOW, _ADMIN, state=AccountState.ACTIVE)
        connections = ledger.account_connections
        await connections.put(ACCOUNT, OwnConnection(adapter="embedded"), NOW, _ADMIN)
        wanted = OwnConnection(adapter="hubspot", options={"portal_id": "7"}, secrets={"token": "s3cret"})
        await connections.put(ACCOUNT, wanted, NOW, _ADMIN)
        await connections.put(ACCOUNT, OwnConnection(adapter="hubspot", options={"portal_id": "8"}), NOW, _ADMIN)
        assert await connections.delete(ACCOUNT, _ADMIN)
        assert not await connections.delete(ACCOUNT, _ADMIN)
        await ledger.account_data.begin_deletion(ACCOUNT, NOW, _ADMIN)
        entries = await _entries(ledger)
        assert {entry["actor"] for entry in entries} == {_ADMIN.id}
        assert {entry["subject"] for entry in entries} == {ACCOUNT, account_owner(ACCOUNT)}
        assert "s3cret" not in json.dumps(entries)
        assert [(entry["action"], entry.get("fields", [])) for entry in entries] == [
            ("account.created", []),
            ("account.updated", ["title"]),
            ("account.disabled", []),
            ("account.enabled", []),
            ("connection.created", ["adapter"]),
            ("connection.updated", ["adapter", "options.portal_id", "secrets.token"]),
            ("connection.updated", ["options.portal_id", "secrets.token"]),
            ("connection.deleted", []),
            ("account.deleted", []),
        ]

    async def test_entries_are_found_by_time_and_action(self, ledger: Ledger) -> None:
        await _append(ledger, 3)
        await ledger.audit.append([AuditEvent.of(_ADMIN, ACCOUNT, AuditAction.KEY_REVOKED, "k9")])
        await ledger.audit.chain(100)
        everything = await ledger.audit.find(ACCOUNT, 0, 10, AuditFilter())
        assert ([entry.sequence for entry in everything.entries], everything.next_after) == ([1, 2, 3, 4], None)
        first = await ledger.audit.find(ACCOUNT, 0, 3, AuditFilter())
        assert first.next_after == 3
        rest = await ledger.audit.find(ACCOUNT, 3, 3, AuditFilter())
        assert ([entry.sequence for entry in rest.entries], rest.next_after) == ([4], None)
        revoked = await ledger.audit.find(ACCOUNT, 0, 10, AuditFilter(action="key.revoked"))
        assert [entry.sequence for entry in revoked.entries] == [4]
        at = datetime.fromtimestamp(everything.entries[2].time / 1_000_000, UTC)
        later = await ledger.audit.find(ACCOUNT, 0, 10, AuditFilter(start=at + timedelta(hours=1)))
        earlier = await ledger.audit.find(ACCOUNT, 0, 10, AuditFilter(end=at - timedelta(hours=1)))
        assert not later.entries
        assert not earlier.entries
        start, end = await ledger.audit.ends(ACCOUNT)
        assert (start.sequence, end) == (0, everything.entries[-1].anchor)
        assert await ledger.audit.ends("nobody") == (Anchor("nobody", 0, BEGINNING),) * 2

    async def test_what_changes_nothing_is_not_recorded(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.accounts.create(ACCOUNT, AccountSettings())
        await ledger.accounts.change(ACCOUNT, lambda settings: settings)
        await ledger.preferences.change(ACCOUNT, ALICE, lambda _, preferences: preferences)
        assert not await ledger.users.delete(ACCOUNT, "nobody")
        await ledger.placeholders.forget(ACCOUNT, "c_0")
        assert [entry["action"] for entry in await _entries(ledger)] == ["account.created"]

    async def test_a_change_that_fails_leaves_no_entry(self, ledger: Ledger) -> None:
        await ledger.accounts.create(ACCOUNT, AccountSettings())

        def refuse(_: AccountSettings) -> AccountSettings:
            raise LookupError

        with pytest.raises(LookupError):
            await ledger.accounts.change(ACCOUNT, refuse)
        assert len(await _entries(ledger)) == 1

    async def test_a_placeholder_is_recorded_once_with_its_call(self, ledger: Ledger) -> None:
        wish = Reservation(
            name="Unknown",
            phone_number=NUMBER,
            limits=(PlaceholderLimit("account", 9, 9),),
            user_id=ALICE,
            call_id="call-1",
        )
        await ledger.claims.acquire(ACCOUNT, NUMBER, "ann", "k", NOW, NOW + _LEASE, wish)
        for _ in range(2):
            await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW, lease_owner="ann", creation_key="k")
        await ledger.placeholders.forget(ACCOUNT, "c_1", _ADMIN)
        created, removed = await _entries(ledger)
        assert created == {
            "action": "placeholder.created",
            "actor": "leadline",
            "on_behalf_of": ALICE,
            "subject": "c_1",
            "call_id": "call-1",
            "reason": "PLACEHOLDER_CREATED",
            "count": 1,
        }
        assert (removed["action"], removed["actor"]) == ("placeholder.removed", "key:4f2c")

    async def test_a_placeholder_that_was_requested_names_who_did(self, ledger: Ledger) -> None:
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
        await ledger.claims.finish(ACCOUNT, NUMBER, "c_2", NOW, placeholder_by=_ADMIN)
        [entry] = await _entries(ledger)
        assert (entry["subject"], entry["actor"], entry["reason"]) == ("c_2", "key:4f2c", "REQUESTED")

    async def test_changes_of_keys_and_denials_are_recorded(self, ledger: Ledger) -> None:
        credentials, other = ledger.credentials, replace(_KEY, key_id="k2", digest=b"b" * 32)
        assert await credentials.issue_first(replace(_KEY, account_id=SERVER, key_id="k0", digest=b"0" * 32))
        await credentials.issue(_KEY, 10)
        await credentials.change(ACCOUNT, "k1", lambda _: [other, replace(_KEY, revoke_time=NOW)], 10, _ADMIN)
        for kind in DenialKind:
            await credentials.deny(replace(_DENIAL, kind=kind, value=f"d-{kind}"), _ADMIN)
        who = {"actor": "key:4f2c", "count": 1}
        by = who | {"on_behalf_of": "alice"}
        found = sorted(await _entries(ledger), key=lambda entry: (entry["action"], entry["subject"]))
        assert found == [
            {"action": "key.issued", "subject": "k0", "reason": "SERVICE"} | who,
            {"action": "key.issued", "subject": "k1", "reason": "SERVICE"} | who,
            {"action": "key.revoked", "subject": "k1"} | by,
            {"action": "key.rotated", "subject": "k2"} | by,
            {"action": "session.ended", "subject": "d-session", "reason": "SESSION"} | by,
            {"action": "session.ended", "subject": "d-sessions", "reason": "SESSIONS"} | by,
            {"action": "tokens.denied", "subject": "d-jti", "reason": "TOKEN"} | by,
            {"action": "tokens.denied", "subject": "d-sub", "reason": "SUBJECT"} | by,
        ]

    async def test_another_secrets_key_is_recorded(self, ledger: Ledger) -> None:
        await ledger.secrets.use("00000000000000ff")
        [entry] = await _entries(ledger)
        assert entry == {"action": "secrets.rotated", "actor": "operator", "subject": "00000000000000ff", "count": 1}

    async def test_entries_are_chained_by_account_and_listed_in_pages(self, ledger: Ledger) -> None:
        await _append(ledger, 5)
        await _append(ledger, 2, "other")
        assert await ledger.audit.has_new()
        assert len(await ledger.audit.chain(4)) == 4
        assert len(await ledger.audit.chain(100)) == 3
        assert not await ledger.audit.has_new()
        first = await ledger.audit.list(ACCOUNT, 0, 3)
        rest = await ledger.audit.list(ACCOUNT, first[-1].sequence, 10)
        entries = [*first, *rest]
        anchors = {anchor.account_id: anchor for anchor in await ledger.audit.anchors()}
        assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
        assert list(broken(entries, _START, anchors[ACCOUNT], {})) == []
        assert anchors["other"].sequence == 2

    async def test_two_handles_that_write_and_chain_at_once_make_one_chain(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        async with open_ledger() as other:
            handles = (ledger, other)
            await asyncio.gather(*(_append(handles[place % 2], 3) for place in range(10)))
            chained = await asyncio.gather(*(handle.audit.chain(20) for handle in handles * 2))
        assert sorted(entry.sequence for part in chained for entry in part) == list(range(1, 31))
        assert list(broken(await ledger.audit.list(ACCOUNT, 0, 99), _START, None, {})) == []

    async def test_pruning_deletes_from_the_start_and_what_is_left_can_be_verified(self, ledger: Ledger) -> None:
        await _append(ledger, 4)
        await ledger.audit.chain(2)
        later = datetime.now(UTC) + timedelta(days=1)
        assert (await ledger.retention.prune_audit(later, 100)).deleted == 2  # an new entry stays
        assert (await ledger.retention.prune_audit(later, 100)).deleted == 0
        last = (await ledger.audit.anchors())[0]
        await ledger.audit.chain(100)
        left = await ledger.audit.list(ACCOUNT, 0, 100)
        assert [entry.sequence for entry in left] == [3, 4]
        assert list(broken(left, last, (await ledger.audit.anchors())[0], {})) == []

    async def test_recent_entries_are_not_pruned(self, ledger: Ledger) -> None:
        await _append(ledger, 3)
        await ledger.audit.chain(100)
        pruned = await ledger.retention.prune_audit(datetime.now(UTC) - timedelta(days=1), 100)
        assert (pruned.deleted, pruned.position) == (0, None)


def _with_secret_name(settings: AccountSettings) -> AccountSettings:
    defaults = replace(settings.defaults, placeholder_name="Somebody")
    return replace(settings, defaults=defaults, locked=("placeholder_name",))


async def _append(ledger: Ledger, count: int, account_id: str = ACCOUNT) -> None:
    events = [AuditEvent.of(_ADMIN, account_id, AuditAction.KEY_ISSUED, f"k{number}") for number in range(count)]
    await ledger.audit.append(events)


async def _entries(ledger: Ledger) -> list[dict[str, Any]]:
    chained = await ledger.audit.chain(1000)
    return [_document(entry) for entry in chained]


def _document(entry: ChainedEntry) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(entry.document)
    return document
