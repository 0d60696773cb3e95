"""The checks that every CRM over HTTP must pass behind a real `leadline serve`: one account, connected by TOML."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from leadline import AsyncClient
from leadline.v1.call_log_pb2 import (
    CALL_LOG_REASON_CONTACT_MATCHED,
    CALL_LOG_REASON_PLACEHOLDER_CREATED,
    CALL_LOG_STATE_LOGGED,
    CALL_LOG_STATE_PENDING,
    CallLog,
)
from leadline.v1.call_pb2 import CALL_DIRECTION_INBOUND, CALL_RESULT_ANSWERED, Call, Party
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, Preferences
from support.servers import server_process

KNOWN: Final = "+12025550147"
UNKNOWN: Final = "+12025550148"
LATER: Final = "+12025550149"
NAME: Final = "Ada Lovelace"
SECONDS: Final = 30.0


class CrmBehind(Protocol):
    """A CRM as a test sees it: a fake, or whatever else was connected."""

    def written(self) -> Any:
        """The arrived records: `contacts` (ids by number) and `logs` (by key: `id`, `contact_id` and `subject`)."""
        ...

    def edit(self, table: str, record_id: str, changes: Mapping[str, Any]) -> object:
        """Change a record, as people do."""
        ...

    def records(self, table: str) -> Any:
        """The records of a table by id."""
        ...

    def misbehave(self, **faults: Any) -> object:
        """Fail from now on."""
        ...

    def recover(self) -> object:
        """Answer as ever from now on."""
        ...


@dataclass(frozen=True)
class Stage:
    """A server, a client of it, and the CRM behind it."""

    client: AsyncClient
    crm: CrmBehind


@asynccontextmanager
async def staged(
    folder: Path, crm: CrmBehind, options: Mapping[str, Any], settings: Mapping[str, str] | None = None
) -> AsyncIterator[Stage]:
    """`leadline serve` with account `demo` connected to `crm`; `settings` are further environment variables."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    file = folder / "leadline.toml"
    file.write_text("\n".join(["[connections.crm]", *lines, "[accounts.demo]", 'connection = "crm"']))
    with server_process(folder / "data", settings={"LEADLINE_CONFIG": str(file), **(settings or {})}) as server:
        async with AsyncClient(server.address, account="demo", user="alice") as client:
            wish = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER)
            await client.update_preferences(wish)
            yield Stage(client, crm)


def a_call(call_id: str, caller: str, subject: str = "first", note: str = "A note") -> Call:
    return Call(
        id=call_id,
        direction=CALL_DIRECTION_INBOUND,
        caller=Party(phone_number=caller, name="Grace Hopper"),
        callee=Party(extension="101", user_id="alice"),
        result=CALL_RESULT_ANSWERED,
        subject=subject,
        note=note,
    )


async def settled(stage: Stage, call_id: str) -> CallLog:
    """The log of a call once the CRM has it as it is."""
    async with asyncio.timeout(SECONDS):
        while True:
            log = await stage.client.get_call_log(call_id)
            if log.state != CALL_LOG_STATE_PENDING and not log.update_pending:
                return log
            await asyncio.sleep(0.05)


async def check_known_caller(stage: Stage, contact_id: str) -> None:
    """A contact that people added is found, and called."""
    (match,) = (await stage.client.find_contact(KNOWN)).matches
    assert (match.contact.id, match.contact.name) == (contact_id, NAME)
    await stage.client.log_call(a_call("known", KNOWN))
    log = await settled(stage, "known")
    assert (log.state, log.reason) == (CALL_LOG_STATE_LOGGED, CALL_LOG_REASON_CONTACT_MATCHED), log
    [written] = stage.crm.written().logs["demo/known"]
    assert written == {"id": log.crm_log_id, "contact_id": contact_id, "subject": "first"}


async def check_unknown_caller(stage: Stage) -> None:
    """The same unknown caller reported 32 times at once is one contact with one log."""
    await asyncio.gather(*(stage.client.log_call(a_call("unknown", UNKNOWN)) for _ in range(32)))
    log = await settled(stage, "unknown")
    assert (log.state, log.reason) == (CALL_LOG_STATE_LOGGED, CALL_LOG_REASON_PLACEHOLDER_CREATED), log
    written = stage.crm.written()
    assert written.contacts[UNKNOWN] == [log.contact.id]
    assert [each["contact_id"] for each in written.logs["demo/unknown"]] == [log.contact.id]
    assert log.contact.name == "Grace Hopper"


async def check_update(stage: Stage, log_table: str, peoples: Mapping[str, Any]) -> None:
    """An update reaches the same log, and leaves what people set of it."""
    log_id = (await settled(stage, "known")).crm_log_id
    stage.crm.edit(log_table, log_id, peoples)
    await stage.client.log_call(Call(id="known", subject="second", note="Another note"))
    log = await settled(stage, "known")
    assert log.crm_log_id == log_id
    assert [each["subject"] for each in stage.crm.written().logs["demo/known"]] == ["second"]
    fields = stage.crm.records(log_table)[log_id]
    assert {name: fields[name] for name in peoples} == peoples
    assert "Another note" in str(fields)


async def check_outage(stage: Stage, **outage: Any) -> None:
    """A call that comes while the CRM is down waits. It arrives once when the CRM is back."""
    stage.crm.misbehave(**outage)
    answer = await stage.client.log_call(a_call("later", LATER))
    assert answer.state == CALL_LOG_STATE_PENDING
    assert "demo/later" not in stage.crm.written().logs
    stage.crm.recover()
    log = await settled(stage, "later")
    assert log.state == CALL_LOG_STATE_LOGGED, log
    written = stage.crm.written()
    assert (len(written.logs["demo/later"]), written.contacts[LATER]) == (1, [log.contact.id])
