"""One call that is reported by webhooks and imported from a file is one: the same id, legs, direction and result."""

import io
import json
from pathlib import Path
from typing import Final

from leadline_server.domain.call import Call
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from leadline_server.replay.rules import Rules
from support.ingress import open_ingress
from support.webhooks import SYSTEMS

_SAME: Final = ("id", "direction", "result", "start_time", "answer_time", "end_time", "is_final", "caller", "callee")


def imported(data: bytes) -> Call:
    """The call of a file of records."""
    rules = Rules(users={"101": "alice"}, numbering=NumberingRules("US"))
    calls = [item for item in group(RecordFile(io.BytesIO(data)).rows(rules), "alice") if isinstance(item, ReplayCall)]
    [replayed] = calls
    return replayed.call


async def test_a_call_of_freeswitch(tmp_path: Path) -> None:
    system = SYSTEMS["freeswitch"]
    documents = [json.loads(body) for body in system.events("0")]
    by_file = imported("\n".join(json.dumps(one) for one in documents).encode())
    async with open_ingress(tmp_path, freeswitch=system.settings) as ingress:
        for body in system.events("0"):
            await ingress.send(system, system.request(body))
        [log] = await ingress.logs()
    for name in _SAME:
        told, read = getattr(log.call, name), getattr(by_file, name)
        if name in {"caller", "callee"}:
            told, read = (told.phone_number, told.extension), (read.phone_number, read.extension)
        assert told == read, name
    assert {leg.id for leg in log.call.legs} == {leg.id for leg in by_file.legs}
    assert {leg.user_id for leg in log.call.legs} == {leg.user_id for leg in by_file.legs}
