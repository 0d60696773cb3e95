"""Records of Salesforce that are not as it documents them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp import web
from fakes.misbehaviour import GOOD_TOKEN
from fakes.salesforce_faults import TOKENS
from fakes.salesforce_people import options
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from support.adapters import opened_adapter
from support.http_servers import http_server

NUMBER = parse_number("+12025550147", "US")
DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)


ROW = {"attributes": {"type": "Lead"}, "Id": "00Q000000000001EAA", "Name": "Ada", "Phone": "+12025550147"}
STRANGE: dict[str, dict[str, Any]] = {
    "no id": {"Name": "Ada"},
    "an id that is no text": ROW | {"Id": 7},
    "a time that is none": ROW | {"CreatedDate": "yesterday"},
    "another kind": ROW | {"attributes": {"type": "Account"}},
    "no kind": {"Id": ROW["Id"]},
}


@asynccontextmanager
async def answering(answers: Callable[[str], Any]) -> AsyncIterator[CrmAdapter]:
    """An adapter to a server that answers whatever it likes."""

    async def handle(request: web.Request) -> web.Response:
        if request.path == TOKENS:
            return web.json_response({"access_token": GOOD_TOKEN})
        return web.json_response(answers(request.path), status=201 if request.method == "POST" else 200)

    with TemporaryDirectory() as folder:
        async with http_server(handle) as url, opened_adapter("salesforce", options(url), Path(folder)) as adapter:
            yield adapter


@pytest.mark.parametrize("row", STRANGE.values(), ids=STRANGE)
async def test_a_record_that_is_not_as_documented_is_no_answer(row: dict[str, Any]) -> None:
    nothing = {"done": True, "records": []}
    async with answering(lambda path: {"searchRecords": [row]} if path.endswith("search") else nothing) as adapter:
        with pytest.raises(CrmUnavailable):
            await adapter.find_contacts([NUMBER])


@pytest.mark.parametrize("body", [{"id": "00T", "success": True}, {"id": "00T000000000001AAA", "success": False}])
async def test_a_creation_that_does_not_say_what_it_made_is_unknown(body: dict[str, Any]) -> None:
    async with answering(lambda _: body) as adapter:
        with pytest.raises(CrmOutcomeUnknown):
            await adapter.create_contact(DRAFT, "key")
