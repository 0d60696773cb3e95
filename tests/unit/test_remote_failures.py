"""The meaning of an adapter's statuses: a write that may have taken effect never counts as failed."""

from collections.abc import AsyncIterator

import grpc
import pytest
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmTooMuch,
    CrmUnavailable,
)
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from support.scripted_adapters import ScriptedAdapter, details, fails, scripted_adapter

NUMBER = parse_number("+12025550147", "US")
TOKEN = "Xy7-secret"
Code = grpc.StatusCode

BY_CODE: dict[grpc.StatusCode, tuple[type[CrmError], type[CrmError]]] = {
    Code.CANCELLED: (CrmUnavailable, CrmOutcomeUnknown),
    Code.UNKNOWN: (CrmUnavailable, CrmOutcomeUnknown),
    Code.INVALID_ARGUMENT: (CrmRejected, CrmRejected),
    Code.DEADLINE_EXCEEDED: (CrmUnavailable, CrmOutcomeUnknown),
    Code.NOT_FOUND: (CrmUnavailable, CrmRejected),
    Code.ALREADY_EXISTS: (CrmRejected, CrmRejected),
    Code.PERMISSION_DENIED: (CrmAuthFailed, CrmAuthFailed),
    Code.RESOURCE_EXHAUSTED: (CrmRateLimited, CrmOutcomeUnknown),
    Code.FAILED_PRECONDITION: (CrmRejected, CrmRejected),
    Code.ABORTED: (CrmUnavailable, CrmOutcomeUnknown),
    Code.OUT_OF_RANGE: (CrmRejected, CrmRejected),
    Code.UNIMPLEMENTED: (CrmUnavailable, CrmRejected),
    Code.INTERNAL: (CrmUnavailable, CrmOutcomeUnknown),
    Code.UNAVAILABLE: (CrmUnavailable, CrmOutcomeUnknown),
    Code.DATA_LOSS: (CrmUnavailable, CrmOutcomeUnknown),
    Code.UNAUTHENTICATED: (CrmAuthFailed, CrmAuthFailed),
}
"""Of a code without a reason: what a read raises, and what a write raises."""

BY_REASON: dict[str, tuple[type[CrmError], type[CrmError]]] = {
    "CRM_UNAVAILABLE": (CrmUnavailable, CrmUnavailable),
    "CRM_TOO_MUCH": (CrmTooMuch, CrmTooMuch),
    "CRM_RATE_LIMITED": (CrmRateLimited, CrmRateLimited),
    "CRM_REJECTED": (CrmRejected, CrmRejected),
    "CRM_AUTH_FAILED": (CrmAuthFailed, CrmAuthFailed),
    "CRM_OUTCOME_UNKNOWN": (CrmUnavailable, CrmOutcomeUnknown),
}


@pytest.fixture
async def adapter() -> AsyncIterator[ScriptedAdapter]:
    async with scripted_adapter() as running:
        yield running


@pytest.fixture
async def crm(adapter: ScriptedAdapter) -> AsyncIterator[CrmAdapter]:
    async with remote_crm(adapter.address, deadline=2.0, token=TOKEN, title="Acme CRM") as connected:
        yield connected


async def read(crm: CrmAdapter) -> CrmError:
    with pytest.raises(CrmError) as caught:
        await crm.find_contacts([NUMBER])
    return caught.value


async def write(crm: CrmAdapter) -> CrmError:
    with pytest.raises(CrmError) as caught:
        await crm.create_contact(ContactDraft(name="Ada", phone_number=NUMBER), "key")
    return caught.value


def test_every_code_of_a_failure_has_a_meaning() -> None:
    assert BY_CODE.keys() == set(grpc.StatusCode) - {Code.OK}


@pytest.mark.parametrize("code", BY_CODE)
async def test_a_code_alone_means_what_the_contract_says(
    adapter: ScriptedAdapter, crm: CrmAdapter, code: grpc.StatusCode
) -> None:
    adapter.answers["FindContacts"] = adapter.answers["CreateContact"] = fails(code, "So it is.")
    of_read, of_write = BY_CODE[code]
    assert type(await read(crm)) is of_read
    raised = await write(crm)
    assert type(raised) is of_write
    assert raised.message.endswith(f"({code.name}): So it is.")
    assert raised.message.startswith("Acme CRM")


@pytest.mark.parametrize("reason", BY_REASON)
@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.INTERNAL, Code.RESOURCE_EXHAUSTED, Code.INVALID_ARGUMENT])
async def test_a_reason_says_more_than_any_code(
    adapter: ScriptedAdapter, crm: CrmAdapter, reason: str, code: grpc.StatusCode
) -> None:
    of_read, of_write = BY_REASON[reason]
    for answer in (fails(code, grpc_status_details_bin=details(reason)), fails(code, leadline_reason=reason)):
        adapter.answers["FindContacts"] = adapter.answers["CreateContact"] = answer
        assert type(await read(crm)) is of_read
        assert type(await write(crm)) is of_write


@pytest.mark.parametrize(
    "trailing",
    [
        {"grpc_status_details_bin": details("CRM_REJECTED", domain="elsewhere.example")},
        {"grpc_status_details_bin": details("CRM_CONFUSED")},
        {"grpc_status_details_bin": b"\xff\xff\xff"},
        {"leadline_reason": "CRM_CONFUSED"},
        {"leadline_retry_after": "soon"},
        {"leadline_retry_after": "nan"},
        {"leadline_retry_after": "-1"},
    ],
    ids=str,
)
async def test_a_reason_that_nobody_knows_says_nothing(
    adapter: ScriptedAdapter, crm: CrmAdapter, trailing: dict[str, str | bytes]
) -> None:
    answer = fails(Code.RESOURCE_EXHAUSTED, "", **trailing)
    adapter.answers["CreateContact"] = answer
    raised = await write(crm)
    assert type(raised) is CrmOutcomeUnknown
    assert raised.retry_after is None


async def test_a_write_that_is_told_to_wait_was_not_done(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    for answer in (
        fails(Code.RESOURCE_EXHAUSTED, grpc_status_details_bin=details("CRM_RATE_LIMITED", retry_after=7.5)),
        fails(Code.RESOURCE_EXHAUSTED, grpc_status_details_bin=details("", retry_after=7.5)),
        fails(Code.RESOURCE_EXHAUSTED, leadline_retry_after="7.5"),
    ):
        adapter.answers["CreateContact"] = answer
        raised = await write(crm)
        assert type(raised) is CrmRateLimited
        assert raised.retry_after == 7.5


@pytest.mark.parametrize("said", ["inf", "1e300", "9" * 2_000, "99999999999"])
async def test_a_delay_of_an_adapter_is_a_day_at_most(adapter: ScriptedAdapter, crm: CrmAdapter, said: str) -> None:
    adapter.answers["FindContacts"] = fails(Code.UNAVAILABLE, leadline_retry_after=said)
    assert (await read(crm)).retry_after == 86_400


@pytest.mark.parametrize("seconds", [99_999_999_999.0, 1_000_000_000.0, 100_000.0])
async def test_a_retry_info_of_an_adapter_is_a_day_at_most(
    adapter: ScriptedAdapter, crm: CrmAdapter, seconds: float
) -> None:
    adapter.answers["FindContacts"] = fails(
        Code.UNAVAILABLE, grpc_status_details_bin=details("CRM_RATE_LIMITED", retry_after=seconds)
    )
    assert (await read(crm)).retry_after == 86_400


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7500", 7.5),
        ("2147483647", 86_400),
        ("-1", None),
        *((said, None) for said in ("9" * 2_000, "inf", "nan", "1e300", "soon")),  # gRPC reads them as: do not retry
    ],
)
async def test_a_pushback_is_a_delay_of_a_day_at_most_and_says_nothing_of_the_write(
    adapter: ScriptedAdapter, crm: CrmAdapter, said: str, seconds: float | None
) -> None:
    adapter.answers["CreateContact"] = fails(Code.RESOURCE_EXHAUSTED, grpc_retry_pushback_ms=said)
    raised = await write(crm)
    assert type(raised) is CrmOutcomeUnknown
    assert raised.retry_after == seconds


async def test_a_delay_beside_another_code_is_a_delay_and_no_more(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    adapter.answers["CreateContact"] = fails(Code.UNAVAILABLE, leadline_retry_after="3")
    raised = await write(crm)
    assert type(raised) is CrmOutcomeUnknown
    assert raised.retry_after == 3


async def test_the_adapters_words_lose_secrets_and_callers_numbers(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    words = f"No: {TOKEN} may not ask for +1 (202) 555-0147.\nGo away."
    adapter.answers["FindContacts"] = fails(Code.INVALID_ARGUMENT, words)
    raised = await read(crm)
    assert TOKEN not in raised.message
    assert "555" not in raised.message
    assert "\n" not in raised.message
    assert "Go away." in raised.message
    assert adapter.metadata["authorization"] == f"Bearer {TOKEN}"


async def test_trailing_metadata_that_is_too_large_is_cannot_tell(adapter: ScriptedAdapter, crm: CrmAdapter) -> None:
    adapter.answers["CreateContact"] = fails(Code.INVALID_ARGUMENT, more="x" * 60_000)
    assert type(await write(crm)) is CrmOutcomeUnknown
