"""The outcome of calls that get no log for want of a contact: no contact has the number, or the CRM cannot log."""

from leadline_server.domain.call import CallDirection
from leadline_server.domain.call_log_states import CallLogReason, LogTrigger
from leadline_server.domain.caller_id import usable_name
from leadline_server.domain.contact import ContactMatch
from leadline_server.domain.name_format import formatted
from leadline_server.domain.numbers.phone_number import NumberKind
from leadline_server.domain.placeholders import LimitReached
from leadline_server.domain.preferences import EffectivePreferences, UnknownContactAction
from leadline_server.domain.situation import (
    CreatePlaceholder,
    LeaveUnlogged,
    Situation,
    new_create_placeholder,
    unlogged,
)


def unknown_caller(situation: Situation, preferences: EffectivePreferences) -> CreatePlaceholder | LeaveUnlogged:
    """The outcome for a number that no contact has, as the lookup confirmed."""
    number, none_has = situation.number, f"No contact has {situation.number.text}"
    if situation.trigger is LogTrigger.MANUAL:
        return unlogged(CallLogReason.NO_CONTACT, f"{none_has}; a person can choose or create one.")
    if situation.call.direction is CallDirection.INTERNAL:
        return unlogged(CallLogReason.NO_CONTACT, f"{none_has}, and internal calls never create one.")
    if number.kind is not NumberKind.DIALABLE:
        return unlogged(CallLogReason.NO_CONTACT, f"{none_has}, and an extension or short code never creates one.")
    if number.other_reading:
        return unlogged(
            CallLogReason.NO_CONTACT,
            f"{none_has}, read as {number.e164} or, without the dial prefix, as {number.other_reading}; both can be the"
            " number, so no contact is created.",
        )
    action = preferences.unknown_contact_action
    decided = f"unknown_contact_action is {action.name} by {preferences.origin('unknown_contact_action')}"
    if action is not UnknownContactAction.CREATE_PLACEHOLDER:
        return unlogged(CallLogReason.NO_CONTACT, f"{none_has}; {decided}.")
    sent = situation.call.counterpart(situation.user_id).name
    caller_id = usable_name(sent, number, situation.caller_id_prefixes)
    name = preferences.placeholder_name
    if caller_id:
        name = formatted(caller_id, preferences.placeholder_name_format, situation.region)
    if not situation.finds_every_form:
        none_has += " in a form that the CRM finds"
    named = "its caller ID" if caller_id else f"the placeholder name of {preferences.origin('placeholder_name')}"
    return new_create_placeholder(
        number=number,
        name=name,
        contact_type=preferences.placeholder_contact_type,
        explanation=f"{none_has}; {decided}, so leadline created {name!r}, named by {named}.",
    )


def cannot_log(explanation: str, candidates: tuple[ContactMatch, ...] = ()) -> LeaveUnlogged:
    """The outcome for a call that would be logged if the CRM could."""
    return unlogged(CallLogReason.CRM_CANNOT_LOG, f"{explanation} The CRM cannot log calls.", candidates)


def limit_reached(created: CreatePlaceholder, reached: LimitReached) -> LeaveUnlogged:
    """The outcome for a call whose placeholder is not created, because a limit of placeholders is reached."""
    return unlogged(
        CallLogReason.PLACEHOLDER_LIMIT,
        f"No contact has {created.number.text}. {reached.sentence}, so none is created. Log the call by hand, or retry"
        " it later.",
    )
