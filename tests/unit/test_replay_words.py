"""Words for results and directions, by their meaning."""

import pytest
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.replay.words import Told, read_direction, read_result

INBOUND, OUTBOUND, INTERNAL = CallDirection.INBOUND, CallDirection.OUTBOUND, CallDirection.INTERNAL

RESULTS = {
    CallResult.ANSWERED: ("ANSWERED", "Answer", "answered ", "Connected", "Call completed", "angenommen", "Contestada"),
    CallResult.NO_ANSWER: (
        *(
            "NO ANSWER",
            "NOANSWER",
            "NO_ANSWER",
            "no-answer",
            "Unanswered",
            "Not answered",
            "Missed",
            "NO_USER_RESPONSE",
        ),
        *("Verpasst", "nicht angenommen", "Sans réponse", "Perdida"),
    ),
    CallResult.BUSY: ("BUSY", "USER_BUSY", "besetzt", "Ocupado"),
    CallResult.REJECTED: ("Rejected", "CALL_REJECTED", "Declined", "DONTCALL", "abgelehnt"),
    CallResult.CANCELED: ("CANCEL", "Canceled", "Cancelled", "ORIGINATOR_CANCEL", "Abandoned"),
    CallResult.FAILED: (
        *("FAILED", "CONGESTION", "CHANUNAVAIL", "INVALIDARGS", "UNALLOCATED_NUMBER", "NO_ROUTE_DESTINATION"),
        *("NORMAL_TEMPORARY_FAILURE", "Fehlgeschlagen"),
    ),
    CallResult.VOICEMAIL: ("Voicemail", "VOICE MAIL", "Anrufbeantworter", "Buzón de voz"),
}


@pytest.mark.parametrize(("result", "word"), [(result, word) for result, words in RESULTS.items() for word in words])
def test_a_result_is_read_by_its_meaning(result: CallResult, word: str) -> None:
    assert read_result(word) == Told(result)


@pytest.mark.parametrize("word", ["", "Unknown", "NULL", "n/a", "unbekannt"])
def test_an_empty_result_is_unknown(word: str) -> None:
    assert read_result(word) == Told(None)


def test_a_cause_that_says_only_that_the_call_is_over_leaves_it_to_the_times() -> None:
    assert read_result("NORMAL_CLEARING").is_ended


def test_a_word_that_is_not_understood_is_not_guessed() -> None:
    assert not read_result("PERHAPS").is_known


DIRECTIONS = {
    "Inbound": (INBOUND, None),
    "incoming": (INBOUND, None),
    "IN": (INBOUND, None),
    "Eingehend": (INBOUND, None),
    "Entrante": (INBOUND, None),
    "Inbound Queue": (INBOUND, None),
    "Incoming Answered": (INBOUND, CallResult.ANSWERED),
    "missed": (INBOUND, CallResult.NO_ANSWER),
    "Missed call": (INBOUND, CallResult.NO_ANSWER),
    "Voicemail": (INBOUND, CallResult.VOICEMAIL),
    "Outgoing": (OUTBOUND, None),
    "dialed": (OUTBOUND, None),
    "ausgehend": (OUTBOUND, None),
    "Sortant": (OUTBOUND, None),
    "Internal": (INTERNAL, None),
    "local": (INTERNAL, None),
    "sideways": None,
    "": None,
}


@pytest.mark.parametrize(("word", "expected"), DIRECTIONS.items(), ids=DIRECTIONS.keys())
def test_a_direction_is_read_by_its_meaning(
    word: str, expected: tuple[CallDirection, CallResult | None] | None
) -> None:
    assert read_direction(word) == expected
