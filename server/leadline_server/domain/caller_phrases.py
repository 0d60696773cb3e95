"""Phrases that carriers, phones and spam filters send where a caller's name is not known.

Carriers' name services, handsets' call labels (AT&T ActiveArmor, T-Mobile Scam Shield, Verizon Call Filter, Hiya, First
Orion) and phone systems each word them differently: "Unknown Name", "Suspected Spam Caller", "Appelant inconnu". So a
phrase is judged by its words, in `caller_phrases.txt`: it names no one if all are known and one is a keyword.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Final

from leadline_server.domain.display_name import CNAM_LENGTH, words_of

_FILE: Final = "caller_phrases.txt"
_MIN_PIECE: Final = 4  # letters of each half of a joined phrase: UNKNOWNCALLER, but not CALLAN
_MAX_WORDS: Final = 10
_MAX_DIGITS: Final = 6  # of a counter or extension after a phrase: "Extension 100", "Line 2"
_MIN_CUT: Final = 2  # letters of a cut word: INTERNATIONAL H may be a house
_WARNINGS: Final = frozenset(["scam", "spam", "scammer", "fraud", "robocall", "robocaller", "telemarketer"])
"""Words that follow the topic of an unwanted call: "Medicare Scam", "Solar Telemarketer"."""
_OFTEN_CUT: Final = ("caller", "number", "telephone", "subscriber", "customer")
_EAST_ASIAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The file's lists, folded. `longest` is the length of the longest East Asian word."""

    keywords: frozenset[str]
    call_words: frozenset[str]
    stop_words: frozenset[str]
    topics: frozenset[str]
    phrases: frozenset[str]
    carriers: frozenset[str]
    ambiguous_carriers: frozenset[str]
    telecom_words: frozenset[str]
    company_words: frozenset[str]
    endings: frozenset[str]
    longest: int


@lru_cache(64)  # a caller's name is asked two or three times in one decision
def names_no_one(name: str) -> bool:
    """Whether a name is a phrase for an unknown caller, a carrier, or a device.

    Args:
        name: cleaned; its length tells whether it was cut ("RESTRICTED NUMB").
    """
    words = words_of(name)
    if not words or len(words) > _MAX_WORDS:
        return False
    if _is_phrase(words) or _is_carrier(words) or _is_cut_call(words):
        return True
    return len(name) == CNAM_LENGTH and _is_cut_phrase(words)


def _is_phrase(words: tuple[str, ...]) -> bool:
    """`Unknown Name`, `Extension 100`: known words, one of which is more than a stop word; numbers do not count."""
    known = _vocabulary()
    counted = tuple(word for word in words if not (word.isdecimal() and len(word) <= _MAX_DIGITS))
    if " ".join(words) in known.phrases or " ".join(counted) in known.phrases:
        return True
    others = [word for word in counted if not _means_unknown(word)]
    is_warning = words[-1] in _WARNINGS and len(words) > 1 and known.topics.issuperset(words[:-1])
    return is_warning or (len(others) < len(counted) and known.stop_words.issuperset(others))


def _means_unknown(word: str) -> bool:
    known = _vocabulary()
    return word in known.keywords or word in known.call_words or _is_joined(word)


def _is_joined(word: str) -> bool:
    """UNKNOWNCALLER, SPAMLIKELY; in East Asian scripts any run of known words with a keyword."""
    known = _vocabulary()
    if _EAST_ASIAN.fullmatch(word):
        return _is_run(word, known)
    return any(
        (word[:end] in known.keywords and word[end:] in known.call_words | known.stop_words)
        or (word[:end] in known.call_words | known.stop_words and word[end:] in known.keywords)
        for end in range(_MIN_PIECE, len(word) - _MIN_PIECE + 1)
    )


def _is_run(text: str, known: _Vocabulary) -> bool:
    """Whether an East Asian text is a run of known words with a keyword among them. Linear in its length."""
    reached = {0: False}  # by position that a run of words reaches: whether one of them is a keyword
    for start in range(len(text)):
        if start not in reached:
            continue
        for end in range(start + 1, min(start + known.longest, len(text)) + 1):
            word = text[start:end]
            is_keyword = word in known.keywords
            if is_keyword or word in known.call_words or word in known.stop_words:
                reached[end] = reached.get(end, False) or reached[start] or is_keyword
    return reached.get(len(text), False)


def _is_carrier(words: tuple[str, ...]) -> bool:
    """`T-MOBILE`, `SPRINT PCS`, `ROGERS WIRELESS`; but not `ROGERS` or `BELL JOHN`."""
    known = _vocabulary()
    if " ".join(words) in known.carriers:
        return True
    for count in range(1, len(words)):
        head, tail = " ".join(words[:count]), words[count:]
        is_telecom = not known.telecom_words.isdisjoint(tail)
        if head in known.carriers or (is_telecom and head in known.ambiguous_carriers):
            return (known.telecom_words | known.company_words).issuperset(tail)
    return False


def _is_cut_call(words: tuple[str, ...]) -> bool:
    """`WIRELESS CALLE`, `TRACFONE WIRELES`: cut elsewhere than CNAM does, but plain."""
    *head, last = words
    known = _vocabulary()
    if not head or len(last) < _MIN_PIECE:
        return False
    if known.keywords.issuperset(head):
        return any(word.startswith(last) for word in _OFTEN_CUT)
    return any(word.startswith(last) and _is_carrier((*head, word)) for word in known.telecom_words)


def _is_cut_phrase(words: tuple[str, ...]) -> bool:
    """`RESTRICTED NUMB`, `VERIZON WIRELES`: the last word is the beginning of a known one."""
    text = " ".join(words)
    known = _vocabulary()
    if any(phrase.startswith(text) for phrase in known.phrases | known.carriers):
        return True
    *head, last = words
    endings = [word for word in known.endings if len(last) >= _MIN_CUT and word.startswith(last)]
    return any(_is_phrase((*head, ending)) or _is_carrier((*head, ending)) for ending in endings)


@cache
def _vocabulary() -> _Vocabulary:
    text = (resources.files(__package__) / _FILE).read_text(encoding="utf-8")
    lists = _sections(text.splitlines())
    known = lists["keywords"] | lists["call words"] | lists["stop words"]
    return _Vocabulary(
        keywords=lists["keywords"],
        call_words=lists["call words"],
        stop_words=lists["stop words"],
        topics=lists["topics of warnings"],
        phrases=lists["phrases"],
        carriers=lists["carriers"],
        ambiguous_carriers=lists["carriers with a word"],
        telecom_words=lists["telecom words"],
        company_words=lists["company words"],
        endings=known | lists["telecom words"] | lists["company words"],
        longest=max(len(word) for word in known if _EAST_ASIAN.fullmatch(word)),
    )


def _sections(lines: Iterable[str]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in lines:
        if line.startswith("["):
            current = found.setdefault(line.strip("[]"), set())
        elif line and not line.startswith("#"):
            current.update(" ".join(words_of(entry)) for entry in line.split("|"))
    return {name: frozenset(entries) for name, entries in found.items()}
