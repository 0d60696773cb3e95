"""Calls as messages of the contract. Fields that are not known stay absent: a replay clears nothing."""

from dataclasses import replace

from leadline.v1 import call_log_service_pb2

from leadline_server.domain.call import Call, Party
from leadline_server.domain.clean_text import cleaned, cleaned_lines
from leadline_server.replay.grouping import ReplayCall
from leadline_server.wire.call import CALL


def to_request(account_id: str, replayed: ReplayCall, replay_id: str = "") -> call_log_service_pb2.LogCallRequest:
    """The LogCall of a call. Its texts are cleaned, since the server refuses some of what a file may have in them.

    `replay_id` is the server's id of this replay; empty: it has none.
    """
    return call_log_service_pb2.LogCallRequest(
        account_id=account_id, user_id=replayed.user_id, call=CALL.message(_clean(replayed.call)), replay_id=replay_id
    )


def _clean(call: Call) -> Call:
    """The call with clean names and texts. Ids stay as they are: an id that was changed is another call."""
    return replace(
        call,
        caller=_clean_party(call.caller),
        callee=_clean_party(call.callee),
        disposition=call.disposition and cleaned(call.disposition),
        subject=call.subject and cleaned(call.subject),
        note=call.note and cleaned_lines(call.note),
        summary=call.summary and cleaned_lines(call.summary),
        transcript=call.transcript and cleaned_lines(call.transcript),
        legs=tuple(replace(leg, party=_clean_party(leg.party)) for leg in call.legs),
        attributes={name: cleaned(value) for name, value in call.attributes.items()},
    )


def _clean_party(party: Party) -> Party:
    return replace(party, name=party.name and cleaned(party.name)) if party.name else party
