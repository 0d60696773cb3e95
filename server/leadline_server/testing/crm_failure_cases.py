"""The obligations of CrmAdapter when the CRM fails: the right error, and never an answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import pytest

from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.testing.crm_harness import CrmUnderTest, Report, a_key, a_name, a_number, eventually, if_possible
from leadline_server.testing.crm_trouble import RETRY_AFTER, Failure
from leadline_server.testing.kit_adapter import KitAdapter


@dataclass(frozen=True, slots=True)
class Subject:
    """The records before the CRM fails: a contact, a log of it, and a number without a contact."""

    contact_id: str
    name: str
    number: str
    log_id: str
    log_key: str
    report: Report
    free_number: str


Operation: TypeAlias = Callable[[CrmUnderTest, Subject], Awaitable[Any]]
Errors: TypeAlias = tuple[type[BaseException], ...]

READS: Final[Mapping[str, Operation]] = {
    "find_contacts": lambda crm, there: crm.adapter.find_contacts([parse_number(there.number, crm.region)]),
    "get_contact": lambda crm, there: crm.adapter.get_contact(there.contact_id),
    "search_contacts": lambda crm, there: crm.adapter.search_contacts(there.name, 10, ""),
    "find_call_log": lambda crm, there: crm.adapter.find_call_log(there.log_key),
    "get_call_log": lambda crm, there: crm.reading_logs().get_call_log(there.log_id),
    "check": lambda crm, _: crm.adapter.check(),
    "list_users": lambda crm, _: crm.listing_users().list_users(""),
}
WRITES: Final[Mapping[str, Operation]] = {
    "create_contact": lambda crm, there: crm.adapter.create_contact(
        ContactDraft(name=a_name(), phone_number=parse_number(there.free_number, crm.region)), a_key()
    ),
    "create_call_log": lambda crm, there: crm.adapter.create_call_log(Report().entry(there.contact_id), a_key()),
    "update_call_log": lambda crm, there: crm.adapter.update_call_log(
        there.log_id, there.report.entry(there.contact_id, note="Changed")
    ),
}

_READ_ERRORS: Final[Mapping[Failure, Errors]] = {
    Failure.UNAUTHORIZED: (CrmAuthFailed,),
    Failure.FORBIDDEN: (CrmAuthFailed, CrmRejected),
    Failure.NOT_FOUND: (CrmUnavailable, CrmRejected),
    Failure.UNPROCESSABLE: (CrmUnavailable, CrmRejected),
    Failure.TELLTALE: (CrmUnavailable, CrmRejected),
    Failure.RATE_LIMITED: (CrmRateLimited,),
    Failure.SERVER_ERROR: (CrmUnavailable,),
    Failure.UNAVAILABLE: (CrmUnavailable,),
    Failure.HANG: (CrmUnavailable, TimeoutError),
    Failure.GARBAGE: (CrmUnavailable,),
    Failure.TRUNCATED: (CrmUnavailable,),
    Failure.HTML: (CrmUnavailable,),
    Failure.REDIRECT: (CrmUnavailable, CrmRejected),
    Failure.REFUSED: (CrmUnavailable,),
}
"""The errors that a read may raise. TimeoutError is for a request that hung until the suite gave up."""

_WRITE_ERRORS: Final[Mapping[Failure, Errors]] = {
    Failure.UNAUTHORIZED: (CrmAuthFailed,),
    Failure.FORBIDDEN: (CrmAuthFailed, CrmRejected),
    Failure.NOT_FOUND: (CrmUnavailable, CrmRejected),
    Failure.CONFLICT: (CrmUnavailable, CrmRejected),
    Failure.UNPROCESSABLE: (CrmRejected,),
    Failure.TELLTALE: (CrmRejected,),
    Failure.RATE_LIMITED: (CrmRateLimited,),
    Failure.SERVER_ERROR: (CrmOutcomeUnknown,),
    Failure.UNAVAILABLE: (CrmOutcomeUnknown,),
    Failure.HANG: (CrmOutcomeUnknown, TimeoutError),
    Failure.DROPPED: (CrmOutcomeUnknown,),
    Failure.GARBAGE: (CrmOutcomeUnknown,),
    Failure.TRUNCATED: (CrmOutcomeUnknown,),
    Failure.HTML: (CrmOutcomeUnknown,),
    Failure.REDIRECT: (CrmOutcomeUnknown, CrmUnavailable),
    Failure.REFUSED: (CrmUnavailable,),
}
"""The errors that a write may raise."""

_AMPLE_SECONDS: Final = 60.0
"""For requests that do not hang."""

_NOTHING_MADE: Final = (CrmAuthFailed, CrmRejected, CrmUnavailable)
"""Errors that say that a write changed nothing. CrmRateLimited is a subclass of one."""

_MAY_BE_NONE: Final = {"get_contact", "find_call_log", "get_call_log"}
"""Reads of one record, which many CRMs answer with 404 if it does not exist."""


class FailureCases:
    """The adapter's errors when the CRM fails. Subclasses provide the fixture `crm`."""

    @pytest.mark.parametrize("operation", READS)
    @pytest.mark.parametrize("failure", _READ_ERRORS)
    async def test_a_read_that_fails_raises_the_right_error(
        self, crm: CrmUnderTest, failure: Failure, operation: str
    ) -> None:
        _need(crm, operation)
        if operation == "find_call_log":
            crm.requires("finds_log_by_key")
        there = await _prepare(crm, failure, with_log=operation == "get_call_log")
        raised = await _suffer(crm, failure, READS[operation], there)
        if failure is Failure.NOT_FOUND and operation in _MAY_BE_NONE and raised is None:
            return
        _assert_right(crm, raised, _READ_ERRORS[failure], there)
        await _assert_recovered(crm, failure, there)

    @pytest.mark.parametrize("operation", WRITES)
    @pytest.mark.parametrize("failure", _WRITE_ERRORS)
    async def test_a_write_that_fails_raises_the_right_error(
        self, crm: CrmUnderTest, failure: Failure, operation: str
    ) -> None:
        _need(crm, operation)
        there = await _prepare(crm, failure, with_log=True)
        before = await _state(crm, there)
        raised = await _suffer(crm, failure, WRITES[operation], there, writes_only=failure is not Failure.REFUSED)
        _assert_right(crm, raised, _WRITE_ERRORS[failure], there)
        if isinstance(raised, _NOTHING_MADE):
            assert await _state(crm, there) == before, "The error says that nothing was made."
        await _assert_recovered(crm, failure, there)

    @pytest.mark.parametrize("operation", WRITES)
    @pytest.mark.parametrize("failure", [*_WRITE_ERRORS])
    async def test_a_write_that_fails_in_its_middle_never_says_that_nothing_was_made(
        self, crm: CrmUnderTest, failure: Failure, operation: str
    ) -> None:
        crm.other_hands()
        if failure is Failure.REFUSED:
            pytest.skip("A CRM where nobody listens fails from the first request on.")
        _need(crm, operation)
        there = await _prepare(crm, failure, with_log=True)
        before = await _state(crm, there)
        raised = await _suffer(crm, failure, WRITES[operation], there, writes_only=True, after=1)
        if isinstance(raised, _NOTHING_MADE):
            assert await _state(crm, there) == before

    @pytest.mark.parametrize("after", [1, 2, 3])
    @pytest.mark.parametrize("failure", _READ_ERRORS)
    async def test_a_lookup_that_fails_in_its_middle_is_no_answer(
        self, crm: CrmUnderTest, failure: Failure, after: int
    ) -> None:
        if failure is Failure.REFUSED:
            pytest.skip("A CRM where nobody listens fails from the first request on.")
        await _provoke(crm, failure)
        numbers = list(dict.fromkeys(a_number() for _ in range(16)))
        expected = {(await crm.a_contact(number=number)).id for number in numbers[::3]}
        assert await eventually(lambda: crm.ids(*numbers), lambda ids: ids == expected, crm.lag) == expected
        await if_possible(crm.troubled().misbehave(failure, after=after))
        found = set[str]()

        async def look() -> None:
            found.update(await crm.ids(*numbers))

        try:
            raised = await _raised(crm, failure, look())
        finally:
            await crm.troubled().recover()
        assert raised or found == expected

    async def test_a_log_whose_answer_got_lost_is_found_by_its_key(self, crm: CrmUnderTest) -> None:
        crm.requires("finds_log_by_key")
        there, key = await _prepare(crm, Failure.DROPPED), a_key()
        write: Operation = lambda crm, there: crm.adapter.create_call_log(Report().entry(there.contact_id), key)  # noqa: E731 - a def would need a name
        assert isinstance(await _suffer(crm, Failure.DROPPED, write, there, writes_only=True), CrmOutcomeUnknown)
        assert await _found_log(crm, key)

    async def test_a_write_whose_answer_got_lost_can_be_repeated_with_its_key(self, crm: CrmUnderTest) -> None:
        crm.requires("enforces_unique_key")
        there, key = await _prepare(crm, Failure.DROPPED), a_key()
        draft = ContactDraft(name=a_name(), phone_number=parse_number(there.free_number, crm.region))
        write: Operation = lambda crm, _: crm.adapter.create_contact(draft, key)  # noqa: E731 - a def would need a name
        assert isinstance(await _suffer(crm, Failure.DROPPED, write, there, writes_only=True), CrmOutcomeUnknown)
        created = await crm.adapter.create_contact(draft, key)
        await crm.becomes_found(there.free_number, {created.id})


async def _prepare(crm: CrmUnderTest, failure: Failure, *, with_log: bool = False) -> Subject:
    """The records before the failure. A level or an adapter without logs has none, unless the test needs one."""
    await _provoke(crm, failure)
    name, number, key, report = a_name(), a_number(), a_key(), Report()
    if with_log:
        _need(crm, "create_call_log")
    contact = await crm.a_contact(name, number)
    log_id = ""
    if not isinstance(crm.adapter, KitAdapter) or crm.adapter.may_call(CrmMethod.CREATE_CALL_LOG):
        log_id = (await crm.adapter.create_call_log(report.entry(contact.id), key)).id
    return Subject(contact.id, name, number, log_id, key, report, a_number())


async def _provoke(crm: CrmUnderTest, failure: Failure) -> None:
    """Skip the test, before it creates anything, if the failure cannot be provoked."""
    trouble = crm.troubled()
    if failure is Failure.REFUSED:
        return
    await if_possible(trouble.misbehave(failure))
    await trouble.recover()


def _need(crm: CrmUnderTest, operation: str) -> None:
    if isinstance(crm.adapter, KitAdapter):
        crm.adapter.need(CrmMethod(operation))


async def _state(crm: CrmUnderTest, there: Subject) -> tuple[object, ...]:
    """The data that writes would change, as far as it can be read."""
    if crm.people is None or not there.log_id:
        return ()
    log = await crm.people.see_log(there.log_id)
    try:
        logs = await crm.people.count_logs()
    except NotImplementedError:
        logs = 0
    return await crm.people.count_contacts(), logs, log.note, log.contact_id


async def _suffer(
    crm: CrmUnderTest,
    failure: Failure,
    operation: Operation,
    there: Subject,
    *,
    writes_only: bool = False,
    after: int = 0,
) -> BaseException | None:
    """The error of an operation while the CRM fails; None if there is none. Afterwards the CRM works again."""
    trouble = crm.troubled()
    await if_possible(trouble.misbehave(failure, writes_only=writes_only, after=after))
    try:
        if failure is Failure.REFUSED:
            await _raised(crm, failure, crm.adapter.check())  # detects that earlier connections are gone
        return await _raised(crm, failure, operation(crm, there))
    finally:
        await trouble.recover()
        assert await trouble.redirects_followed() == 0


async def _raised(crm: CrmUnderTest, failure: Failure, action: Awaitable[Any]) -> BaseException | None:
    """The error of an action: one of the port, or TimeoutError if it hung until the suite gave up."""
    try:
        async with asyncio.timeout(crm.patience if failure is Failure.HANG else _AMPLE_SECONDS) as waiting:
            await action
    except CrmError as error:
        return error
    except TimeoutError as error:
        if not waiting.expired():
            raise  # raised by the adapter, and not an error of the port
        return error
    return None


def _assert_right(crm: CrmUnderTest, raised: BaseException | None, expected: Errors, there: Subject) -> None:
    assert isinstance(raised, expected), f"It raised {raised!r}, not one of {expected}."
    if isinstance(raised, CrmRateLimited) and CrmRateLimited in expected:
        assert raised.retry_after == pytest.approx(RETRY_AFTER, abs=1)
    if isinstance(raised, CrmError):
        told = f"{raised} {raised.message} {raised.metadata}"
        for secret in (*crm.secrets, there.number[1:], there.free_number[1:], there.number[-10:]):
            assert secret not in told, "An error's message has a secret, or a caller's number."


async def _assert_recovered(crm: CrmUnderTest, failure: Failure, there: Subject) -> None:
    """The same adapter works when the CRM does again, and not before a delay that the CRM asked for."""
    if failure is Failure.RATE_LIMITED:
        return
    await crm.adapter.check()
    await crm.becomes_found(there.number, {there.contact_id})


async def _found_log(crm: CrmUnderTest, key: str) -> set[str]:
    async def look() -> set[str]:
        found = await crm.adapter.find_call_log(key)
        return {found.id} if found else set()

    return await eventually(look, bool, crm.adapter.capabilities.settle_time + crm.lag)
