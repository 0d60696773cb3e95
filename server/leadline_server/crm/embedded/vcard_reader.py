"""Contacts from vCard files, versions 3.0 (RFC 2426) and 4.0 (RFC 6350)."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from leadline_server.crm.embedded.records import ContactRecord, RowProblem, UnreadableFile

_MAX_CARD: Final = 262_144  # characters, pictures not counted
# Pictures, sounds and keys are most of a file and nothing of it is kept.
_BULKY: Final = re.compile(r"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY)[;:]", re.IGNORECASE)
_NO_VOICE: Final = frozenset({"fax", "pager", "modem", "bbs", "text-only"})


def read_vcards(stream: BinaryIO) -> Iterator[ContactRecord | RowProblem]:
    """The contacts of a vCard file, card by card: FN or N, TEL (no fax, no pager), EMAIL, ORG, TITLE, UID.

    Reads no further than it is asked. The file is UTF-8; other bytes are replaced.

    Raises:
        UnreadableFile: there is no card in it.
    """
    is_empty = True
    for line, card in _cards(stream):
        is_empty = False
        if sum(map(len, card)) > _MAX_CARD:
            yield RowProblem(line, f"a card of more than {_MAX_CARD} characters")
        else:
            yield _read_card(line, "".join(card))
    if is_empty:
        raise UnreadableFile("The file has no vCard in it: no line says BEGIN:VCARD.")


def _cards(stream: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """The lines of each card, without what is bulky, and the number of its first line."""
    card: list[str] = []
    begin, is_bulky = 0, False
    for number, raw in enumerate(stream, 1):
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace")
        word = line.strip().upper()
        if word == "BEGIN:VCARD":
            if card:
                yield begin, card  # the last card has no end: reading it says so
            card, begin = [line], number
        elif card:
            # A line that begins with a space continues the one before (RFC 6350 section 3.2).
            is_bulky = is_bulky if line[:1] in {" ", "\t"} else bool(_BULKY.match(line))
            if not is_bulky:
                card.append(line)
            if word == "END:VCARD":
                yield begin, card
                card = []
    if card:
        yield begin, card


def _read_card(line: int, text: str) -> ContactRecord | RowProblem:
    from vobject.base import readOne  # it takes a while, and only imports need it

    if not text.rstrip().upper().endswith("END:VCARD"):
        return RowProblem(line, "the card has no END:VCARD")
    try:
        card = readOne(text, allowQP=True)  # type: ignore[no-untyped-call] # vobject has no types
        return _record(line, card.contents)
    except Exception as error:  # noqa: BLE001 - vobject raises whatever it stumbles over
        return RowProblem(line, f"no vCard: {str(error) or type(error).__name__}")


def _record(line: int, contents: dict[str, list[Any]]) -> ContactRecord | RowProblem:
    if _first(contents, "kind").lower() == "group":
        return RowProblem(line, "the card is a group, no contact")
    numbers = tuple({number: None for each in contents.get("tel", []) if (number := _number(each))})
    company = _first(contents, "org")
    name = _first(contents, "fn") or _first(contents, "n") or company or (numbers[0] if numbers else "")
    if not name:
        return RowProblem(line, "neither a name nor a number")
    return ContactRecord(
        line=line,
        name=name,
        phone_numbers=numbers,
        email=_first(contents, "email").removeprefix("mailto:"),
        company=company,
        title=_first(contents, "title"),
        uid=_first(contents, "uid"),
    )


def _first(contents: dict[str, list[Any]], name: str) -> str:
    for line in contents.get(name, []):
        value = line.value[0] if isinstance(line.value, list) and line.value else line.value
        if text := " ".join(str(value or "").split()):
            return text
    return ""


def _number(line: Any) -> str:
    kinds = {kind.lower() for value in line.params.get("TYPE", []) for kind in str(value).split(",")}
    if kinds & _NO_VOICE and "voice" not in kinds:
        return ""
    text = str(line.value).strip()
    # RFC 6350 prefers URIs; people prefer numbers. One with parameters stays what it is.
    return text if ";" in text else re.sub(r"^tel:", "", text, flags=re.IGNORECASE)
