"""An adapter of ours that is served: bad requests, tokens, and what callers are not told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1.adapter_service_pb2_grpc import AdapterServiceStub
from leadline.adapter.v1.records_pb2 import AccountContext, ContactDraft, LogEntry, PhoneNumber
from leadline.v1.call_pb2 import Call
from leadline_server.crm.remote import servicer
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.crm.remote.server import serve_adapter
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.crm.unconnected_crm import UnconnectedCrm
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmRateLimited, CrmTooMuch, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber as Number
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from support.loopback import over_loopback

ACCOUNT = AccountContext(id="acme")
NUMBER = PhoneNumber(text="+12025550147")
TIMELESS = LogEntry(call=Call(id="1"), contact_id="c", fallback_time=Timestamp(seconds=2**62))


class Nobody(UnconnectedCrm):
    """A CRM without contacts."""

    async def find_contacts(self, numbers: Sequence[Number]) -> Sequence[Contact]:
        return []


class Broken(UnconnectedCrm):
    """An adapter with a bug."""

    async def find_contacts(self, numbers: Sequence[Number]) -> Sequence[Contact]:
        raise KeyError("the password is hunter2")


class Overfull(UnconnectedCrm):
    """A CRM that finds more than can be read."""

    async def find_contacts(self, numbers: Sequence[Number]) -> Sequence[Contact]:
        raise CrmTooMuch("More than 1,000 have it.")


@asynccontextmanager
async def stub_of(crm: CrmAdapter, token: str = "") -> AsyncIterator[Any]:
    async with (
        serve_adapter(lambda _: crm, token=token, grace=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield AdapterServiceStub(channel)


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("FindContacts", pb.FindContactsRequest(numbers=[NUMBER])),
        ("FindContacts", pb.FindContactsRequest(account=ACCOUNT)),
        ("FindContacts", pb.FindContactsRequest(account=ACCOUNT, numbers=[NUMBER] * 17)),
        ("FindContacts", pb.FindContactsRequest(account=ACCOUNT, numbers=[PhoneNumber(text="anonymous")])),
        ("FindContacts", pb.FindContactsRequest(account=AccountContext(id="x" * 129), numbers=[NUMBER])),
        ("FindContacts", pb.FindContactsRequest(account=AccountContext(id="a", default_region="XX"), numbers=[NUMBER])),
        ("FindContacts", pb.FindContactsRequest(account=AccountContext(id="a", time_zone="Mars"), numbers=[NUMBER])),
        ("GetContact", pb.GetContactRequest(account=ACCOUNT)),
        ("SearchContacts", pb.SearchContactsRequest(account=ACCOUNT, name="x", limit=0)),
        ("SearchContacts", pb.SearchContactsRequest(account=ACCOUNT, name="x", limit=1001)),
        ("CreateContact", pb.CreateContactRequest(account=ACCOUNT, draft=ContactDraft(phone_number=NUMBER), key="k")),
        ("CreateContact", pb.CreateContactRequest(account=ACCOUNT, draft=ContactDraft(name="x"), key="k")),
        (
            "CreateContact",
            pb.CreateContactRequest(account=ACCOUNT, draft=ContactDraft(name="x", phone_number=NUMBER)),
        ),
        ("CreateCallLog", pb.CreateCallLogRequest(account=ACCOUNT, key="k")),
        ("CreateCallLog", pb.CreateCallLogRequest(account=ACCOUNT, entry=LogEntry(call=Call(id="1")), key="k")),
        ("UpdateCallLog", pb.UpdateCallLogRequest(account=ACCOUNT, entry=LogEntry(call=Call(id="1"), contact_id="c"))),
        ("CreateCallLog", pb.CreateCallLogRequest(account=ACCOUNT, entry=TIMELESS, key="k")),
        ("FindCallLog", pb.FindCallLogRequest(account=ACCOUNT)),
        ("Check", pb.CheckRequest()),
    ],
)
async def test_a_request_that_makes_no_sense_is_an_invalid_argument(method: str, request_: Message) -> None:
    async with stub_of(Nobody()) as stub:
        code, words = await refused(getattr(stub, method)(request_))
    assert (code, bool(words)) == (grpc.StatusCode.INVALID_ARGUMENT, True)


async def test_bytes_that_are_no_request_are_an_invalid_argument() -> None:
    async with (
        serve_adapter(lambda _: Nobody(), grace=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        call: Any = channel.unary_unary("/leadline.adapter.v1.AdapterService/FindContacts")
        code, _ = await refused(call(b"\xff\xff"))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_nobody_is_a_complete_answer() -> None:
    async with stub_of(Nobody()) as stub:
        answer = await stub.FindContacts(pb.FindContactsRequest(account=ACCOUNT, numbers=[NUMBER]))
    assert answer == pb.FindContactsResponse(is_complete=True)


async def test_a_bug_is_told_to_nobody_but_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    async with stub_of(Broken()) as stub:
        code, words = await refused(stub.FindContacts(pb.FindContactsRequest(account=ACCOUNT, numbers=[NUMBER])))
    assert code is grpc.StatusCode.INTERNAL
    assert "hunter2" not in words
    assert "KeyError" in capsys.readouterr().out


class Failing(UnconnectedCrm):
    """An adapter whose lookups fail, or never end."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.reached, self.left = asyncio.Event(), asyncio.Event()

    async def find_contacts(self, numbers: Sequence[Number]) -> Sequence[Contact]:
        if self._error is not None:
            raise self._error
        self.reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        raise AssertionError


async def test_a_crm_that_ran_out_of_time_is_told_as_that() -> None:
    async with stub_of(Failing(TimeoutError("of 192.0.2.1"))) as stub:
        code, words = await refused(stub.FindContacts(pb.FindContactsRequest(account=ACCOUNT, numbers=[NUMBER])))
    assert (code, words) == (grpc.StatusCode.DEADLINE_EXCEEDED, "The CRM did not answer in time.")


async def test_the_pause_that_a_crm_asks_for_arrives() -> None:
    async with over_loopback(Failing(CrmRateLimited("Slower.", retry_after=7.25))) as remote:
        with pytest.raises(CrmRateLimited) as caught:
            await remote.find_contacts([parse_number("+12025550147", "US")])
    assert caught.value.retry_after == 7.25


async def test_who_leaves_ends_the_question_and_that_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    crm = Failing()
    async with stub_of(crm) as stub, asyncio.timeout(10):
        asked = stub.FindContacts(pb.FindContactsRequest(account=ACCOUNT, numbers=[NUMBER]))
        await crm.reached.wait()
        asked.cancel()
        await crm.left.wait()
    assert "adapter failed" not in capsys.readouterr().out


async def test_without_the_right_token_nothing_is_answered() -> None:
    async with stub_of(Nobody(), token="Xy7") as stub:
        request = pb.FindContactsRequest(account=ACCOUNT, numbers=[NUMBER])
        for metadata in ((), (("authorization", "Bearer xy7"),), (("authorization", "Xy7"),)):
            assert (await refused(stub.FindContacts(request, metadata=metadata)))[0] is grpc.StatusCode.UNAUTHENTICATED
        assert (await stub.FindContacts(request, metadata=(("authorization", "Bearer Xy7"),))).is_complete


async def test_an_error_of_the_port_arrives_as_itself() -> None:
    crm = Nobody()
    async with over_loopback(crm) as remote:
        assert list(await remote.find_contacts([parse_number("+12025550147", "US")])) == []
        with pytest.raises(CrmUnavailable, match="connect this account to no CRM"):
            await remote.get_contact("c-1")


async def test_a_burst_of_questions_is_answered_question_by_question() -> None:
    number = parse_number("+12025550147", "US")
    async with over_loopback(Nobody()) as remote:
        answers = await asyncio.gather(*(remote.find_contacts([number]) for _ in range(3_000)))
    assert answers == [[]] * 3_000


async def test_the_wrong_token_is_an_error_of_credentials() -> None:
    async with (
        serve_adapter(lambda _: Nobody(), token="Xy7", grace=0) as port,
        remote_crm(f"127.0.0.1:{port}", token="other") as crm,
    ):
        with pytest.raises(CrmAuthFailed):
            await crm.check()


async def test_each_account_has_its_adapter_and_sees_its_settings_as_they_are_now() -> None:
    views: dict[str, AccountView] = {}

    def connect(view: AccountView) -> CrmAdapter:
        assert view.id not in views or not view.id, "made once"
        views[view.id] = view
        return Nobody()

    async with (
        serve_adapter(connect, grace=0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub: Any = AdapterServiceStub(channel)
        for region in ("US", "GB"):
            for name in ("a", "b"):
                context = AccountContext(id=name, default_region=region if name == "a" else "DE")
                await stub.FindContacts(pb.FindContactsRequest(account=context, numbers=[NUMBER]))
    assert {name: view.settings().default_region for name, view in views.items() if name} == {"a": "GB", "b": "DE"}


async def test_the_accounts_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicer, "MOST_ACCOUNTS", 2)
    made = []

    def connect(view: AccountView) -> CrmAdapter:
        made.append(view.id)
        return Nobody()

    serving = servicer.AdapterServicer(connect, "Nobody's")
    for name in ("a", "b", "a", "c", "a", "b"):
        await serving.FindContacts(pb.FindContactsRequest(account=AccountContext(id=name), numbers=[NUMBER]))
    assert made == ["a", "b", "c", "b"]


async def test_a_taken_address_is_an_error() -> None:
    async with serve_adapter(lambda _: Nobody(), grace=0) as port:
        with pytest.raises(OSError, match="in use"):
            async with serve_adapter(lambda _: Nobody(), f"127.0.0.1:{port}"):
                pass


async def test_that_there_is_too_much_to_read_is_told_as_that() -> None:
    async with over_loopback(Overfull()) as crm:
        with pytest.raises(CrmTooMuch, match="More than 1,000"):
            await crm.find_contacts([parse_number("+12025550147", "US")])
