"""The result of a call that has several legs: one rule, for call records and for reports that are joined."""

from collections.abc import Iterable
from typing import Final

from leadline_server.domain.call import CallResult

# The result of a call whose legs differ: the first of these that a leg has.
_RESULT_ORDER: Final = (
    CallResult.ANSWERED,
    CallResult.VOICEMAIL,
    CallResult.NO_ANSWER,
    CallResult.REJECTED,
    CallResult.CANCELED,
    CallResult.BUSY,
    CallResult.FAILED,
)


def best_result(results: Iterable[CallResult | None]) -> CallResult | None:
    """The result of a call, by the results of its legs. Example: NO_ANSWER and ANSWERED make ANSWERED."""
    found = set(results)
    return next((result for result in _RESULT_ORDER if result in found), None)
