"""Chooses among several contacts that have one number.

Example: +14155550123 matches Bo EXACT and Ann NATIONAL. Only Bo has the strongest match, so no preference is needed.
"""

from collections.abc import Sequence
from datetime import datetime

from leadline_server.domain.contact import ContactMatch, MatchKind
from leadline_server.domain.limits import MOST_CANDIDATE_BYTES, MOST_CANDIDATES
from leadline_server.domain.preferences import MultipleMatchAction
from leadline_server.domain.sizes import contact_bytes


def ranked(matches: Sequence[ContactMatch]) -> tuple[ContactMatch, ...]:
    """Each contact once, with its strongest match, the likeliest first.

    The order: kind, an exact spelling before another one, real before placeholder, name, id.
    """
    best: dict[str, ContactMatch] = {}
    for match in sorted(matches, key=_likelihood):
        best.setdefault(match.contact.id, match)
    return tuple(best.values())


def contenders(matches: Sequence[ContactMatch]) -> tuple[ContactMatch, ...]:
    """The contacts that a preference has to choose among.

    Duplicates of one contact count once, only the strongest kind of match counts, an exact spelling beats another
    spelling of the number, and real contacts beat placeholders.
    """
    candidates = ranked(matches)
    best = candidates[0]
    strongest = [m for m in candidates if (m.kind, m.is_respelled) == (best.kind, best.is_respelled)]
    real = [m for m in strongest if not m.contact.is_placeholder]
    return tuple(real or strongest)


def are_several(matches: Sequence[ContactMatch], strongest: MatchKind = MatchKind.EXACT) -> bool:
    """Whether two real contacts match as well as any contact can, so that no further contact can change that.

    `strongest` is the strongest possible match of the numbers; of bare extensions it is EXTENSION.
    """
    best = [match for match in matches if match.kind is strongest and not match.is_respelled]
    return len({match.contact.id for match in best if not match.contact.is_placeholder}) > 1


def listed(matches: Sequence[ContactMatch]) -> tuple[ContactMatch, ...]:
    """The candidates that a call log keeps: the likeliest ones, within MOST_CANDIDATES and MOST_CANDIDATE_BYTES."""
    candidates = ranked(matches)[:MOST_CANDIDATES]
    left = MOST_CANDIDATE_BYTES
    for index, match in enumerate(candidates):
        left -= contact_bytes(match.contact)
        if left < 0 < index:
            return candidates[:index]
    return candidates


def pick(rivals: Sequence[ContactMatch], action: MultipleMatchAction) -> ContactMatch | None:
    """The contact that `action` chooses; None if it leaves the choice to a person.

    The smallest id decides between equals. A contact without the time that decides comes last. If no contact has that
    time, none is chosen.
    """
    if action is MultipleMatchAction.DO_NOTHING:
        return None
    if action is MultipleMatchAction.FIRST_ALPHABETICAL:
        return min(rivals, key=lambda m: (m.contact.name.casefold(), m.contact.id))
    newest = action is MultipleMatchAction.MOST_RECENT_ACTIVITY
    timed = [(time, m) for m in rivals if (time := _time(m, newest=newest)) is not None]
    if not timed:
        return None
    best = (max if newest else min)(time for time, _ in timed)
    return min((m for time, m in timed if time == best), key=lambda m: m.contact.id)


def _time(match: ContactMatch, *, newest: bool) -> datetime | None:
    return match.contact.last_activity_time if newest else match.contact.create_time


def _likelihood(match: ContactMatch) -> tuple[int, bool, bool, str, str, str]:
    contact = match.contact
    return (
        match.kind,
        match.is_respelled,
        contact.is_placeholder,
        contact.name.casefold(),
        contact.id,
        match.phone_number,
    )
