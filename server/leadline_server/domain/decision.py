"""The decision: what becomes of a call. One pure function.

`decide` is asked with what is known so far. It answers with an outcome, or with `LookUp` when it depends on who has the
number: the caller then looks the numbers up and asks again with the conclusive matches. A lookup that cannot tell is
never passed in, so "cannot tell" can never be taken for "nobody".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from leadline_server.domain.call import Attestation, Call, CallDirection
from leadline_server.domain.call_log import CallLogReason, LogTrigger
from leadline_server.domain.caller_id import usable_name
from leadline_server.domain.choosing import contenders, pick, ranked
from leadline_server.domain.contact import Contact, ContactMatch
from leadline_server.domain.name_format import formatted
from leadline_server.domain.phone import NumberKind, PhoneNumber, parse_number
from leadline_server.domain.preferences import EffectivePreferences, MultipleMatchAction, UnknownContactAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The call as it stands, and who asks.

    Attributes:
        call: everything known of the call.
        user_id: the log's user.
        region: the account's default region, for numbers without a country code.
        trigger: the phone system (AUTOMATIC) or a person (MANUAL).
        chosen: the contact that a person chose, if one did.
        wait_is_over: no more news is to be expected, final or not.
        caller_id_prefixes: the account's labels before caller-ID names.
    """

    call: Call
    user_id: str
    region: str
    trigger: LogTrigger = LogTrigger.AUTOMATIC
    chosen: Contact | None = None
    wait_is_over: bool = False
    caller_id_prefixes: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether more news of the call is to be expected."""
        return not self.call.is_final and not self.wait_is_over

    @property
    def number(self) -> PhoneNumber:
        """The other party's number."""
        return parse_number(self.call.counterpart(self.user_id).address, self.region)


@dataclass(frozen=True, slots=True)
class LookUp:
    """No outcome yet: ask who has this number, then decide again."""

    number: PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAgainst:
    """Log the call against this contact."""

    contact: Contact
    reason: CallLogReason
    explanation: str
    candidates: tuple[ContactMatch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePlaceholder:
    """Create a contact for the number, then log the call against it."""

    number: PhoneNumber
    name: str
    contact_type: str
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveUnlogged:
    """Write nothing to the CRM; a person can still log the call."""

    reason: CallLogReason
    explanation: str
    candidates: tuple[ContactMatch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Decide when the call is final, or when it has been silent for long enough."""

    explanation: str


Outcome = LogAgainst | CreatePlaceholder | LeaveUnlogged | Wait


def decide(
    situation: Situation, preferences: EffectivePreferences, matches: Sequence[ContactMatch] | None = None
) -> Outcome | LookUp:
    """What becomes of the call.

    Args:
        situation: the call and who asks.
        preferences: those in force now.
        matches: the contacts that have the other party's number, conclusively; None where nobody asked yet.

    Returns:
        An outcome, or LookUp where it depends on `matches` and they are None.
    """
    if situation.chosen is not None:
        return LogAgainst(
            contact=situation.chosen,
            reason=CallLogReason.CONTACT_CHOSEN,
            explanation=f"A person chose {_named(situation.chosen)}.",
        )
    held_back = _held_back(situation, preferences) if situation.trigger is LogTrigger.AUTOMATIC else None
    outcome = held_back or _unreachable(situation.number)
    if outcome is not None:
        return outcome
    if matches is None:
        return LookUp(situation.number)
    if matches:
        return _among(matches, situation, preferences)
    return _unknown(situation, preferences)


def _held_back(situation: Situation, preferences: EffectivePreferences) -> LeaveUnlogged | Wait | None:
    """Why a call that no person asked for is not logged, or not yet; None where nothing speaks against it."""
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
"""What holds an automatic call back, in the order of asking."""


def is_excluded(number: PhoneNumber, patterns: Sequence[str]) -> bool:
    """Whether one of `patterns` names the number: E.164 or a bare extension, or a prefix of them ending in `*`."""
    forms = [form for form in (number.e164, number.extension if not number.e164 else "") if form]
    return any(
        form.startswith(pattern[:-1]) if pattern.endswith("*") else form == pattern
        for pattern in patterns
        for form in forms
    )


def _unreachable(number: PhoneNumber) -> LeaveUnlogged | None:
    """The outcome for a number that nobody can be looked up by; None for one that can be."""
    if number.kind is NumberKind.WITHHELD:
        return _unlogged(CallLogReason.NUMBER_WITHHELD, "The other party's number is withheld.")
    if number.kind is NumberKind.SERVICE:
        return _unlogged(CallLogReason.NUMBER_UNUSABLE, f"{number.text} is an emergency number or a feature code.")
    if number.kind is NumberKind.UNUSABLE:
        return _unlogged(CallLogReason.NUMBER_UNUSABLE, f"{number.text[:64]!r} is no phone number.")
    return None


def _among(
    matches: Sequence[ContactMatch], situation: Situation, preferences: EffectivePreferences
) -> LogAgainst | LeaveUnlogged:
    rivals = contenders(matches) if len(matches) > 1 else matches
    if len(rivals) == 1:
        return _matched(rivals[0], matches)
    action = preferences.multiple_match_action
    candidates = ranked(matches)
    several = f"{situation.number.text} matches {len(rivals)} contacts"
    if situation.trigger is LogTrigger.MANUAL:
        return _unlogged(CallLogReason.SEVERAL_CONTACTS, f"{several}; a person has to choose.", candidates)
    origin = preferences.origin("multiple_match_action")
    picked = pick(rivals, action)
    if picked is None:
        why = "" if action is MultipleMatchAction.DO_NOTHING else ", none of which has the time that this goes by"
        return _unlogged(
            CallLogReason.SEVERAL_CONTACTS,
            f"{several}{why}; {action.name} by {origin} leaves the choice to a person.",
            candidates,
        )
    return LogAgainst(
        contact=picked.contact,
        reason=CallLogReason.MATCH_RESOLVED,
        explanation=f"{several}; {action.name} by {origin} picks {_named(picked.contact)}.",
        candidates=candidates,
    )


def _matched(match: ContactMatch, matches: Sequence[ContactMatch]) -> LogAgainst:
    is_reused = match.contact.is_placeholder
    return LogAgainst(
        contact=match.contact,
        reason=CallLogReason.PLACEHOLDER_REUSED if is_reused else CallLogReason.CONTACT_MATCHED,
        explanation=f"{match.phone_number} matches {'the placeholder ' if is_reused else ''}{_named(match.contact)}"
        f" ({match.kind.name}).",
        candidates=ranked(matches) if len(matches) > 1 else (),
    )


def _unknown(situation: Situation, preferences: EffectivePreferences) -> CreatePlaceholder | LeaveUnlogged:
    """The outcome for a number that is confirmed to be in no contact."""
    number, nobody = situation.number, f"No contact has {situation.number.text}"
    if situation.trigger is LogTrigger.MANUAL:
        return _unlogged(CallLogReason.NO_CONTACT, f"{nobody}; a person can choose or create one.")
    if situation.call.direction is CallDirection.INTERNAL:
        return _unlogged(CallLogReason.NO_CONTACT, f"{nobody}, and internal calls never create one.")
    if number.kind is not NumberKind.DIALABLE:
        return _unlogged(CallLogReason.NO_CONTACT, f"{nobody}, and an extension or short code never creates one.")
    action, origin = preferences.unknown_contact_action, preferences.origin("unknown_contact_action")
    if action is not UnknownContactAction.CREATE_PLACEHOLDER:
        return _unlogged(CallLogReason.NO_CONTACT, f"{nobody}; {action.name} by {origin}.")
    sent = situation.call.counterpart(situation.user_id).name
    caller_id = usable_name(sent, number, situation.caller_id_prefixes)
    name = preferences.placeholder_name
    if caller_id:
        name = formatted(caller_id, preferences.placeholder_name_format, situation.region)
    named = "its caller ID" if caller_id else f"the placeholder name of {preferences.origin('placeholder_name')}"
    return CreatePlaceholder(
        number=number,
        name=name,
        contact_type=preferences.placeholder_contact_type,
        explanation=f"{nobody}; {action.name} by {origin} made {name!r}, named by {named}.",
    )


def _unlogged(reason: CallLogReason, explanation: str, candidates: tuple[ContactMatch, ...] = ()) -> LeaveUnlogged:
    return LeaveUnlogged(reason=reason, explanation=explanation, candidates=candidates)


def _named(contact: Contact) -> str:
    return f"{contact.name or 'a contact without a name'} [{contact.id}]"
