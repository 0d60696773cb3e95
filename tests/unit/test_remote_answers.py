"""Answers of an adapter in another process: a missing field is never interpreted."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import records_pb2
from leadline.v1 import call_pb2, contact_pb2, directory_pb2
from leadline_server.crm.remote.adapter_type import open_remote, remote_crm
from leadline_server.crm.remote.settings import RemoteSettings
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmError, CrmOutcomeUnknown, CrmRejected, CrmUnavailable
from leadline_server.domain.directory import CrmUser
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter, CrmUserPage, ListsUsers
from leadline_server.testing.crm_harness import Report
from support.scripted_adapters import CONTACT, ScriptedAdapter, fails, says, scripted_adapter, sends

NUMBER: Final = parse_number("(202) 555-0147", "US")
DRAFT: Final = ContactDraft(name="Ada Lovelace", phone_number=NUMBER)

Operation = Callable[[CrmAdapter], Awaitable[Any]]


async def users(crm: CrmAdapter, cursor: str = "") -> CrmUserPage:
    assert isinstance(crm, ListsUsers)
    return await crm.list_users(cursor)


READS: Final[Mapping[str, Operation]] = {
    "FindContacts": lambda crm: crm.find_contacts([NUMBER]),
    "GetContact": lambda crm: crm.get_contact("c-1"),
    "SearchContacts": lambda crm: crm.search_contacts("Ada", 10, ""),
    "FindCallLog": lambda crm: crm.find_call_log("key"),
    "Check": lambda crm: crm.check(),
    "ListUsers": users,
}
WRITES: Final[Mapping[str, Operation]] = {
    "CreateContact": lambda crm: crm.create_contact(DRAFT, "key"),
    "CreateCallLog": lambda crm: crm.create_call_log(Report().entry("c-1"), "key"),
    "UpdateCallLog": lambda crm: crm.update_call_log("l-1", Report().entry("c-1")),
}
OPERATIONS: Final = {**READS, **WRITES}


def cannot_tell(method: str) -> type[CrmError]:
    return CrmOutcomeUnknown if method in WRITES else CrmUnavailable


@pytest.fixture
async def adapter() -> AsyncIterator[ScriptedAdapter]:
    async with scripted_adapter() as running:
        yield running


@pytest.fixture
async def crm(adapter: ScriptedAdapter) -> AsyncIterator[CrmAdapter]:
    async with remote_crm(adapter.address, deadline=2.0) as connected:
        yield connected


async def test_an_adapter_that_is_well_is_understood(crm: CrmAdapter) -> None:
    assert [contact.name for contact in await crm.find_contacts([NUMBER])] == ["Ada Lovelace"]
    assert (await crm.create_contact(DRAFT, "key")).id == "c-1"
    log = await crm.create_call_log(Report().entry("c-1"), "key")
    assert (log.id, log.url) == ("l-1", "https://crm.example/l-1")
    await crm.check()


@pytest.mark.parametrize("method", OPERATIONS)
@pytest.mark.parametrize("data", [b"\xff\xff", b"<html>", b"\x0a"], ids=["garbage", "a page", "cut off"])
async def test_bytes_that_are_no_answer_are_cannot_tell(
    adapter: ScriptedAdapter, crm: CrmAdapter, method: str, data: bytes
) -> None:
    adapter.answers[method] = sends(data)
    with pytest.raises(cannot_tell(method)):
        await OPERATIONS[method](crm)


@pytest.mark.parametrize("method", sorted(OPERATIONS.keys() - {"Check"}))
async def test_an_empty_message_is_cannot_tell_and_never_nobody(
    adapter: ScriptedAdapter, crm: CrmAdapter, method: str
) -> None:
    adapter.answers[method] = sends(b"")
    with pytest.raises(cannot_tell(method)):
        await OPERATIONS[method](crm)


@pytest.mark.parametrize("method", OPERATIONS)
async def test_an_answer_that_is_too_large_is_cannot_tell(
    adapter: ScriptedAdapter, crm: CrmAdapter, method: str
) -> None:
    size = 1024 * 1024 if method == "FindContacts" else 4 * 1024 * 1024
    large = contact_pb2.Contact(id="c-1", name="x" * size)
    adapter.answers[method] = says(pb.FindContactsResponse(contacts=[large], is_complete=True))
    with pytest.raises(cannot_tell(method)):
        await OPERATIONS[method](crm)
    adapter.answers["Check"] = says(pb.CheckResponse())
    await crm.check()


async def test_ok_without_any_answer_is_cannot_tell(adapter: ScriptedAdapter) -> None:
    await adapter.stop()
    adapter.silent = frozenset(OPERATIONS)
    await adapter.start()
    async with remote_crm(adapter.address) as crm:
        for method, operation in OPERATIONS.items():
            with pytest.raises(cannot_tell(method)):
                await operation(crm)


_WITHOUT_ID: Final = contact_pb2.Contact(name="Nobody")
_LONG_ID: Final = contact_pb2.Contact(id="x" * 129)
_NO_TIME: Final = contact_pb2.Contact(id="c-1", create_time=Timestamp(seconds=2**62))


@pytest.mark.parametrize(
    "contact", [_WITHOUT_ID, _LONG_ID, _NO_TIME], ids=["no id", "a long id", "a time that is none"]
)
@pytest.mark.parametrize("method", ["FindContacts", "GetContact", "SearchContacts", "CreateContact"])
async def test_a_contact_that_cannot_be_one_is_cannot_tell(
    adapter: ScriptedAdapter, crm: CrmAdapter, method: str, contact: contact_pb2.Contact
) -> None:
    answers: dict[str, Any] = {
        "FindContacts": pb.FindContactsResponse(contacts=[CONTACT, contact], is_complete=True),
        "GetContact": pb.GetContactResponse(contact=contact),
        "SearchContacts": pb.SearchContactsResponse(contacts=[contact], is_complete=True),
        "CreateContact": pb.CreateContactResponse(contact=contact),
    }
    adapter.answers[method] = says(answers[method])
    with pytest.raises(cannot_tell(method)):
        await OPERATIONS[method](crm)


_LIES: Final[Mapping[str, tuple[str, Any]]] = {
    "a lookup that left something out": ("FindContacts", pb.FindContactsResponse(contacts=[CONTACT])),
    "another contact than asked for": ("GetContact", pb.GetContactResponse(contact=contact_pb2.Contact(id="c-2"))),
    "not_found that is false": ("GetContact", pb.GetContactResponse(not_found=False)),
    "a log that is not not there": ("FindCallLog", pb.FindCallLogResponse(not_found=False)),
    "a log without an id": ("FindCallLog", pb.FindCallLogResponse(log=records_pb2.CrmLog(url="https://x.example"))),
    "a page that left something out": ("SearchContacts", pb.SearchContactsResponse()),
    "a page that is too long": ("SearchContacts", pb.SearchContactsResponse(contacts=[CONTACT] * 11, is_complete=True)),
    "a cursor that is too long": ("SearchContacts", pb.SearchContactsResponse(next_cursor="é" * 257, is_complete=True)),
}


@pytest.mark.parametrize("lie", _LIES)
async def test_an_answer_that_contradicts_itself_is_cannot_tell(
    adapter: ScriptedAdapter, crm: CrmAdapter, lie: str
) -> None:
    method, answer = _LIES[lie]
    adapter.answers[method] = says(answer)
    with pytest.raises(CrmUnavailable):
        await OPERATIONS[method](crm)


async def test_a_cursor_that_leads_nowhere_is_cannot_tell(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    adapter.answers["SearchContacts"] = says(pb.SearchContactsResponse(next_cursor="here", is_complete=True))
    page = await crm.search_contacts("Ada", 10, "")
    with pytest.raises(CrmUnavailable):
        await crm.search_contacts("Ada", 10, page.next_cursor)


async def test_nobody_is_nobody_where_the_adapter_says_so(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    adapter.answers["FindContacts"] = says(pb.FindContactsResponse(is_complete=True))
    adapter.answers["GetContact"] = says(pb.GetContactResponse(not_found=True))
    adapter.answers["FindCallLog"] = says(pb.FindCallLogResponse(not_found=True))
    assert list(await crm.find_contacts([NUMBER])) == []
    assert await crm.get_contact("c-1") is None
    assert await crm.find_call_log("key") is None


async def test_addresses_that_are_no_web_pages_are_dropped(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    hostile = "javascript:alert(1)"
    contact = contact_pb2.Contact(id="c-1", url=hostile)
    adapter.answers["GetContact"] = says(pb.GetContactResponse(contact=contact))
    adapter.answers["CreateCallLog"] = says(pb.CreateCallLogResponse(log=records_pb2.CrmLog(id="l-1", url=hostile)))
    read = await crm.get_contact("c-1")
    assert read is not None
    assert read.url == ""
    assert (await crm.create_call_log(Report().entry("c-1"), "key")).url == ""


async def test_an_adapter_without_the_optional_methods_is_of_use(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    for method in ("SearchContacts", "CreateContact", "CreateCallLog", "UpdateCallLog", "Check"):
        del adapter.answers[method]
    assert len(await crm.find_contacts([NUMBER])) == 1
    await crm.check()
    for method in ("SearchContacts", "CreateContact", "CreateCallLog", "UpdateCallLog"):
        with pytest.raises(CrmRejected):
            await OPERATIONS[method](crm)


@pytest.mark.parametrize("method", ["FindContacts", "GetContact", "FindCallLog"])
async def test_an_adapter_without_a_required_method_cannot_tell(
    adapter: ScriptedAdapter, crm: CrmAdapter, method: str
) -> None:
    del adapter.answers[method]
    with pytest.raises(CrmUnavailable):
        await OPERATIONS[method](crm)


async def test_a_proxy_that_has_lost_its_way_refuses_no_write_for_good(
    adapter: ScriptedAdapter, crm: CrmAdapter
) -> None:
    adapter.answers.clear()
    with pytest.raises(CrmUnavailable):
        await crm.create_call_log(Report().entry("c-1"), "key")


async def test_each_request_says_which_account_it_is_for_with_its_settings_as_they_are(
    adapter: ScriptedAdapter,
) -> None:
    current = {"a": AccountSettings(), "b": AccountSettings(default_region="GB", time_zone="Europe/London")}
    async with open_remote(RemoteSettings(address=adapter.address)) as connect:
        crms = {name: connect(AccountView(name, lambda name=name: current[name])) for name in current}  # type: ignore[misc]
        current["a"] = AccountSettings(number_formats=("(###) ###-####",))
        for crm in crms.values():
            await crm.find_contacts([NUMBER])
    requests = [pb.FindContactsRequest.FromString(data) for name, data in adapter.received if name == "FindContacts"]
    accounts = [(one.account.id, one.account.default_region, one.account.time_zone) for one in requests]
    assert accounts == [("a", "US", "UTC"), ("b", "GB", "Europe/London")]
    assert "(202) 555-0147" in requests[0].numbers[0].forms
    assert requests[0].numbers[0].forms[0] == "+12025550147"
    assert "(202) 555-0147" not in requests[1].numbers[0].forms


async def test_a_log_entry_arrives_whole_and_in_words(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    entry = Report("call-1").entry("c-1", subject="", note="Called back")
    await crm.create_call_log(entry, "the key")
    request = pb.CreateCallLogRequest.FromString(adapter.received[-1][1])
    assert (request.key, request.entry.contact_id, request.entry.user_id) == ("the key", "c-1", "alice")
    assert request.entry.call.caller.name == "Ada Lovelace"
    assert request.entry.call.result == call_pb2.CALL_RESULT_ANSWERED
    assert not request.entry.call.HasField("disposition")
    assert request.entry.subject == "Inbound call from Ada Lovelace (+14155550123)"
    assert "Note: Called back" in request.entry.body


async def test_a_write_is_sent_once_however_it_fails(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    for code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL):
        adapter.answers["CreateContact"] = fails(code)
        with pytest.raises(CrmOutcomeUnknown):
            await crm.create_contact(DRAFT, "key")
    assert adapter.count("CreateContact") == 3


async def test_a_page_of_users_is_understood(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    jane = directory_pb2.CrmUser(id="7", name="Jane", email="jane@example.com", is_active=True)
    adapter.answers["ListUsers"] = says(pb.ListUsersResponse(users=[jane], next_cursor="more", is_complete=True))
    page = await users(crm)
    assert page == CrmUserPage((CrmUser(id="7", name="Jane", email="jane@example.com", is_active=True),), "more")


NO_PAGES_OF_USERS: Final = {
    "not complete": pb.ListUsersResponse(users=[directory_pb2.CrmUser(id="7")]),
    "without an id": pb.ListUsersResponse(users=[directory_pb2.CrmUser(name="Jane")], is_complete=True),
    "too many": pb.ListUsersResponse(users=[directory_pb2.CrmUser(id="7")] * 1_001, is_complete=True),
    "the same cursor again": pb.ListUsersResponse(next_cursor="here", is_complete=True),
    "a cursor that is too long": pb.ListUsersResponse(next_cursor="x" * 513, is_complete=True),
}


@pytest.mark.parametrize("answer", NO_PAGES_OF_USERS.values(), ids=NO_PAGES_OF_USERS)
async def test_what_is_no_page_of_users_is_cannot_tell(
    adapter: ScriptedAdapter, crm: CrmAdapter, answer: pb.ListUsersResponse
) -> None:
    adapter.answers["ListUsers"] = says(answer)
    with pytest.raises(CrmUnavailable):
        await users(crm, "here")


async def test_an_adapter_without_users_says_so(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    adapter.answers["ListUsers"] = fails(grpc.StatusCode.UNIMPLEMENTED)
    with pytest.raises(CrmRejected, match="cannot list its users"):
        await users(crm)
