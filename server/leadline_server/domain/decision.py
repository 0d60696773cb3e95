"""The decision: whether and where a call is logged. One pure function, `decide`.

If the outcome depends on the contacts that have the number, `decide` returns `LookUp`. Its caller looks the number up
and calls `decide` again with the matches. A lookup that cannot tell is an error and never gets here, so "cannot tell"
is never read as "no contact".

Example: an inbound call from +14155550123, and the contact c1 "Ann" has that number. `decide` first returns
`LookUp(+14155550123)`, and then, with the match, `Decision(contact=c1, reason=CONTACT_MATCHED, ...)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from leadline_server.domain.call import Attestation, Call, CallDirection
from leadline_server.domain.call_log import CallLogReason, Decision, LogTrigger
from leadline_server.domain.caller_id import usable_name
from leadline_server.domain.choosing import contenders, listed, pick
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.name_format import formatted
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.domain.placeholders import LimitReached
from leadline_server.domain.preferences import EffectivePreferences, MultipleMatchAction, UnknownContactAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The call, and who wants it logged.

    Attributes:
        call: everything known of the call.
        user_id: the log's user.
        number: the other party's number.
        trigger: the phone system (AUTOMATIC) or a person (MANUAL).
        chosen: the contact that a person chose, if any.
        is_own: whether that number is the account's own.
        wait_is_over: whether leadline no longer waits for more reports, final or not.
        can_log: whether the CRM can log calls.
        finds_every_form: whether the CRM finds a number however it is stored there.
        create_without_log: whether the account wants placeholders although the CRM cannot.
        caller_id_prefixes: the account's labels before caller-ID names.
        region: the account's region, which decides how a caller-ID name is written.
    """

    call: Call
    user_id: str
    number: PhoneNumber
    trigger: LogTrigger = LogTrigger.AUTOMATIC
    chosen: Contact | None = None
    is_own: bool = False
    wait_is_over: bool = False
    can_log: bool = True
    finds_every_form: bool = True
    create_without_log: bool = False
    caller_id_prefixes: tuple[str, ...] = ()
    region: str = ""

    @property
    def is_open(self) -> bool:
        """Whether more reports of the call may come."""
        return not self.call.is_final and not self.wait_is_over


@dataclass(frozen=True, slots=True)
class LookUp:
    """No outcome yet: look this number up, then decide again."""

    number: PhoneNumber

    @property
    def numbers(self) -> tuple[PhoneNumber, ...]:
        """The number, and its other reading where what was dialled has two."""
        other = self.number.other_reading
        return (self.number, parse_number(other, "")) if other else (self.number,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePlaceholder:
    """Create a contact for the number, then log the call against it if the CRM can log calls."""

    number: PhoneNumber
    name: str
    contact_type: str
    explanation: str
    can_log: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveUnlogged:
    """Write nothing to the CRM; a person can still log the call."""

    reason: CallLogReason
    explanation: str
    candidates: tuple[ContactMatch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Decide once the call is final, or once no report has come for FINAL_WAIT."""

    explanation: str


Outcome = Decision | CreatePlaceholder | LeaveUnlogged | Wait


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
    outcome = _decided(situation, preferences, matches, is_cut_off=is_cut_off)
    return outcome if situation.can_log else _without_log(outcome, situation)


def _without_log(outcome: Outcome | LookUp, situation: Situation) -> Outcome | LookUp:
    """The outcome if the CRM cannot log calls: no log, and no contact unless the account asks for it."""
    if isinstance(outcome, Decision):
        return cannot_log(outcome.explanation, outcome.candidates)
    if isinstance(outcome, CreatePlaceholder):
        if situation.create_without_log:
            return replace(outcome, can_log=False)
        return cannot_log(f"No contact has {outcome.number.text}, and none is created.")
    return outcome


def cannot_log(explanation: str, candidates: tuple[ContactMatch, ...] = ()) -> LeaveUnlogged:
    """The outcome for a call that would be logged if the CRM could."""
    return _unlogged(CallLogReason.CRM_CANNOT_LOG, f"{explanation} The CRM cannot log calls.", candidates)


def limit_reached(created: CreatePlaceholder, reached: LimitReached) -> LeaveUnlogged:
    """The outcome for a call whose placeholder is not created, because a limit of placeholders is reached."""
    return _unlogged(
        CallLogReason.PLACEHOLDER_LIMIT,
        f"No contact has {created.number.text}. {reached.sentence}, so none is created. Log the call by hand, or retry"
        " it later.",
    )


def _decided(
    situation: Situation,
    preferences: EffectivePreferences,
    matches: Sequence[ContactMatch] | None,
    *,
    is_cut_off: bool,
) -> Outcome | LookUp:
    if situation.chosen is not None:
        return Decision(
            contact=situation.chosen,
            reason=CallLogReason.CONTACT_CHOSEN,
            explanation=f"A person chose {named(situation.chosen)}.",
        )
    held_back = _held_back(situation, preferences) if situation.trigger is LogTrigger.AUTOMATIC else None
    outcome = held_back or _never_looked_up(situation)
    if outcome is not None:
        return outcome
    if matches is None:
        return LookUp(situation.number)
    if is_cut_off:
        several = f"{situation.number.text} matches more contacts than leadline reads; a person has to choose."
        return _unlogged(CallLogReason.SEVERAL_CONTACTS, several, listed(matches))
    if matches:
        return _among(matches, situation, preferences)
    return _unknown(situation, preferences)


def _held_back(situation: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | Wait | None:
    """The first rule's outcome that holds an automatic call back; None if no rule does."""
    for rule in _RULES:
        if (held := rule(situation, preferences)) is not None:
            return held
    return None


def _auto_off(_: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | None:
    if preferences.auto_log_calls:
        return None
    return _unlogged(
        CallLogReason.AUTO_LOGGING_OFF, f"Automatic logging is off by {preferences.origin('auto_log_calls')}."
    )


def _not_final(situation: Situation, preferences: EffectivePreferences) -> Wait | None:
    if not (preferences.wait_until_final and situation.is_open):
        return None
    return Wait(explanation=f"The call is logged once it is final, by {preferences.origin('wait_until_final')}.")


def _internal(situation: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | None:
    if situation.call.direction is not CallDirection.INTERNAL or preferences.log_internal_calls:
        return None
    return _unlogged(
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
    return _unlogged(CallLogReason.EXCLUDED, f"{what} excluded by {preferences.origin(field)}.")


def _no_result(situation: Situation, preferences: EffectivePreferences) -> Wait | None:
    if not preferences.excluded_results or situation.call.result is not None or not situation.is_open:
        return None
    return Wait(
        explanation="The call is logged once its result is known: "
        f"some results are excluded by {preferences.origin('excluded_results')}."
    )


def _untrusted(situation: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | None:
    if not preferences.distrust_failed_attestation or situation.call.attestation is not Attestation.FAILED:
        return None
    return _unlogged(
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
    if situation.is_own:
        return _unlogged(CallLogReason.INTERNAL_CALL, f"{number.text} is the account's own, or one of its users'.")
    if number.kind is NumberKind.WITHHELD:
        return _unlogged(CallLogReason.NUMBER_WITHHELD, "The other party's number is withheld.")
    if number.kind is NumberKind.SERVICE:
        return _unlogged(CallLogReason.NUMBER_UNUSABLE, f"{number.text} is an emergency number or a feature code.")
    if number.kind is NumberKind.UNUSABLE:
        return _unlogged(CallLogReason.NUMBER_UNUSABLE, f"{number.text[:64]!r} is not a phone number.")
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
        return _unlogged(CallLogReason.SEVERAL_CONTACTS, f"{several}; a person has to choose.", candidates)
    origin = preferences.origin("multiple_match_action")
    picked = pick(rivals, action)
    if picked is None:
        why = "" if action is MultipleMatchAction.DO_NOTHING else ", none of which has the time that decides"
        return _unlogged(
            CallLogReason.SEVERAL_CONTACTS,
            f"{several}{why}; {action.name} by {origin} leaves the choice to a person.",
            candidates,
        )
    return Decision(
        contact=picked.contact,
        reason=CallLogReason.MATCH_RESOLVED,
        explanation=f"{several}; {action.name} by {origin} picks {named(picked.contact)}.",
        candidates=candidates,
    )


def _matched(match: ContactMatch, matches: Sequence[ContactMatch]) -> Decision:
    is_reused = match.contact.is_placeholder
    return Decision(
        contact=match.contact,
        reason=CallLogReason.PLACEHOLDER_REUSED if is_reused else CallLogReason.CONTACT_MATCHED,
        explanation=f"{match.phone_number} matches {'the placeholder ' if is_reused else ''}{named(match.contact)}"
        f" ({match.kind.name}).",
        candidates=listed(matches) if len(matches) > 1 else (),
    )


def _unknown(situation: Situation, preferences: EffectivePreferences) -> CreatePlaceholder | LeaveUnlogged:
    """The outcome for a number that no contact has, as the lookup confirmed."""
    number, none_has = situation.number, f"No contact has {situation.number.text}"
    if situation.trigger is LogTrigger.MANUAL:
        return _unlogged(CallLogReason.NO_CONTACT, f"{none_has}; a person can choose or create one.")
    if situation.call.direction is CallDirection.INTERNAL:
        return _unlogged(CallLogReason.NO_CONTACT, f"{none_has}, and internal calls never create one.")
    if number.kind is not NumberKind.DIALABLE:
        return _unlogged(CallLogReason.NO_CONTACT, f"{none_has}, and an extension or short code never creates one.")
    if number.other_reading:
        return _unlogged(
            CallLogReason.NO_CONTACT,
            f"{none_has}, read as {number.e164} or, without the dial prefix, as {number.other_reading}; both can be the"
            " number, so no contact is created.",
        )
    action, origin = preferences.unknown_contact_action, preferences.origin("unknown_contact_action")
    if action is not UnknownContactAction.CREATE_PLACEHOLDER:
        return _unlogged(CallLogReason.NO_CONTACT, f"{none_has}; {action.name} by {origin}.")
    sent = situation.call.counterpart(situation.user_id).name
    caller_id = usable_name(sent, number, situation.caller_id_prefixes)
    name = preferences.placeholder_name
    if caller_id:
        name = formatted(caller_id, preferences.placeholder_name_format, situation.region)
    if not situation.finds_every_form:
        none_has += " in a form that the CRM finds"
    named = "its caller ID" if caller_id else f"the placeholder name of {preferences.origin('placeholder_name')}"
    return CreatePlaceholder(
        number=number,
        name=name,
        contact_type=preferences.placeholder_contact_type,
        explanation=f"{none_has}; {action.name} by {origin} made {name!r}, named by {named}.",
    )


def _unlogged(reason: CallLogReason, explanation: str, candidates: tuple[ContactMatch, ...] = ()) -> LeaveUnlogged:
    return LeaveUnlogged(reason=reason, explanation=explanation, candidates=candidates)


def named(contact: Contact) -> str:
    """A contact for people: its name and id, such as `Ann [c_17]`."""
    return f"{contact.name or 'a contact without a name'} [{contact.id}]"
