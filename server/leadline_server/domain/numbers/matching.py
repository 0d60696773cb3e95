"""Whether a number that a CRM stores is the number that was asked for, and how well it matches."""

from typing import Final, NamedTuple

from leadline_server.domain.contact import MatchKind
from leadline_server.domain.fast_init import maker
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion
from leadline_server.domain.numbers.phone_number import MAX_TEXT, NumberKind, PhoneNumber, parse_number
from leadline_server.domain.numbers.several import numbers_in
from leadline_server.domain.numbers.spelling_rules import shared_digits
from leadline_server.domain.numbers.spellings import spellings
from leadline_server.domain.numbers.written_number import read_written

_MIN_NATIONAL_DIGITS: Final = 7  # fewer are a local number, which many places share


_EXACT: Final = MatchKind.EXACT  # as a global name it is read 15 times faster, as are those below
_DIALABLE: Final = NumberKind.DIALABLE
_EXTENSION: Final = NumberKind.EXTENSION


class Match(NamedTuple):
    """How a stored number matches; the smaller one is the stronger one.

    Attributes:
        kind: as in the contract.
        is_respelled: it is the same number in another spelling: "+5215512345678" for +525512345678.
    """

    kind: MatchKind
    is_respelled: bool = False


_new_match: Final = maker(Match)


def match_kind(asked: PhoneNumber, stored: str, rules: RulesOrRegion) -> MatchKind | None:
    """How `stored` matches, without its spelling; see `match_number`."""
    match = match_number(asked, stored, rules)
    return match and match.kind


def match_number(asked: PhoneNumber, stored: str, rules: RulesOrRegion) -> Match | None:
    """Compare a number with one of a contact's.

    Args:
        asked: the caller's or callee's number.
        stored: the contact's number as the CRM has it, in any form; it may hold several.
        rules: the account's, by which `stored` is read.

    Returns:
        EXACT: the same E.164 number and the same extension, or none on either side.
        NATIONAL: `stored` says no country and is no number of the account's region, but is the asked number as it is
            written at home. It may be another country's number that looks alike. Or it is an Argentine number that
            differs in the 9 of mobile numbers only.
        EXTENSION: the same main number, and one of both has an extension; or the same internal extension.
        None: anything else. The same last digits alone are no match, and neither are two different extensions.
    """
    if asked.kind is not _DIALABLE and asked.kind is not _EXTENSION:
        return None
    known = parse_number(stored, rules)
    if known.kind is asked.kind:
        return _same_kind(asked, known)
    if asked.kind is not _DIALABLE or known.kind is not NumberKind.UNUSABLE:
        return None
    several = [match for number in numbers_in(stored, rules) if (match := _same_kind(asked, number))]
    return min(several) if several else _as_written_at_home(asked, stored)


def key_asked_by(asked: PhoneNumber) -> str:
    """The `key_matched_by` of each stored number that can match `asked` and no number with another key."""
    return f"+{asked.country_code}{_shared(asked)}" if asked.e164 else asked.key


def key_matched_by(stored: str, rules: RulesOrRegion) -> str | None:
    """Which numbers one of a contact's can match at all, for who has many of both to compare.

    Returns:
        The key (see `key_asked_by`) that all of them have; empty if there are none; None if any may match.
    """
    known = parse_number(stored, rules)
    return None if known.kind is NumberKind.UNUSABLE else key_asked_by(known)


def _same_kind(asked: PhoneNumber, known: PhoneNumber) -> Match | None:
    if asked.kind is _EXTENSION:
        return Match(MatchKind.EXTENSION) if asked.extension == known.extension else None
    if asked.e164 == known.e164:
        return _by_extension(asked.extension, known.extension, _EXACT, is_respelled=asked.spelled != known.spelled)
    if asked.country_code == known.country_code and _shared(asked) == _shared(known):
        return _by_extension(asked.extension, known.extension, MatchKind.NATIONAL)
    return None


def _shared(number: PhoneNumber) -> str:
    return shared_digits(number.country_code, number.significant)


def _as_written_at_home(asked: PhoneNumber, stored: str) -> Match | None:
    if len(stored) > MAX_TEXT:
        return None
    written = read_written(stored)
    if len(written.digits) < _MIN_NATIONAL_DIGITS or written.context:
        return None
    if not any(written.digits in {form.national, form.significant, form.e164[1:]} for form in spellings(asked)):
        return None
    return _by_extension(asked.extension, written.extension, MatchKind.NATIONAL)


def _by_extension(asked: str, known: str, same: MatchKind, *, is_respelled: bool = False) -> Match | None:
    if asked == known:
        return _new_match(same, is_respelled)
    return None if asked and known else Match(MatchKind.EXTENSION, is_respelled)
