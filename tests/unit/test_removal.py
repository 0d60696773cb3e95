"""Which placeholders may be removed, and what the logs of their calls say then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.numbering_rules import numbering_rules
from leadline_server.domain.placeholders import Placeholder, PlaceholderState
from leadline_server.domain.preferences import UnknownContactAction
from leadline_server.domain.removal import calls_check, contact_check, contact_removed
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.ledger_samples import full_call_log
from support.apps import STRANGER, open_harness
from support.crms import Switch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = numbering_rules("US", "", ())
PLACEHOLDER = Placeholder(contact_id="c_1", name="Unknown Caller", phone_number="+12025550147", create_time=NOW)
CONTACT = Contact(id="c_1", name="Unknown Caller", phone_numbers=("(202) 555-0147",), is_placeholder=True)


def logged(**changes: object) -> CallLog:
    fields = {
        "state": CallLogState.LOGGED,
        "reason": CallLogReason.PLACEHOLDER_CREATED,
        "contact": CONTACT,
        "chosen_contact_id": "",
        "decision": None,
        "next_attempt_time": None,
        **changes,
    }
    return replace(full_call_log(), **fields)  # type: ignore[arg-type] # fields by name


def test_a_contact_as_the_call_left_it_may_be_removed() -> None:
    assert contact_check(PLACEHOLDER, CONTACT, RULES) is None


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        ({"id": "c_2"}, "merged"),
        ({"name": "Ada"}, "name"),
        ({"phone_numbers": ("(202) 555-0147", "(202) 555-0148")}, "numbers"),
        ({"phone_numbers": ()}, "numbers"),
        ({"email": "ada@example.com"}, "e-mail"),
        ({"title": "Countess"}, "title"),
    ],
)
def test_an_edited_contact_was_touched(edit: dict[str, object], word: str) -> None:
    check = contact_check(PLACEHOLDER, replace(CONTACT, **edit), RULES)  # type: ignore[arg-type] # fields by name
    assert check is not None
    assert check.state is PlaceholderState.TOUCHED
    assert word in check.explanation


def test_logged_calls_of_the_phone_system_do_not_keep_it() -> None:
    assert calls_check([logged(), logged(reason=CallLogReason.PLACEHOLDER_REUSED)], 2) is None


@pytest.mark.parametrize("chosen", [{"reason": CallLogReason.CONTACT_CHOSEN}, {"chosen_contact_id": "c_1"}])
def test_a_person_who_chose_it_has_touched_it(chosen: dict[str, object]) -> None:
    check = calls_check([logged(), logged(**chosen)], 100)
    assert check is not None
    assert check.state is PlaceholderState.TOUCHED


def test_a_call_that_is_being_delivered_keeps_it_for_now() -> None:
    check = calls_check([logged(next_attempt_time=NOW)], 100)
    assert check is not None
    assert check.state is PlaceholderState.UNKNOWN


def test_one_with_too_many_calls_is_in_use() -> None:
    check = calls_check([logged()] * 3, 2)
    assert check is not None
    assert check.state is PlaceholderState.TOUCHED


def test_the_log_stays_logged_and_says_that_its_contact_was_removed() -> None:
    before = logged()
    after = contact_removed(before, PLACEHOLDER, NOW + timedelta(hours=1))
    assert (after.state, after.reason) == (CallLogState.LOGGED, CallLogReason.CONTACT_REMOVED)
    assert (after.contact, after.revision) == (CONTACT, before.revision + 1)
    assert contact_removed(after, PLACEHOLDER, NOW + timedelta(hours=2)) is after


def test_the_log_of_another_contact_stays_as_it_is() -> None:
    other = logged(contact=replace(CONTACT, id="c_2"))
    assert contact_removed(other, PLACEHOLDER, NOW) is other


async def test_placeholders_of_a_crm_that_cannot_delete_contacts_are_listed_and_stay(tmp_path: Path) -> None:
    switch = Switch()

    def wrap(adapter: CrmAdapter) -> CrmAdapter:
        switched = switch.wrap(adapter)
        switched.capabilities = replace(adapter.capabilities, deletes_contacts=False)  # type: ignore[misc] # the switch's own
        return switched

    async with open_harness(tmp_path, wrap=wrap) as harness:
        await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
        await harness.log("call-1")
        account, commands = await harness.account(), harness.app.commands
        [placeholder] = (await commands.list_placeholders.execute(account, None, 10, "")).placeholders
        check = await commands.remove_placeholder.execute(account, placeholder.contact_id, validate_only=False)
        assert check.state is PlaceholderState.UNKNOWN
        assert [match.contact.id for match in await harness.find(STRANGER)] == [placeholder.contact_id]
        assert switch.calls["delete_contact"] == 0
