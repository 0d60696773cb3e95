"""Calls create no more placeholders than their limits allow, and each refused call can still be logged."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from leadline_server.commands.update_account_settings import AccountSettingsUpdate
from leadline_server.domain.call import Attestation
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmRejected
from leadline_server.domain.preferences import AccountSettings, UnknownContactAction
from leadline_server.ports.crm import CrmAdapter
from structlog.testing import capture_logs
from support.apps import ACCOUNT, Harness, open_harness

pytestmark = pytest.mark.asyncio

_LIMITED = (CallLogState.UNLOGGED, CallLogReason.PLACEHOLDER_LIMIT)
_CREATED = (CallLogState.LOGGED, CallLogReason.PLACEHOLDER_CREATED)


def caller(index: int) -> str:
    return f"+1202555{index:04}"


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Harness]:
    async with open_harness(tmp_path) as harness:
        minutes = harness.clock.now().minute
        harness.clock.advance(timedelta(minutes=70 - minutes))  # no hour ends during a test
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        await harness.prefer("bob", unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        yield harness


async def limit(stage: Harness, **values: Any) -> None:
    update = AccountSettingsUpdate(settings=AccountSettings(**values), fields=tuple(values))
    await stage.app.commands.update_account_settings.execute(await stage.account(), update)


async def ring(stage: Harness, *indexes: int, **fields: Any) -> list[CallLog]:
    return await asyncio.gather(*(stage.log(f"call-{index}", caller(index), **fields) for index in indexes))


def ends(logs: list[CallLog]) -> list[tuple[CallLogState, CallLogReason | None]]:
    return [(log.state, log.reason) for log in logs]


async def test_calls_at_once_create_exactly_as_many_as_the_limit(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=5)
    logs = await ring(stage, *range(20))
    assert ends(logs).count(_CREATED) == 5
    assert ends(logs).count(_LIMITED) == 15


async def test_the_explanation_names_the_limit(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=0)
    [log] = await ring(stage, 1)
    assert log.explanation == (
        "No contact has +12025550001. The account's limit of 0 placeholders an hour is reached, so none is created."
        " Log the call by hand, or retry it later."
    )


async def test_a_known_caller_is_logged_beyond_the_limit(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=1)
    await ring(stage, 1)
    again = await stage.log("second call", caller(1))
    assert (again.state, again.reason) == (CallLogState.LOGGED, CallLogReason.PLACEHOLDER_REUSED)


async def test_a_contact_that_a_person_creates_does_not_count(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=1)
    await stage.create("", caller(7))
    assert ends(await ring(stage, 1)) == [_CREATED]
    assert (await stage.create("", caller(8))).is_placeholder


async def test_the_next_hour_has_room_until_the_day_has_none(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=2, placeholder_limit_per_day=3)
    assert ends(await ring(stage, 1, 2, 3)).count(_CREATED) == 2
    stage.clock.advance(timedelta(hours=1))
    assert ends(await ring(stage, 4, 5, 6)).count(_CREATED) == 1
    stage.clock.advance(timedelta(hours=23))
    assert ends(await ring(stage, 7, 8, 9)).count(_CREATED) == 2


async def test_a_user_has_limits_within_the_accounts(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=3, placeholder_limit_per_user_per_hour=2)
    assert ends(await ring(stage, 1, 2, 3)).count(_CREATED) == 2
    assert ends(await ring(stage, 4, 5, user="bob")).count(_CREATED) == 1


async def test_unattested_calls_have_a_share(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=4, placeholder_unattested_percent=25)
    assert ends(await ring(stage, 1, 2)).count(_CREATED) == 1
    assert ends(await ring(stage, 3, attestation=Attestation.C)) == [_LIMITED]
    assert ends(await ring(stage, 4, 5, 6, 7, attestation=Attestation.A)).count(_CREATED) == 3


async def test_a_failed_attestation_never_creates_a_contact_unless_that_is_asked_for(stage: Harness) -> None:
    [log] = await ring(stage, 1, attestation=Attestation.FAILED)
    assert (log.state, log.reason) == (CallLogState.UNLOGGED, CallLogReason.UNTRUSTED_CALLER)
    await stage.prefer(distrust_failed_attestation=False)
    assert ends(await ring(stage, 2, attestation=Attestation.FAILED)) == [_CREATED]


async def test_a_refused_call_is_created_by_a_later_retry_or_logged_by_hand(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=0)
    await ring(stage, 1, 2)
    contact = await stage.create("Ann", caller(9))
    by_hand = await stage.log("call-2", caller(2), contact_id=contact.id)
    assert (by_hand.state, by_hand.reason) == (CallLogState.LOGGED, CallLogReason.CONTACT_CHOSEN)
    assert ends([await stage.retry("call-1")]) == [_LIMITED]
    await limit(stage, placeholder_limit_per_hour=1)
    assert ends([await stage.retry("call-1")]) == [_CREATED]


async def test_one_alarm_an_hour(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=0)
    with capture_logs() as lines:
        await ring(stage, *range(10))
        stage.clock.advance(timedelta(hours=1))
        await ring(stage, *range(10, 20))
    alarms = [line for line in lines if line["event"].startswith("limit of placeholders reached")]
    assert [(line["account_id"], line["limit"], line["period"]) for line in alarms] == [(ACCOUNT, 0, "an hour")] * 2
    assert not any(caller(index) in str(alarms) for index in range(20))


class _FailingCreation:
    """A CRM whose first creations fail."""

    def __init__(self, inner: CrmAdapter, errors: list[Exception]) -> None:
        self._inner = inner
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        if self._errors:
            raise self._errors.pop()
        return await self._inner.create_contact(draft, key)


async def _second_call_after(tmp_path: Path, error: Exception) -> CallLog:
    errors = [error]
    async with open_harness(tmp_path, wrap=lambda crm: _FailingCreation(crm, errors)) as stage:
        await stage.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        await limit(stage, placeholder_limit_per_hour=1)
        await stage.log("call-1", caller(1), seconds=0.5)
        return await stage.log("call-2", caller(2))


async def test_a_known_refusal_gives_the_room_back(tmp_path: Path) -> None:
    log = await _second_call_after(tmp_path, CrmRejected("No."))
    assert ends([log]) == [_CREATED]


async def test_an_unknown_outcome_keeps_the_room(tmp_path: Path) -> None:
    log = await _second_call_after(tmp_path, CrmOutcomeUnknown("No answer."))
    assert ends([log]) == [_LIMITED]


async def test_a_creation_that_is_repeated_counts_once(tmp_path: Path) -> None:
    errors: list[Exception] = [CrmOutcomeUnknown("No answer.")]
    async with open_harness(tmp_path, wrap=lambda crm: _FailingCreation(crm, errors)) as stage:
        await stage.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        await limit(stage, placeholder_limit_per_hour=2)
        await stage.log("call-1", caller(1), seconds=0.5)
        await stage.settled("call-1", lambda log: log.state is CallLogState.LOGGED)
        assert ends(await ring(stage, 2, 3)).count(_CREATED) == 1


async def test_a_validation_takes_nothing_of_the_limit(stage: Harness) -> None:
    await limit(stage, placeholder_limit_per_hour=1)
    await stage.log("call-1", caller(1), validate_only=True)
    assert ends(await ring(stage, 2)) == [_CREATED]
