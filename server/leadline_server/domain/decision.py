"""The decision: whether and where a call is logged. One pure function, `decide`.

If the outcome depends on the contacts that have the number, `decide` returns `LookUp`. Its caller looks the number up
and calls `decide` again with the matches. A lookup that cannot tell is an error and never gets here, so "cannot tell"
is never read as "no contact".

Example: an inbound call from +14155550123, and the contact c1 "Ann" has that number. `decide` first returns
`LookUp(+14155550123)`, and then, with the match, `Decision(contact=c1, reason=CONTACT_MATCHED, ...)`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from leadline_server.domain.call import Attestation, CallDirection
from leadline_server.domain.call_log import Decision, new_decision
from leadline_server.domain.call_log_states import CallLogReason, LogTrigger
from leadline_server.domain.choosing import contenders, listed, pick
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.domain.preferences import EffectivePreferences, MultipleMatchAction
from leadline_server.domain.situation import (
    CreatePlaceholder,
    LeaveUnlogged,
    LookUp,
    Outcome,
    Situation,
    Wait,
    new_look_up,
    unlogged,
)
from leadline_server.domain.unknown_caller import cannot_log, unknown_caller

_AUTOMATIC: Final = LogTrigger.AUTOMATIC  # as global names they are read 15 times faster
_INTERNAL: Final = CallDirection.INTERNAL
_FAILED: Final = Attestation.FAILED
_MATCHED: Final = CallLogReason.CONTACT_MATCHED
_LOOKED_UP: Final = (NumberKind.DIALABLE, NumberKind.EXTENSION)


def decide(
    situation: Situation,
    preferences: EffectivePreferences,
    matches: Sequence[ContactMatch] | None = None,
    *,
    is_cut_off: bool = False,
) -> Outcome | LookUp:
    """Decide on a call.

    Args:
        situation: the call, and who wants it logged.
        preferences: those in force now.
        matches: the contacts that have the other party's number, conclusively; None before the lookup.
        is_cut_off: there are more than leadline reads, so no preference can choose among them.

    Returns:
        An outcome; LookUp if it depends on `matches` and they are None.
    """
    held_back = _before_lookup(situation, preferences)
    if held_back is None and matches is None:
        return _look_up(situation.number)
    outcome = held_back or _after_lookup(situation, preferences, matches or (), is_cut_off=is_cut_off)
    return outcome if situation.can_log else _without_log(outcome, situation)


def decide_by_matches(
    situation: Situation,
    preferences: EffectivePreferences,
    matches: Sequence[ContactMatch],
    *,
    is_cut_off: bool = False,
) -> Outcome:
    """As `decide`, if that gave LookUp for the same situation and preferences: 12,000 instructions less."""
    outcome = _after_lookup(situation, preferences, matches, is_cut_off=is_cut_off)
    return outcome if situation.can_log else _without_log(outcome, situation)


def _without_log(outcome: Outcome, situation: Situation) -> Outcome:
    """The outcome if the CRM cannot log calls: no log, and no contact unless the account asks for it."""
    if isinstance(outcome, Decision):
        return cannot_log(outcome.explanation, outcome.candidates)
    if isinstance(outcome, CreatePlaceholder):
        if situation.create_without_log:
            return replace(outcome, can_log=False)
        return cannot_log(f"No contact has {outcome.number.text}, and none is created.")
    return outcome


def _before_lookup(situation: Situation, preferences: EffectivePreferences) -> Outcome | None:
    """The outcome that does not depend on who has the number; None if it does."""
    if situation.chosen is not None:
        return Decision(
            contact=situation.chosen,
            reason=CallLogReason.CONTACT_CHOSEN,
            explanation=f"A person chose {named(situation.chosen)}.",
        )
    held_back = _held_back(situation, preferences) if situation.trigger is _AUTOMATIC else None
    return held_back or _never_looked_up(situation)


def _after_lookup(
    situation: Situation, preferences: EffectivePreferences, matches: Sequence[ContactMatch], *, is_cut_off: bool
) -> Outcome:
    if is_cut_off:
        several = f"{situation.number.text} matches more contacts than leadline reads; a person has to choose."
        return unlogged(CallLogReason.SEVERAL_CONTACTS, several, listed(matches))
    if matches:
        return _among(matches, situation, preferences)
    return unknown_caller(situation, preferences)


def _held_back(situation: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | Wait | None:
    """The first rule's outcome that holds an automatic call back; None if no rule does."""
    for rule in _RULES:
        if (held := rule(situation, preferences)) is not None:
            return held
    return None


def _auto_off(_: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | None:
    if preferences.auto_log_calls:
        return None
    return unlogged(
        CallLogReason.AUTO_LOGGING_OFF, f"Automatic logging is off by {preferences.origin('auto_log_calls')}."
    )


def _not_final(situation: Situation, preferences: EffectivePreferences) -> Wait | None:
    if not (preferences.wait_until_final and _is_open(situation)):
        return None
    return Wait(explanation=f"The call is logged once it is final, by {preferences.origin('wait_until_final')}.")


def _internal(situation: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | None:
    if situation.call.direction is not _INTERNAL or preferences.log_internal_calls:
        return None
    return unlogged(
        CallLogReason.INTERNAL_CALL, f"Internal calls are not logged, by {preferences.origin('log_internal_calls')}."
    )


def _excluded(situation: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | None:
    call = situation.call
    if call.direction in preferences.excluded_directions and call.direction is not None:
        what, field = f"{call.direction.name} calls are", "excluded_directions"
    elif call.result in preferences.excluded_results and call.result is not None:
        what, field = f"Calls that end {call.result.name} are", "excluded_results"
    elif preferences.excluded_numbers and is_excluded(situation.number, preferences.excluded_numbers):
        what, field = f"The number {situation.number.text} is", "excluded_numbers"
    else:
        return None
    return unlogged(CallLogReason.EXCLUDED, f"{what} excluded by {preferences.origin(field)}.")


def _no_result(situation: Situation, preferences: EffectivePreferences) -> Wait | None:
    if not preferences.excluded_results or situation.call.result is not None or not _is_open(situation):
        return None
    return Wait(
        explanation="The call is logged once its result is known: "
        f"some results are excluded by {preferences.origin('excluded_results')}."
    )


def _untrusted(situation: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | None:
    if situation.call.attestation is not _FAILED or not preferences.distrust_failed_attestation:
        return None
    return unlogged(
        CallLogReason.UNTRUSTED_CALLER,
        "The caller's number failed verification, "
        f"and such calls are not trusted, by {preferences.origin('distrust_failed_attestation')}.",
    )


_RULES: Final = (_auto_off, _not_final, _internal, _excluded, _no_result, _untrusted)
"""The rules that may hold an automatic call back, in order."""


def is_excluded(number: PhoneNumber, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches the number. Examples of patterns: "+14155550123", "101", "+1900*"."""
    forms = [form for form in (number.e164, number.extension if not number.e164 else "") if form]
    return any(
        form.startswith(pattern[:-1]) if pattern.endswith("*") else form == pattern
        for pattern in patterns
        for form in forms
    )


def _never_looked_up(situation: Situation) -> LeaveUnlogged | None:
    """The outcome for a number that is never looked up; None for one that is."""
    number = situation.number
    if number.kind in _LOOKED_UP and not situation.is_own:
        return None
    if situation.is_own:
        return unlogged(CallLogReason.INTERNAL_CALL, f"{number.text} is the account's own, or one of its users'.")
    if number.kind is NumberKind.WITHHELD:
        return unlogged(CallLogReason.NUMBER_WITHHELD, "The other party's number is withheld.")
    if number.kind is NumberKind.SERVICE:
        return unlogged(CallLogReason.NUMBER_UNUSABLE, f"{number.text} is an emergency number or a feature code.")
    if number.kind is NumberKind.UNUSABLE:
        return unlogged(CallLogReason.NUMBER_UNUSABLE, f"{number.text[:64]!r} is not a phone number.")
    return None


def _among(
    matches: Sequence[ContactMatch], situation: Situation, preferences: EffectivePreferences
) -> Decision | LeaveUnlogged:
    rivals = contenders(matches) if len(matches) > 1 else matches
    if len(rivals) == 1:
        return _matched(rivals[0], matches)
    action = preferences.multiple_match_action
    candidates = listed(matches)
    several = f"{situation.number.text} matches {len(rivals)} contacts"
    if situation.trigger is LogTrigger.MANUAL:
        return unlogged(CallLogReason.SEVERAL_CONTACTS, f"{several}; a person has to choose.", candidates)
    decided = f"multiple_match_action is {action.name} by {preferences.origin('multiple_match_action')}"
    picked = pick(rivals, action)
    if picked is None:
        why = "" if action is MultipleMatchAction.DO_NOTHING else ", none of which has the time that decides"
        return unlogged(
            CallLogReason.SEVERAL_CONTACTS,
            f"{several}{why}; {decided}.",
            candidates,
        )
    return Decision(
        contact=picked.contact,
        reason=CallLogReason.MATCH_RESOLVED,
        explanation=f"{several}; {decided}, which picks {named(picked.contact)}.",
        candidates=candidates,
    )


def _matched(match: ContactMatch, matches: Sequence[ContactMatch]) -> Decision:
    is_reused = match.contact.is_placeholder
    return new_decision(
        contact=match.contact,
        reason=CallLogReason.PLACEHOLDER_REUSED if is_reused else _MATCHED,
        explanation=f"{match.phone_number} matches {'the placeholder ' if is_reused else ''}{named(match.contact)}"
        f" ({match.kind.name}).",
        candidates=listed(matches) if len(matches) > 1 else (),
    )


def _look_up(number: PhoneNumber) -> LookUp:
    other = number.other_reading
    return new_look_up(number, (number, parse_number(other, "")) if other else (number,))


def _is_open(situation: Situation) -> bool:
    """Whether more reports of the call may come."""
    return not situation.call.is_final and not situation.wait_is_over


def named(contact: Contact) -> str:
    """A contact for people: its name and id, such as `Ann [c_17]`."""
    return f"{contact.name or 'a contact without a name'} [{contact.id}]"
