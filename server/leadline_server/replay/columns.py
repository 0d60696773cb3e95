"""Which column of a file is which field of a call, told from its header and from `--column FIELD=HEADER`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from leadline_server.replay.header_words import HEADER_WORDS
from leadline_server.replay.lines import readable
from leadline_server.replay.records import BadRow, UnusableFile
from leadline_server.replay.words import key

TEXTS: Final = (*("disposition", "subject", "note", "recording_url", "voicemail_url", "summary", "transcript"),)
COLUMNS: Final = (
    *("id", "linked_id", "leg_id", "direction", "user_id"),
    *("caller_number", "caller_name", "caller_extension", "callee_number", "callee_name", "callee_extension"),
    *("number", "name", "extension", "context"),
    *("start_time", "date", "time", "answer_time", "end_time", "duration", "talk_time", "ring_time"),
    *("result", "event_time"),
    *TEXTS,
)
ATTRIBUTE_PREFIX: Final = "attribute:"
IGNORE: Final = "ignore"
_STARTS: Final = frozenset({"start_time", "date", "time"})
_PARTIES: Final = frozenset(
    {
        *("caller_number", "caller_name", "caller_extension", "callee_number", "callee_name", "callee_extension"),
        *("number", "name", "extension"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """The fields of a file's columns.

    Attributes:
        fields: the field of each column, in order; None where a column has none.
        headers: the header of each column as it was written.
    """

    fields: tuple[str | None, ...]
    headers: tuple[str, ...]
    found_cells: set[int] = field(default_factory=set)

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """The texts of a row by field.

        Raises:
            BadRow: it has not as many cells as the header; empty ones too many do not count.
        """
        row = [readable(cell).strip() for cell in cells]
        while len(row) > len(self.fields) and not row[-1]:
            row.pop()
        if len(row) != len(self.fields):
            raise BadRow(f"{len(row)} columns; the header has {len(self.fields)}")
        self.found_cells.update(index for index, cell in enumerate(row) if cell and self.fields[index] is None)
        return {name: cell for name, cell in zip(self.fields, row, strict=True) if name and name != IGNORE}

    @property
    def taken(self) -> dict[str, str]:
        """The header that each field was taken from."""
        pairs = zip(self.fields, self.headers, strict=True)
        return {name: header for name, header in pairs if name is not None and name != IGNORE}

    @property
    def not_taken(self) -> list[str]:
        """Headers of columns that no field took, though they hold something in the rows that were read."""
        return [self.headers[index] for index in sorted(self.found_cells)]


def own_columns(header: Sequence[str], given: Mapping[str, Sequence[str]]) -> ColumnMap:
    """The columns of leadline's own form. A column that is misspelled there is refused, so that it is not lost.

    Raises:
        UnusableFile: a column has a name that is not known, or one is named twice.
    """
    fields = _given(header, [key(cell) for cell in header], given)
    written = [cell.strip() for cell in header]
    lowered = [name if name.startswith(ATTRIBUTE_PREFIX) else name.lower() for name in written]
    names = [fields.get(index, name) for index, name in enumerate(lowered)]
    unknown = [name for name in names if not (_is_own_name(name) or name == IGNORE)]
    if unknown:
        raise UnusableFile(
            f"unknown columns: {', '.join(unknown)}. Known: {', '.join(COLUMNS)}; to keep another one with the call, "
            f"name it {ATTRIBUTE_PREFIX}NAME, or give --column {ATTRIBUTE_PREFIX}NAME=HEADER; to leave it out, "
            f"--column {IGNORE}=HEADER"
        )
    if len(set(names) - {IGNORE}) < len(names) - names.count(IGNORE):
        raise UnusableFile("a column is named twice")
    return ColumnMap(fields=tuple(names), headers=tuple(written))


def is_own_header(header: Sequence[str]) -> bool:
    """Whether a header is of leadline's own form: it has a column called start_time, exactly."""
    return any(cell.strip().lower() == "start_time" for cell in header)


def is_known_header(header: Sequence[str]) -> bool:
    """Whether a line looks like a header: its cells name when a call was, and who was in it."""
    found = set(_told_by_words([key(cell) for cell in header], {}, {}).values())
    return bool(found & _STARTS) and bool(found & _PARTIES)


def named_columns(
    header: Sequence[str], given: Mapping[str, Sequence[str]], also: Mapping[str, str] | None = None
) -> ColumnMap:
    """The columns of some phone system's export, by what they are called.

    Args:
        header: its cells.
        given: headers by field, as the person named them; they come first.
        also: fields by what one phone system calls their columns, as `key` writes it.

    Raises:
        UnusableFile: a given header is not there, or it is not told when calls were, or who was in them.
    """
    keys = [key(cell) for cell in header]
    prefixed = {
        index: cell.strip() for index, cell in enumerate(header) if _is_own_name(cell.strip(), ATTRIBUTE_PREFIX)
    }
    fields = _told_by_words(keys, prefixed | _given(header, keys, given), also or {})
    found = set(fields.values())
    if not found & _STARTS:
        raise UnusableFile(_missing("start_time", "when a call began", header))
    if not found & _PARTIES:
        raise UnusableFile(_missing("caller_number", "who called", header))
    return ColumnMap(
        fields=tuple(fields.get(index) for index in range(len(header))),
        headers=tuple(cell.strip() or f"column {index + 1}" for index, cell in enumerate(header)),
    )


def read_given(pairs: Sequence[str]) -> dict[str, list[str]]:
    """The headers by field of `--column FIELD=HEADER` options.

    Raises:
        UnusableFile: one has not this form, an unknown field, or a field that another one has.
    """
    given: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, header = (part.strip() for part in pair.partition("="))
        name = name if name.startswith(ATTRIBUTE_PREFIX) else name.lower()
        if not (name and equals and header):
            raise UnusableFile(f"--column {pair[:60]!r}: expected FIELD=HEADER, such as caller_number=Rufnummer")
        if not (name in COLUMNS or name == IGNORE or name.removeprefix(ATTRIBUTE_PREFIX) not in {"", name}):
            raise UnusableFile(f"--column {pair[:60]!r}: unknown field. Known: {', '.join((*COLUMNS, IGNORE))}")
        if name in given and name != IGNORE:
            raise UnusableFile(f"--column names the field {name} twice")
        given.setdefault(name, []).append(header)
    return given


def _is_own_name(name: str, prefix: str = "") -> bool:
    is_attribute = name.startswith(ATTRIBUTE_PREFIX) and name != ATTRIBUTE_PREFIX
    return is_attribute if prefix else is_attribute or name in COLUMNS


def _given(header: Sequence[str], keys: list[str], given: Mapping[str, Sequence[str]]) -> dict[int, str]:
    fields: dict[int, str] = {}
    for name, wanted in given.items():
        for one in wanted:
            exact = [index for index, cell in enumerate(header) if cell.strip() == one.strip()]
            alike = [index for index, word in enumerate(keys) if word == key(one)]
            free = [index for index in (*exact, *alike) if index not in fields]
            if not free:
                raise UnusableFile(f"no column {one[:60]!r}; the file has: {_list(header)}")
            fields[free[0]] = name
    return fields


def _told_by_words(keys: list[str], fields: Mapping[int, str], also: Mapping[str, str]) -> dict[int, str]:
    """The fields by column, with those that the words tell added; each field once, each column once."""
    found = dict(fields)
    for index, word in enumerate(keys):
        if index not in found and word in also:
            found[index] = also[word]
    taken = set(found.values())
    for name, words in HEADER_WORDS.items():
        free = (place for word in words for place, each in enumerate(keys) if each == word and place not in found)
        place = next(free, None) if name not in taken else None
        if place is not None:
            found[place] = name
    return found


def _missing(name: str, what: str, header: Sequence[str]) -> str:
    return (
        f"no column {name}: the header does not tell {what}; name the column with --column {name}=HEADER. "
        f"The file has: {_list(header)}"
    )


def _list(header: Sequence[str]) -> str:
    return ", ".join(readable(cell).strip()[:40] for cell in header[:40])
