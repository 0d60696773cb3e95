"""Logs that the adapter of a definition updates and finds, and answers about them that say too little."""

from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.testing.crm_harness import Report
from support.acorn import acorn

NUMBER: Final = parse_number("+12025550147", "US")


DRAFT: Final = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)


ENTRY: Final = Report("call-1").entry("1", note="Her note.")

LOGS: Final = {
    "[operations.check]": """[operations.update_call_log]
method = "PUT"
path = "/calls/{{ log_id }}"
body = { text = "{{ body }}" }
response.ok = "done"

[operations.read_call_log]
path = "/people/{{ contact_id }}/calls"
response = { logs = "calls", body = "text" }

[operations.find_call_log]
path = "/calls"
query = { key = "{{ key }}" }
response.logs = "calls"

[operations.check]""",
    'title = "{{ subject }}"': 'title = "{{ subject }}"\nkey = "{{ key }}"',
}
"""Acorn with logs that can be read, updated and found."""

NO_BODY: Final = LOGS | {
    "[operations.check]": LOGS["[operations.check]"].replace('text = "{{ body }}"', 'about = "{{ subject }}"'),
}


def _json(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)


def _logs(update: Any, *logs: Any, status: int = 200) -> Any:
    """Answers reads with `logs`, and an update with `update`, which bytes stand for as they are."""

    def answer(request: web.Request) -> web.Response:
        if request.method != "PUT":
            return _json({"calls": list(logs)})
        return web.Response(body=update, status=status) if isinstance(update, bytes) else _json(update, status)

    return answer


async def test_an_update_goes_to_the_text_that_the_log_has(tmp_path: Path) -> None:
    async with acorn(tmp_path, LOGS) as (adapter, crm):
        await adapter.create_contact(DRAFT, "k")
        await adapter.create_call_log(ENTRY, "call-1")
        mine = f"Before.\n{crm.calls[0]['text']}\nAfter."
        crm.instead = _logs({"done": True}, {"id": 2, "text": "another's"}, {"id": 7, "text": mine})
        await adapter.update_call_log("7", Report("call-1").entry("1", note="Her second note."))
        request, body = crm.seen[-1]
        assert request.path == "/calls/7"
        assert body["text"].startswith("Before.\n")
        assert body["text"].endswith("\nAfter.")
        assert "Her second note." in body["text"]
        assert "Her note." not in body["text"]


async def test_a_log_that_is_not_among_those_of_its_contact_is_gone(tmp_path: Path) -> None:
    async with acorn(tmp_path, LOGS) as (adapter, crm):
        crm.instead = _logs({"done": True}, {"id": 2, "text": "another's"})
        with pytest.raises(CrmRejected):
            await adapter.update_call_log("7", ENTRY)
        assert [request.method for request, _ in crm.seen] == ["GET"]


@pytest.mark.parametrize("update", [{"done": False}, {"done": "yes"}, {}, b"<html>", b""])
async def test_an_update_that_is_not_said_to_be_done_is_unknown(tmp_path: Path, update: Any) -> None:
    async with acorn(tmp_path, LOGS) as (adapter, crm):
        crm.instead = _logs(update, {"id": 7, "text": ""})
        with pytest.raises(CrmOutcomeUnknown):
            await adapter.update_call_log("7", ENTRY)


async def test_where_any_success_is_one_an_empty_answer_will_do_and_a_page_will_not(tmp_path: Path) -> None:
    changes = LOGS | {"[operations.check]": LOGS["[operations.check]"].replace('response.ok = "done"\n', "")}
    async with acorn(tmp_path, changes) as (adapter, crm):
        crm.instead = _logs(b"", {"id": 7, "text": ""}, status=204)
        assert (await adapter.update_call_log("7", ENTRY)).id == "7"
        crm.instead = _logs(b"<html>A proxy's page.</html>", {"id": 7, "text": ""})
        with pytest.raises(CrmOutcomeUnknown):
            await adapter.update_call_log("7", ENTRY)


async def test_an_update_without_the_text_reads_none(tmp_path: Path) -> None:
    before, _, after = NO_BODY["[operations.check]"].partition("[operations.read_call_log]")
    find = after[after.index("[operations.find_call_log]") :]
    async with acorn(tmp_path, NO_BODY | {"[operations.check]": before + find}) as (adapter, crm):
        crm.instead = _logs({"done": True})
        assert (await adapter.update_call_log("7", ENTRY)).id == "7"
        assert [request.method for request, _ in crm.seen] == ["PUT"]


async def test_a_log_that_is_found_without_an_id_cannot_be_told(tmp_path: Path) -> None:
    async with acorn(tmp_path, LOGS) as (adapter, crm):
        crm.instead = _logs({}, {"text": "call-1"})
        with pytest.raises(CrmUnavailable):
            await adapter.find_call_log("call-1")
        crm.instead = _logs({}, {"id": 7})
        found = await adapter.find_call_log("call-1")
        assert found is not None
        assert found.id == "7"
        crm.instead = _logs({})
        assert await adapter.find_call_log("call-1") is None
