"""Contacts from vCard files: versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), also several files that were joined."""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from leadline_server.crm.embedded.contact_files.lines import read_lines
from leadline_server.crm.embedded.contact_files.number_cells import FoundNumbers
from leadline_server.crm.embedded.contact_files.outcomes import FileOutcome, Remark
from leadline_server.crm.embedded.contact_files.records import ContactRecord, RowProblem, UnreadableFile
from leadline_server.crm.embedded.contact_files.vcard_lines import Card, Property, read_cards, split_escaped, unescaped
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

_GROUP_KINDS: Final = ("KIND", "X-ADDRESSBOOKSERVER-KIND")
_LABEL: Final = "X-ABLABEL"  # Apple's: `item1.X-ABLabel:Fax` says of what kind `item1.TEL` is
_WANTED: Final = frozenset({"FN", "N", "TEL", "EMAIL", "ORG", "TITLE", "UID", "VERSION", _LABEL, *_GROUP_KINDS})
_ONCE: Final = ("UID", "N")  # RFC 6350 section 6: at most once a card
_NO_VOICE: Final = frozenset({"fax", "pager", "modem", "bbs", "text-only"})
_FAX_LABEL: Final = re.compile(r"fax|pager", re.IGNORECASE)


def read_vcards(stream: BinaryIO, rules: RulesOrRegion) -> Iterator[ContactRecord | RowProblem]:
    """The contacts of a vCard file, card by card: FN or N, TEL (no fax, no pager), EMAIL, ORG, TITLE, UID.

    Reads no further than it is asked. `rules` say how the account's numbers are read.

    Raises:
        UnreadableFile: there is no card in it.
    """
    stray: Card | None = None
    is_empty = True
    for card in read_cards(read_lines(stream), _WANTED):
        if card.is_stray:
            stray = card  # for it is only worth a word if there is a card as well
            continue
        is_empty = False
        if stray:
            yield _stray_problem(stray)
            stray = None
        yield _read_card(card, rules)
    if is_empty:
        raise UnreadableFile("The file has no vCard in it: no line says BEGIN:VCARD.")
    if stray:
        yield _stray_problem(stray)


def _stray_problem(stray: Card) -> RowProblem:
    lines = f"lines {stray.line} to {stray.end} stand" if stray.end > stray.line else "the line stands"
    return RowProblem(stray.line, f"{lines} outside of any card", stray.end)


def _read_card(card: Card, rules: RulesOrRegion) -> ContactRecord | RowProblem:
    if problem := card.problem or _problem_of(card):
        return RowProblem(card.line, problem, card.end)
    found = _numbers(card, rules)
    company = next(iter(_components(card, "ORG")), "")
    name = _first(card, "FN") or _full_name(_components(card, "N")) or company or next(iter(found.numbers), "")
    if not name:
        return RowProblem(card.line, "neither a name nor a number", card.end)
    bad_lines = [Remark(FileOutcome.LINE, line, message) for line, message in card.bad_lines]
    return ContactRecord(
        line=card.line,
        end=card.end,
        name=name,
        phone_numbers=tuple(found.numbers),
        unusable_numbers=tuple(found.unusable),
        email=re.sub("^mailto:", "", _first(card, "EMAIL"), flags=re.IGNORECASE),
        company=company,
        title=_first(card, "TITLE"),
        uid=_first(card, "UID"),
        remarks=(*bad_lines, *found.remarks),
    )


def _problem_of(card: Card) -> str:
    if sum(each.name == "VERSION" for each in card.properties) > 1:
        return "two cards in one: there are two VERSION lines"
    for name in _ONCE:
        if len({each.text.strip() for each in card.properties if each.name == name} - {""}) > 1:
            return f"two cards in one: there are two {name} lines"
    if any(_first(card, name).lower() == "group" for name in _GROUP_KINDS):
        return "the card is a group, not a contact"
    return ""


def _first(card: Card, name: str) -> str:
    """The first value of a property that says something."""
    texts = (_one_line(unescaped(each.text)) for each in card.properties if each.name == name)
    return next(filter(None, texts), "")


def _components(card: Card, name: str) -> Sequence[str]:
    """The components of the first such property that says something."""
    for each in card.properties:
        if each.name == name:
            components = [_one_line(part) for part in split_escaped(each.text)]
            if any(components):
                return components
    return ()


def _full_name(components: Sequence[str]) -> str:
    """Prefix, given, additional, family name and suffix, of N's family;given;additional;prefix;suffix."""
    family, given, additional, prefix, suffix = [*components, "", "", "", "", ""][:5]
    return " ".join(filter(None, (prefix, given, additional, family, suffix)))


def _numbers(card: Card, rules: RulesOrRegion) -> FoundNumbers:
    found = FoundNumbers(card.line)
    labels = {each.group: each.text for each in card.properties if each.name == _LABEL and each.group}
    for each in card.properties:
        if each.name != "TEL":
            continue
        found.line = each.line
        text = unescaped(each.text).strip()
        if _is_fax(each, labels.get(each.group, "")):
            found.leave_out(FileOutcome.FAX, text)
        else:
            found.add(text, rules)
    return found


def _is_fax(number: Property, label: str) -> bool:
    return bool(number.types & _NO_VOICE and "voice" not in number.types) or bool(_FAX_LABEL.search(label))


def _one_line(text: str) -> str:
    return " ".join(text.split())
