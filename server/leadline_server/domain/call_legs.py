"""Computes from the legs of a call its result, its times, and whether it is over.

A phone system that reports each leg for itself never says what the whole call came to. Two phones ring, one is busy and
one answers: the call was answered. Call records and live events follow the same rules.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from leadline_server.domain.call import Call, CallLeg, CallResult, Party
from leadline_server.domain.call_results import best_result

_NO_PARTY: Final = Party()


def told_by_legs(call: Call) -> Call:
    """The call with the result and the times that its legs tell. It depends on the legs only, not on their order.

    A leg without a party is the call's own channel at the phone system: the caller's, say, which an announcement
    answers at once. If other legs have a party, they alone tell whether a person was reached. The call is final when
    all of its legs have ended.
    """
    if not call.legs:
        return call
    reached = [leg for leg in call.legs if leg.party != _NO_PARTY] or list(call.legs)
    result = best_result(map(leg_result, reached))
    is_answered = result is CallResult.ANSWERED
    is_over = all(leg.end_time is not None for leg in call.legs)
    return replace(
        call,
        result=call.result if result is None else result,
        start_time=earliest((call.start_time, *(leg.start_time for leg in call.legs))),
        answer_time=earliest(leg.answer_time for leg in reached) if is_answered else None,
        end_time=latest((call.end_time, *(leg.end_time for leg in call.legs))) if is_over else call.end_time,
        is_final=call.is_final or is_over or None,
    )


def leg_result(leg: CallLeg) -> CallResult | None:
    """The result of a leg. One that ended without a word was answered if it has the time of an answer."""
    if leg.result is not None or leg.end_time is None:
        return leg.result
    return CallResult.NO_ANSWER if leg.answer_time is None else CallResult.ANSWERED


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """The earliest of the times that are known."""
    return min((time for time in times if time is not None), default=None)


def latest(times: Iterable[datetime | None]) -> datetime | None:
    """The latest of the times that are known."""
    return max((time for time in times if time is not None), default=None)
