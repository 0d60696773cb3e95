"""The contact that a log is at in the CRM, if that is another than the decision's."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from leadline_server.delivery.moved_contacts import where_people_have_it
from leadline_server.domain.call_log import Decision
from leadline_server.domain.call_log_states import CallLogReason
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.crm_errors import CrmUnavailable

ANN, ZOE = Contact(id="c1", name="Ann"), Contact(id="c2", name="Zoe")
DECISION = Decision(contact=ANN, reason=CallLogReason.CONTACT_MATCHED, explanation="It matches Ann [c1].")
WITH_CANDIDATES = Decision(
    contact=ANN,
    reason=CallLogReason.MATCH_RESOLVED,
    explanation="The first of two is Ann [c1].",
    candidates=tuple(ContactMatch(contact, "+12025550147", MatchKind.EXACT) for contact in (ANN, ZOE)),
)


def decided(decision: Decision, answer: Contact | Exception | None, contact_id: str = "c2") -> Decision | None:
    async def get_contact(asked: str) -> Contact | None:
        assert asked == contact_id == "c2"
        if isinstance(answer, Exception):
            raise answer
        return answer

    crm: Any = SimpleNamespace(get_contact=get_contact)
    return asyncio.run(where_people_have_it(crm, decision, contact_id))


def test_the_contact_is_asked_for() -> None:
    there = decided(DECISION, ZOE)
    assert there is not None
    assert there.contact == ZOE
    assert there.explanation == "It matches Ann [c1]. In the CRM the call is with Zoe [c2]."


def test_the_decision_stands_if_the_crm_has_the_log_at_its_contact() -> None:
    assert decided(DECISION, ZOE, contact_id=ANN.id) is DECISION
    assert decided(DECISION, ANN) is DECISION


def test_a_contact_that_is_gone_or_not_named_says_nothing() -> None:
    assert decided(DECISION, None) is None
    assert decided(DECISION, ZOE, contact_id="") is None


@pytest.mark.parametrize(("decision", "known"), [(DECISION, Contact(id="c2")), (WITH_CANDIDATES, ZOE)])
def test_the_log_is_never_shown_at_another_contact_because_the_crm_does_not_answer(
    decision: Decision, known: Contact
) -> None:
    there = decided(decision, CrmUnavailable("It does not answer."))
    assert there is not None
    assert there.contact == known
