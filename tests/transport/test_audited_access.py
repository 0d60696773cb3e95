"""The audit trail of a server that wants credentials: keys, who acted, and failed authentications."""

import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from leadline.v1 import preferences_pb2, preferences_service_pb2
from leadline_server.domain.access.principals import Role
from support.access import ALICE, OWN, Guarded, guarded

UPDATE = "/leadline.v1.PreferencesService/UpdatePreferences"


async def entries(served: Guarded) -> list[dict[str, Any]]:
    """The recorded entries, each with its account."""
    trail = served.app.ledger.audit
    await served.app.observations.store()
    while await trail.has_new():
        await trail.chain(100)
    accounts = [anchor.account_id for anchor in await trail.anchors()]
    chained = [entry for account_id in accounts for entry in await trail.list(account_id, 0, 1000)]
    return [json.loads(entry.document) | {"account_id": entry.account_id} for entry in chained]


async def test_who_acted_and_what_was_refused_is_recorded_without_any_key(tmp_path: Path) -> None:
    async with guarded(tmp_path) as served:
        issued = await served.issue(Role.ACCOUNT_ADMIN)
        preferences = preferences_pb2.Preferences(auto_log_calls=False)
        request = preferences_service_pb2.UpdatePreferencesRequest(
            account_id=OWN, user_id=ALICE, preferences=preferences
        )
        await served.call(UPDATE, request, issued.secret)
        await served.app.commands.keys.revoke(OWN, issued.key.key_id)
        for secret in (issued.secret, issued.secret, "leadline_0123456789abcdef_" + "x" * 43, None):
            with pytest.raises(grpc.aio.AioRpcError):
                await served.call(UPDATE, request, secret)
        found = await entries(served)
    key = f"key:{issued.key.key_id}"
    of = {name: [entry for entry in found if entry["action"] == name] for name in {e["action"] for e in found}}
    assert [entry["subject"] for entry in of["key.issued"]] == [issued.key.key_id]
    assert [entry["subject"] for entry in of["key.revoked"]] == [issued.key.key_id]
    [updated] = of["preferences.updated"]
    assert (updated["actor"], updated["on_behalf_of"], updated["fields"]) == (key, ALICE, ["auto_log_calls"])
    failed = {(entry["actor"], entry["reason"], entry["count"]) for entry in of["authentication.failed"]}
    assert failed == {(key, "REVOKED", 2), ("unknown", "UNKNOWN", 1), ("unknown", "MISSING", 1)}
    assert {entry["account_id"] for entry in of["authentication.failed"]} == {""}
    assert issued.secret not in json.dumps(found)
