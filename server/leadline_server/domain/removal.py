"""Which placeholders may be removed, and what becomes of the logs of their calls. Pure functions."""

from collections.abc import Sequence
from datetime import datetime

from leadline_server.domain.call_log import CallLog, changed
from leadline_server.domain.call_log_states import CallLogReason, CallLogState
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.domain.placeholders import Placeholder, PlaceholderCheck, PlaceholderState


def contact_check(placeholder: Placeholder, contact: Contact, rules: NumberingRules) -> PlaceholderCheck | None:
    """TOUCHED if the contact is not as the call left it; None if it is."""
    number = parse_number(placeholder.phone_number, rules).key
    edits = {
        "it was merged into another contact": contact.id != placeholder.contact_id,
        "its name was edited": contact.name != placeholder.name,
        "its numbers were edited": {parse_number(text, rules).key for text in contact.phone_numbers} != {number},
        "it has an e-mail address": bool(contact.email),
        "it has a title": bool(contact.title),
    }
    found = next((sentence for sentence, is_so in edits.items() if is_so), "")
    return PlaceholderCheck(PlaceholderState.TOUCHED, f"Not removed: {found}.") if found else None


def calls_check(logs: Sequence[CallLog], most: int) -> PlaceholderCheck | None:
    """The state if the calls of a placeholder keep it from being removed; None if they do not."""
    if len(logs) > most:
        return PlaceholderCheck(PlaceholderState.TOUCHED, f"Not removed: it has more than {most} calls.")
    for log in logs:
        if log.reason is CallLogReason.CONTACT_CHOSEN or log.chosen_contact_id:
            return PlaceholderCheck(PlaceholderState.TOUCHED, f"Not removed: a person chose it for call {log.call_id}.")
    for log in logs:
        if log.state is not CallLogState.LOGGED or log.next_attempt_time is not None:
            sentence = f"Not removed: call {log.call_id} is on its way to the CRM. Try again later."
            return PlaceholderCheck(PlaceholderState.UNKNOWN, sentence)
    return None


def contact_removed(log: CallLog, placeholder: Placeholder, now: datetime) -> CallLog:
    """The log of a call whose placeholder was removed. It stays LOGGED: the call was logged, and that is not undone."""
    if log.state is not CallLogState.LOGGED or log.contact is None or log.contact.id != placeholder.contact_id:
        return log
    explanation = (
        f"The call was logged against the placeholder {placeholder.name} [{placeholder.contact_id}],"
        " which was removed since."
    )
    return changed(log, now, reason=CallLogReason.CONTACT_REMOVED, explanation=explanation)
