"""The adapter of a definition where things go wrong: answers that say too little, templates that come to nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from leadline_server.crm.declarative.adapter import DefinedCrm
from leadline_server.crm.declarative.adapter_type import HttpSettings, open_connection
from leadline_server.crm.declarative.authorizers import authorizer
from leadline_server.crm.declarative.definition_files import parse_definition
from leadline_server.crm.declarative.request_template import BuiltRequest
from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.testing.crm_harness import Report
from support.acorn import KEY, Acorn, acorn, changed
from support.adapters import adapter_context
from support.http_servers import http_server

NUMBER: Final = parse_number("+12025550147", "US")


OTHER: Final = parse_number("+12025550188", "US")


DRAFT: Final = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)


ENTRY: Final = Report("call-1").entry("1", note="Her note.")

HEADER: Final = 'type = "header"\nheader = "X-Acorn-Key"\nvalue = "{{ api_key }}"'


def _json(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)


@pytest.mark.parametrize("answer", [[], 7, None, "x"])
async def test_a_contact_that_is_no_record_cannot_be_told(tmp_path: Path, answer: Any) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        crm.instead = lambda _: _json(answer)
        with pytest.raises(CrmUnavailable):
            await adapter.get_contact("1")


@pytest.mark.parametrize("change", [{}, {'paging = { next = "next" }': 'paging = { next_url = "next" }'}])
async def test_a_page_that_leads_to_itself_is_not_read_again(tmp_path: Path, change: dict[str, str]) -> None:
    async with acorn(tmp_path, change) as (adapter, crm):
        crm.instead = lambda _: _json({"people": [], "next": "people?after=same"})
        with pytest.raises(CrmUnavailable, match="names itself as the next page"):
            await adapter.search_contacts("Ada", 10, "")
        assert len(crm.seen) == 2


def _fails(name: str, value: str) -> str:
    """A template that fails with one value alone, which is not that of the sample it is checked with."""
    return f"{{{{ 1 / (0 if {name} == '{value}' else 1) }}}}"


async def test_a_question_whose_templates_fail_is_not_asked_and_cannot_be_told(tmp_path: Path) -> None:
    changes = {'phone = "{{ form }}"': f'phone = "{{{{ form }}}}{_fails("form", OTHER.e164)}"'}
    async with acorn(tmp_path, changes) as (adapter, crm):
        with pytest.raises(CrmUnavailable, match=r"operations.find_contacts.query.phone: cannot be rendered"):
            await adapter.find_contacts([OTHER])
        assert OTHER.e164 not in {request.query.get("phone", "") for request, _ in crm.seen}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({'title = "{{ subject }}"': f'title = "{_fails("call.id", "call-77")}"'}, "body.title: cannot be rendered"),
        (
            {'path = "/people/{{ contact_id }}/calls"': 'path = "/people/{{ contact_id }}/{{ user_id }}"'},
            "is empty",
        ),
        (
            {
                "[operations.create_call_log.body]": 'headers = { X-Note = "{{ call.note }}" }\n'
                "[operations.create_call_log.body]"
            },
            "a header may have printable ASCII only",
        ),
        (
            {'title = "{{ subject }}"': "\n".join(f'title{i} = "{{{{ call.transcript }}}}"' for i in range(6))},
            "has more than 1000000 characters",
        ),
    ],
)
async def test_a_change_whose_templates_fail_is_refused_and_not_sent(
    tmp_path: Path, change: dict[str, str], problem: str
) -> None:
    entry = replace(ENTRY, user_id="", call=replace(ENTRY.call, id="call-77", note="Ünïcode", transcript="t" * 190_000))
    async with acorn(tmp_path, change) as (adapter, crm):
        with pytest.raises(CrmRejected, match=problem) as caught:
            await adapter.create_call_log(entry, "call-1")
        assert crm.seen == []
        assert "Ünïcode" not in str(caught.value)


async def test_a_page_to_look_at_that_cannot_be_named_is_no_part_of_the_answer(tmp_path: Path) -> None:
    changes = {
        'url = "{{ base_url }}/people/{{ contact_id }}"': f'url = "{_fails("contact_id", "1")}"',
        "[words.direction]": f'[call_log]\nurl = "{_fails("log_id", "1")}"\n\n[words.direction]',
    }
    async with acorn(tmp_path, changes) as (adapter, _):
        contact = await adapter.create_contact(DRAFT, "k")
        assert (contact.name, contact.url) == ("Ada Lovelace", "")
        log = await adapter.create_call_log(ENTRY, "call-1")
        assert (log.id, log.url) == ("1", "")


async def test_an_expression_that_does_not_fit_an_answer_finds_nothing() -> None:
    for source in ("join(',', names)", "abs(names)", "sum(names)", "max_by(names, &age)"):
        assert AnswerPath(source).find({"names": {"first": "Ada"}}) is None
        assert AnswerPath(source).text({"names": {"first": "Ada"}}) == ""


FORM: Final = {
    'body = { full_name = "{{ contact.name }}", phone = "{{ number.text }}", email = "{{ contact.email or none }}" }': (
        'form = { full_name = "{{ contact.name }}", phone = "{{ number.text }}" }'
    )
}


async def test_a_form_is_sent_as_one(tmp_path: Path) -> None:
    async with acorn(tmp_path, FORM) as (adapter, crm):
        crm.instead = lambda _: _json({"id": 1, "full_name": "Ada Lovelace", "phone": NUMBER.e164}, 201)
        assert (await adapter.create_contact(DRAFT, "k")).id == "1"
        [(request, _)] = crm.seen
        assert request.content_type == "application/x-www-form-urlencoded"
        assert await request.text() == "full_name=Ada+Lovelace&phone=%2B12025550147"


class Seen:
    """An Observer that keeps what it sees."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []

    def sent(self, operation: str, request: BuiltRequest) -> None:
        self.all.append((operation, request.address.partition("?")[0].rpartition("/")[2]))

    def received(self, answer: HttpAnswer) -> None:
        self.all.append(("answer", answer.status))


async def test_who_tries_a_definition_sees_what_is_sent_and_what_comes_and_no_secret(tmp_path: Path) -> None:
    seen, file = Seen(), tmp_path / "acorn.toml"
    get = 'path = "/people/{{ contact_id }}"\n'
    file.write_text(changed({get: get + "response.none_statuses = [404]\n"}))
    async with adapter_context(tmp_path) as context, http_server(Acorn().answer) as url:
        options = {"definition": str(file), "base_url": url, "api_key": KEY}
        connected = open_connection(HttpSettings.model_validate(options), context, seen, at_once=1)
        adapter = DefinedCrm(connected, AccountView("demo", AccountSettings))
        await adapter.create_contact(DRAFT, "k")
        assert await adapter.get_contact("no such one") is None
        with pytest.raises(CrmRejected):
            await adapter.create_call_log(Report("c").entry("no such one"), "c")
        assert CrmMethod.UPDATE_CALL_LOG not in adapter.capabilities.methods
    assert seen.all == [
        ("create_contact", "people"),
        ("answer", 201),
        ("get_contact", "no%20such%20one"),
        ("answer", 404),
        ("create_call_log", "calls"),
        ("answer", 404),
    ]


async def test_a_token_address_that_is_none_is_told_when_the_connection_is_opened(tmp_path: Path) -> None:
    oauth = 'type = "oauth2"\ntoken_url = "{{ tokens }}"\nclient_id = "me"\nclient_secret = "{{ api_key }}"'
    changes = {
        HEADER: oauth,
        "[authentication]": '[variables.tokens]\ndescription = "Where tokens are."\n\n[authentication]',
    }
    with pytest.raises(CrmUnavailable, match=r"connections.crm: authentication.token_url: must begin with https://"):
        async with acorn(tmp_path, changes, tokens="http://elsewhere.example.com"):
            raise AssertionError


async def test_without_authentication_nothing_is_sent_and_secrets_are_none_the_less(tmp_path: Path) -> None:
    changes = {HEADER: 'type = "none"'}
    async with acorn(tmp_path, changes) as (adapter, crm):
        crm.instead = lambda _: _json({"error": {"message": f"Why not {KEY}?"}}, 400)
        with pytest.raises(CrmRejected) as caught:
            await adapter.create_contact(DRAFT, "k")
        assert KEY not in str(caught.value)
        assert "X-Acorn-Key" not in crm.seen[0][0].headers


async def test_a_login_is_not_repeated_for_a_token_that_was_replaced_already(tmp_path: Path) -> None:
    login = """type = "login"
path = "/login"
token = "token"
lifetime = 600
header = "X-Acorn-Key"
value = "{{ access_token }}"
"""
    logins: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        logins.append(request.path)
        return _json({"token": f"token-{len(logins)}"})

    definition = parse_definition(changed({HEADER: login})).definition
    async with adapter_context(tmp_path) as context, http_server(handler) as url:
        ours = authorizer(definition, {"api_key": KEY, "base_url": url}, url, context)
        refused = await ours.headers()
        assert await ours.renew(refused)
        assert await ours.renew(refused)
        assert await ours.headers() == {"X-Acorn-Key": "token-2"}
    assert logins == ["/login", "/login"]


async def test_a_read_nested_100000_deep_is_cannot_tell_and_a_write_an_unknown_outcome(tmp_path: Path) -> None:
    async with acorn(tmp_path) as (adapter, crm):
        crm.instead = lambda _: web.Response(text="[" * 100_000 + "]" * 100_000, content_type="application/json")
        with pytest.raises(CrmUnavailable):
            await adapter.find_contacts([NUMBER])
        with pytest.raises(CrmOutcomeUnknown):
            await adapter.create_contact(DRAFT, "k")
