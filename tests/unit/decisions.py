"""A call that Alice gets, and how to ask what becomes of it, for the tests of the decision."""

from dataclasses import replace
from typing import Any

from leadline_server.domain.call import Call, CallDirection, Party
from leadline_server.domain.call_log import Decision
from leadline_server.domain.call_log_states import CallLogReason, LogTrigger
from leadline_server.domain.contact import Contact, ContactMatch, MatchKind
from leadline_server.domain.decision import decide
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.preferences import EffectivePreferences, UnknownContactAction
from leadline_server.domain.situation import LeaveUnlogged, LookUp, Outcome, Situation
from unit.strategies import ALICE, NUMBER, effective

CREATE = UnknownContactAction.CREATE_PLACEHOLDER
MANUAL = LogTrigger.MANUAL
INBOUND, OUTBOUND, INTERNAL = CallDirection.INBOUND, CallDirection.OUTBOUND, CallDirection.INTERNAL
BUILT_IN = effective()
CREATING = effective(unknown_contact_action=CREATE)
ANN, BO = Contact(id="c1", name="Ann"), Contact(id="c2", name="Bo")
SOMEBODY = Contact(id="c3", name="Unknown Caller", is_placeholder=True)


def inbound(**changes: Any) -> Call:
    """A call that Alice gets from NUMBER."""
    call = Call(
        id="call-1",
        direction=INBOUND,
        caller=Party(phone_number=NUMBER),
        callee=Party(extension="101", user_id=ALICE),
    )
    return replace(call, **changes)


def situation(call: Call, rules: RulesOrRegion = "US", **changes: Any) -> Situation:
    number = call.number_of_counterpart(ALICE, rules)
    return replace(Situation(call=call, user_id=ALICE, number=number), **changes)


def match(contact: Contact, kind: MatchKind = MatchKind.EXACT) -> ContactMatch:
    return ContactMatch(contact, NUMBER, kind)


def decided(
    call: Call, preferences: EffectivePreferences = BUILT_IN, *found: ContactMatch, **changes: Any
) -> Outcome | LookUp:
    """The decision on a call by whose number `found` are conclusively found."""
    return decide(situation(call, **changes), preferences, found)


def asked(call: Call, preferences: EffectivePreferences = BUILT_IN, **changes: Any) -> Outcome | LookUp:
    """The decision before a look-up."""
    return decide(situation(call, **changes), preferences)


def reason(outcome: Outcome | LookUp) -> CallLogReason:
    assert isinstance(outcome, Decision | LeaveUnlogged), outcome
    return outcome.reason


def explanation(outcome: Outcome | LookUp) -> str:
    assert not isinstance(outcome, LookUp)
    return outcome.explanation
