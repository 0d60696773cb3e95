"""Durations as phone systems write them, in seconds: 65, 1:05, 00:01:05, 1m 5s, 65s (1m 5s), 1 min 5 sec."""

import re
from typing import Final

_MAX_TEXT: Final = 40
_MAX_SECONDS: Final = 999_999_999  # some thirty years
_NO_DURATIONS: Final = frozenset({"", "-", "--", "null", "\\n", "none", "n/a"})

_is_number = re.compile(r"(\d{1,12})(?:[.,]\d+)?").fullmatch
_is_clock = re.compile(
    r"(?:(?P<days>\d{1,4})[. ])?(?:(?P<hours>\d{1,5}):)?(?P<minutes>\d{1,4}):(?P<seconds>\d\d)(?:[.,]\d+)?"
).fullmatch
_is_iso = re.compile(r"PT(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})(?:\.\d+)?S)?", re.IGNORECASE).fullmatch
# Seconds first and the same again in brackets: how Elastix and Issabel write "65s (1m 5s)".
_is_worded = re.compile(
    r"(?:(?P<hours>\d{1,6})\s*h(?:(?:ou)?rs?|ours?)?\.?)?\s*"
    r"(?:(?P<minutes>\d{1,6})\s*m(?:in(?:ute)?s?)?\.?)?\s*"
    r"(?:(?P<seconds>\d{1,9})(?:[.,]\d+)?\s*s(?:ec(?:ond)?s?|ek)?\.?)?"
    r"(?:\s*\([^()]*\))?",
    re.IGNORECASE,
).fullmatch
_is_clock_step = re.compile(r"-[0-5]?\d(?:[.,]\d+)?").fullmatch  # a clock set back by less than a minute


def read_duration(text: str) -> int | None:
    """Whole seconds; None where the text says that there is none, or a few seconds less than none (a clock set back).

    `1:05` is one minute and five seconds: no phone system is known that leaves the seconds out.

    Raises:
        ValueError: it is no duration.
    """
    stripped = text.strip()
    if stripped.lower() in _NO_DURATIONS or _is_clock_step(stripped):
        return None
    seconds = _seconds(stripped) if len(stripped) <= _MAX_TEXT else None
    if seconds is None or seconds > _MAX_SECONDS:
        raise ValueError(text)
    return seconds


def _seconds(text: str) -> int | None:
    if match := _is_number(text):
        return int(match[1])
    if match := _is_clock(text):
        parts = {name: int(value or 0) for name, value in match.groupdict().items()}
        return ((parts["days"] * 24 + parts["hours"]) * 60 + parts["minutes"]) * 60 + parts["seconds"]
    if match := _is_iso(text):
        hours, minutes, seconds = (int(value or 0) for value in match.groups())
        return (hours * 60 + minutes) * 60 + seconds
    match = _is_worded(text)
    if match is None or not any(match.groupdict().values()):
        return None
    return (int(match["hours"] or 0) * 60 + int(match["minutes"] or 0)) * 60 + int(match["seconds"] or 0)
