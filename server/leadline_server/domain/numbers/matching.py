"""Whether a number that a CRM stores is the number that was asked for, and how well it matches."""

from leadline_server.domain.contact import MatchKind
from leadline_server.domain.numbers.phone_number import MAX_TEXT, NumberKind, PhoneNumber, parse_number
from leadline_server.domain.numbers.written_number import read_written

_MIN_NATIONAL_DIGITS = 7  # fewer are a local number, which many places share


def match_kind(asked: PhoneNumber, stored: str, region: str) -> MatchKind | None:
    """Compare a number with one of a contact's.

    Args:
        asked: the caller's or callee's number.
        stored: the contact's number as the CRM has it, in any form.
        region: the account's region, in which `stored` is read.

    Returns:
        EXACT: the same E.164 number and the same extension, or none on either side.
        NATIONAL: `stored` says no country and is no number of the account's region, but is the asked number as it is
            written at home. It may be another country's number that looks alike.
        EXTENSION: the same main number, and one of both has an extension; or the same internal extension.
        None: anything else. The same last digits alone are no match, and neither are two different extensions.
    """
    if asked.kind is not NumberKind.DIALABLE and asked.kind is not NumberKind.EXTENSION:
        return None
    known = parse_number(stored, region)
    if known.kind is asked.kind:
        return _same_kind(asked, known)
    if asked.kind is NumberKind.DIALABLE and known.kind is NumberKind.UNUSABLE:
        return _as_written_at_home(asked, stored)
    return None


def key_asked_by(asked: PhoneNumber) -> str:
    """What `key_matched_by` of a stored number is, if that one can match `asked` and no number with another key."""
    return asked.e164 or asked.key


def key_matched_by(stored: str, region: str) -> str | None:
    """Which numbers one of a contact's can match at all, for who has many of both to compare.

    Returns:
        The key (see `key_asked_by`) that all of them have; empty if there are none; None if any may match.
    """
    known = parse_number(stored, region)
    return None if known.kind is NumberKind.UNUSABLE else key_asked_by(known)


def _same_kind(asked: PhoneNumber, known: PhoneNumber) -> MatchKind | None:
    if asked.kind is NumberKind.EXTENSION:
        return MatchKind.EXTENSION if asked.extension == known.extension else None
    return _by_extension(asked.extension, known.extension, MatchKind.EXACT) if asked.e164 == known.e164 else None


def _as_written_at_home(asked: PhoneNumber, stored: str) -> MatchKind | None:
    if len(stored) > MAX_TEXT:
        return None
    written = read_written(stored)
    if len(written.digits) < _MIN_NATIONAL_DIGITS or written.context:
        return None
    if written.digits not in {asked.national, asked.significant}:
        return None
    return _by_extension(asked.extension, written.extension, MatchKind.NATIONAL)


def _by_extension(asked: str, known: str, same: MatchKind) -> MatchKind | None:
    if asked == known:
        return same
    return None if asked and known else MatchKind.EXTENSION
