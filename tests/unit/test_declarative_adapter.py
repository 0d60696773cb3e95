"""The adapter of a definition: what it sends, what it makes of answers, and when it cannot tell."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from leadline_server.crm.declarative.definition_files import parse_definition
from leadline_server.crm.toolkit.field_values import of_number
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmInvalidCursor,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.testing.crm_harness import Report
from support.acorn import DEFINITION, acorn

NUMBER = parse_number("+12025550147", "US")


DRAFT = ContactDraft(name="Ada Lovelace", phone_number=NUMBER, email="ada@example.com")


def _json(body: Any, status: int = 200, **headers: str) -> web.Response:
    return web.json_response(body, status=status, headers=headers)


async def test_every_form_is_asked_for_and_every_page_read(tmp_path: Path) -> None:
    async with acorn(tmp_path, settings=AccountSettings(number_formats=("###/###/####",))) as (adapter, crm):
        ids = {crm.add(f"Person {i}", "(202) 555-0147", employer={"name": "Acme"}) for i in range(5)}
        found = await adapter.find_contacts([NUMBER])
        assert {contact.id for contact in found} == ids
        assert {contact.company for contact in found} == {"Acme"}
        asked = {request.query["phone"] for request, _ in crm.seen}
        assert asked == {"+12025550147", "2025550147", "(202) 555-0147", "202-555-0147", "202/555/0147"}


async def test_a_search_that_has_more_pages_than_allowed_cannot_tell(tmp_path: Path) -> None:
    async with acorn(tmp_path, {"[contact]": "[limits]\npages = 2\n\n[contact]"}) as (adapter, crm):
        for index in range(5):
            crm.add(f"Person {index}", NUMBER.e164)
        with pytest.raises(CrmUnavailable, match="2 pages"):
            await adapter.find_contacts([NUMBER])


async def test_a_lookup_that_takes_more_requests_than_allowed_cannot_tell(tmp_path: Path) -> None:
    async with acorn(tmp_path, {"[contact]": "[limits]\nrequests = 3\n\n[contact]"}) as (adapter, crm):
        with pytest.raises(CrmUnavailable, match="3 requests"):
            await adapter.find_contacts([NUMBER])
        assert len(crm.seen) <= 3


@pytest.mark.parametrize(
    "body",
    [{}, {"people": None}, {"people": {}}, {"people": [1]}, {"people": [{"full_name": "Without an id"}]}, [], None, 7],
)
async def test_an_answer_without_a_list_of_records_cannot_tell(tmp_path: Path, body: Any) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        crm.instead = lambda _: _json(body)
        with pytest.raises(CrmUnavailable):
            await adapter.find_contacts([NUMBER])


async def test_pages_that_go_in_circles_cannot_tell(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        crm.instead = lambda request: _json({"people": [{"id": 1, "full_name": "A"}], "next": "same"})
        with pytest.raises(CrmUnavailable):
            await adapter.find_contacts([NUMBER])
        assert len(crm.seen) <= 6 * 10


PAGING = 'paging = { next = "next" }'


@pytest.mark.parametrize("total", ["", ', total = "count"'])
async def test_pages_by_offset_are_all_read(tmp_path: Path, total: str) -> None:
    changes = {
        'query = { phone = "{{ form }}", after = "{{ cursor or none }}" }\n[operations.find_contacts.response]\n'
        f'contacts = "people"\n{PAGING}': 'query = { phone = "{{ form }}", start = "{{ offset }}", n = "{{ size }}" }\n'
        f'[operations.find_contacts.response]\ncontacts = "people"\npaging = {{ size = 2{total} }}',
        'forms = ["e164", "national", "significant", "patterns", "number_formats"]': 'forms = ["e164"]',
    }
    async with acorn(tmp_path, changes) as (adapter, crm):
        people = [{"id": index, "full_name": "A", "phone": NUMBER.e164} for index in range(5)]

        def page(request: web.Request) -> web.Response:
            start, size = int(request.query["start"]), int(request.query["n"])
            return _json({"people": people[start : start + size], "count": len(people)})

        crm.instead = page
        assert len(await adapter.find_contacts([NUMBER])) == 5
        crm.instead = lambda request: _json({"people": people[: 2 if request.query["start"] == "0" else 0], "count": 9})
        if total:
            with pytest.raises(CrmUnavailable):
                await adapter.find_contacts([NUMBER])


@pytest.mark.parametrize("where", ["same", "other"])
async def test_a_next_page_by_address_is_read_on_the_same_server_alone(tmp_path: Path, where: str) -> None:
    changes = {
        'query = { phone = "{{ form }}", after = "{{ cursor or none }}" }': 'query = { phone = "{{ form }}" }',
        f'contacts = "people"\n{PAGING}\n\n[operations.get_contact]': 'contacts = "people"\n'
        'paging = { next_url = "next" }\n\n[operations.get_contact]',
        'forms = ["e164", "national", "significant", "patterns", "number_formats"]': 'forms = ["e164"]',
    }
    async with acorn(tmp_path, changes) as (adapter, crm):
        ids = [crm.add("A", NUMBER.e164) for _ in range(3)]

        def with_address(request: web.Request) -> web.Response | None:
            last = "after" in request.query
            host = f"http://{request.host}" if where == "same" else "http://127.0.0.2:1"
            address = None if last else f"{host}/people?phone=%2B12025550147&after=2"
            records = list(crm.people.values())
            return _json({"people": records[2:] if last else records[:2], "next": address})

        crm.instead = with_address
        if where == "same":
            assert [contact.id for contact in await adapter.find_contacts([NUMBER])] == ids
        else:
            with pytest.raises(CrmUnavailable, match="host"):
                await adapter.find_contacts([NUMBER])


async def test_one_request_can_ask_for_all_numbers(tmp_path: Path) -> None:
    changes = {
        'query = { phone = "{{ form }}", after': 'numbers = "all"\nquery = { phone = "{{ forms }}", after',
    }
    async with acorn(tmp_path, changes) as (adapter, crm):
        await adapter.find_contacts([NUMBER, parse_number("101", "US")])
        [(request, _)] = crm.seen
        assert request.query.getall("phone")[0] == NUMBER.e164
        assert "101" in request.query.getall("phone")


async def test_statuses_and_conditions_that_mean_none(tmp_path: Path) -> None:
    changes = {
        'contacts = "people"\n' + PAGING + "\n\n[operations.get": 'contacts = "people"\nnone_statuses = [204]\n'
        + PAGING
        + "\n\n[operations.get",
        'path = "/people/{{ contact_id }}"\n\n[operations.search': 'path = "/people/{{ contact_id }}"\nresponse = '
        '{ none_when = "deleted" }\n\n[operations.search',
    }
    async with acorn(tmp_path, changes) as (adapter, crm):
        crm.instead = lambda _: web.Response(status=204)
        assert list(await adapter.find_contacts([NUMBER])) == []
        crm.instead = lambda _: _json({"id": 1, "full_name": "A", "deleted": True})
        assert await adapter.get_contact("1") is None
        crm.instead = lambda _: web.Response(status=404)
        with pytest.raises(CrmUnavailable):
            await adapter.find_contacts([NUMBER])


async def test_an_answer_about_another_contact_is_no_contact(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        crm.instead = lambda _: _json({"id": 2, "full_name": "A"})
        assert await adapter.get_contact("1") is None
        crm.instead = lambda _: _json({"error": "none"})
        with pytest.raises(CrmUnavailable):
            await adapter.get_contact("1")


async def test_an_error_inside_of_success_is_an_error_with_its_delay(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        crm.instead = lambda _: _json({"error": {"code": "busy", "message": "Later, please", "wait": "7"}})
        for action in (adapter.find_contacts([NUMBER]), adapter.create_contact(DRAFT, "k")):
            with pytest.raises(CrmUnavailable, match="Later, please") as caught:
                await action
            assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ("means", "error"),
    [
        ("rate_limited", CrmRateLimited),
        ("rejected", CrmRejected),
        ("auth_failed", CrmAuthFailed),
        ("outcome_unknown", CrmOutcomeUnknown),
    ],
)
async def test_a_rule_says_what_an_answer_means(tmp_path: Path, means: str, error: type[CrmError]) -> None:
    changes = {'when = "error.code == \'busy\'"\nmeans = "unavailable"': f'status = [418]\nmeans = "{means}"'}
    async with acorn(tmp_path, changes) as (adapter, crm):
        crm.instead = lambda _: _json({}, status=418)
        with pytest.raises(error):
            await adapter.create_contact(DRAFT, "k")


async def test_no_error_repeats_a_secret_or_a_number(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        crm.instead = lambda request: _json(
            {"error": {"message": f"Bad: {request.headers['X-Acorn-Key']} for +1 (202) 555-0147"}}, status=400
        )
        with pytest.raises(CrmRejected, match="Bad: ") as caught:
            await adapter.create_contact(DRAFT, "k")
        assert "secret" not in str(caught.value)
        assert "0147" not in str(caught.value)


async def test_a_contact_is_created_and_a_call_logged_as_defined(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        created = await adapter.create_contact(DRAFT, "k")
        assert (created.id, created.name, created.email) == ("1", "Ada Lovelace", "ada@example.com")
        log = await adapter.create_call_log(Report("c").entry(created.id, subject="Hello"), "demo/c")
        assert log.id == "1"
        [call] = crm.calls
        assert {name: value for name, value in call.items() if name != "text"} == {
            "title": "Hello",
            "direction": "in",
            "at": 1772600767,
            "seconds": 120,
            "tags": ["phone"],
        }


async def test_what_was_written_without_an_id_in_the_answer_is_unknown(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        crm.instead = lambda _: _json({"done": True}, status=201)
        with pytest.raises(CrmOutcomeUnknown):
            await adapter.create_contact(DRAFT, "k")
        with pytest.raises(CrmOutcomeUnknown):
            await adapter.create_call_log(Report().entry("1"), "k")


async def test_without_an_operation_for_it_a_log_is_neither_updated_nor_found(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, _):
        assert not adapter.capabilities.finds_log_by_key
        with pytest.raises(CrmRejected):
            await adapter.update_call_log("1", Report().entry("1"))
        with pytest.raises(CrmUnavailable):
            await adapter.find_call_log("k")


async def test_the_check_is_what_the_definition_says(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        await adapter.check()
        crm.instead = lambda _: _json({"active": False})
        with pytest.raises(CrmUnavailable):
            await adapter.check()
    async with acorn(tmp_path, api_key="another") as (adapter, _):
        with pytest.raises(CrmAuthFailed):
            await adapter.check()


@pytest.mark.parametrize(
    "text", ["{{ key }}", "{{ 7*7 }}", '"}], "x": "', "{% raw %}", "a\r\nX-Y: 1", "\u2028${7*7}#{1}"]
)
async def test_values_are_never_templates_and_stay_where_they_are(tmp_path: Path, text: str) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        await adapter.create_contact(ContactDraft(name=text, phone_number=NUMBER, email=text), text)
        assert crm.seen[-1][1] == {"full_name": text, "phone": NUMBER.e164, "email": text}
        await adapter.search_contacts(text, 10, "")
        assert crm.seen[-1][0].query.getall("name")[0] in text
        crm.instead = lambda _: _json({"call": {"id": 1}})
        await adapter.create_call_log(Report().entry("../" + text.replace("\n", ""), subject=text, note=text), text)
        assert crm.seen[-1][0].raw_path.count("/") == 3
        assert crm.seen[-1][1]["title"] == text
        assert not any("acorn-secret" in str(body) for _, body in crm.seen)


READY = parse_definition(DEFINITION)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.text(min_size=1, max_size=50))
def test_whatever_a_value_is_a_request_keeps_its_form(text: str, own_id: str) -> None:
    contact = {"name": text, "email": text, "company": text, "is_placeholder": False}
    values = {"contact": contact, "number": of_number(NUMBER), "key": text, "type": {"name": ""}, "base_url": "x"}
    built = READY.create_contact.request.built(values)
    sent = text.replace("\0", "")
    assert built.json == {"full_name": sent, "phone": NUMBER.e164, **({"email": sent} if text else {})}
    read = READY.get_contact.request.built({"contact_id": own_id, "type": {}, "base_url": "x"})
    assert read.address.isascii()
    assert read.address.startswith("/people/")
    assert read.address.count("/") == 2
    assert not set("?#") & set(read.address)
    assert read.address.rpartition("/")[2] not in {"", ".", ".."}


async def test_a_search_is_kept_in_order_and_goes_on_after_a_page(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        for name in ("Ada C", "Bob", "Ada A", "Ada B", "Adam B"):
            crm.add(name, "1")
        first = await adapter.search_contacts("Ada ", 2, "")
        assert [contact.name for contact in first.contacts] == ["Ada A", "Ada B"]
        rest = await adapter.search_contacts("Ada ", 2, first.next_cursor)
        assert ([contact.name for contact in rest.contacts], rest.next_cursor) == (["Ada C"], "")
        with pytest.raises(CrmInvalidCursor):
            await adapter.search_contacts("Ada", 2, "no cursor of ours")
