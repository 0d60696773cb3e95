"""Which column of a CSV file fills which field of a contact."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from leadline_server.crm.embedded.contact_files.exports import KnownExport, find_export
from leadline_server.crm.embedded.contact_files.header_words import Field, HeaderReason, classify, header_words
from leadline_server.crm.embedded.contact_files.records import UnreadableFile

MAX_COLUMNS: Final = 2_048
_SHOWN_HEADERS: Final = 20
_SHOWN_HEADER: Final = 80  # characters


@dataclass(frozen=True, slots=True)
class PhoneColumn:
    """A column of numbers.

    Attributes:
        index: where it is.
        labels: the columns that say of what kind its numbers are: "Mobile", "Work Fax".
        fax_flag, voice_flag: the columns that say with 1 or true that they are a fax machine's, or a person's.
    """

    index: int
    labels: tuple[int, ...] = ()
    fax_flag: int | None = None
    voice_flag: int | None = None

    @property
    def is_labelled(self) -> bool:
        """Whether a column says of what kind its numbers are."""
        return bool(self.labels) or self.fax_flag is not None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The field of each column.

    Attributes:
        export: the known export that the file is; empty if it is another file.
        header: as the file has it.
        fields: the columns of each field, those that are asked first in front; none of numbers.
        phones: the columns of numbers, in the order of the file.
        left_out: the columns that nothing is taken from, and why.
    """

    export: str
    header: tuple[str, ...]
    fields: Mapping[Field, tuple[int, ...]]
    phones: tuple[PhoneColumn, ...]
    left_out: tuple[tuple[int, HeaderReason], ...]

    def columns_of(self, field: Field) -> tuple[str, ...]:
        """The headers of a field's columns."""
        indexes = (phone.index for phone in self.phones) if field is Field.PHONE else self.fields.get(field, ())
        return tuple(_short(self.header[index]) for index in indexes)

    def left_out_by_reason(self) -> dict[HeaderReason, list[str]]:
        """The headers of the columns that nothing is taken from, by the reason."""
        found: dict[HeaderReason, list[str]] = {}
        for index, reason in self.left_out:
            found.setdefault(reason, []).append(_short(self.header[index]) or f"column {index + 1}")
        return found


@dataclass(frozen=True, slots=True)
class ChosenColumn:
    """A choice of the user's: `--column phone="Tel. dienstlich"`."""

    field: Field
    header: str

    def indexes(self, header: Sequence[str]) -> tuple[int, ...]:
        """The columns with that header: as it is written, else by its words."""
        exact = tuple(at for at, name in enumerate(header) if name.strip() == self.header.strip())
        words = header_words(self.header)
        return exact or tuple(at for at, name in enumerate(header) if words and header_words(name) == words)


def map_columns(header: Sequence[str], chosen: Sequence[ChosenColumn] = ()) -> ColumnMapping:
    """The fields of the columns of a file.

    Args:
        header: the cells of the header.
        chosen: the user's own choices. They come before what the headers say; of a field with one value they come
            first, and numbers are added to the other numbers.

    Raises:
        UnreadableFile: no column can name a contact, none holds numbers, or a chosen one is not there.
    """
    header = tuple(name.strip() for name in header)
    if len(header) > MAX_COLUMNS:
        raise UnreadableFile(f"The header has more than {MAX_COLUMNS:,} columns.")
    export = find_export(header)
    told = _as_part_of_name(header, list(_told(header, export)))
    picked = _picked(header, chosen)
    fields: dict[Field, list[tuple[int, int]]] = {}
    left_out: list[tuple[int, HeaderReason]] = []
    for index, what in enumerate(told):
        for field, rank in picked.get(index) or (what,):
            if isinstance(field, Field) and field is not Field.IGNORE:
                fields.setdefault(field, []).append((rank, index))
            else:
                left_out.append((index, field if isinstance(field, HeaderReason) else HeaderReason.CHOSEN))
    phones = _phones(header, [index for _, index in fields.pop(Field.PHONE, [])])
    ordered = {field: tuple(index for _, index in _ordered(field, ranked)) for field, ranked in fields.items()}
    mapping = ColumnMapping(export.name if export else "", header, ordered, phones, tuple(left_out))
    _check(mapping)
    return mapping


def _told(header: Sequence[str], export: KnownExport | None) -> Iterator[tuple[Field | HeaderReason, int]]:
    """The field of each header, and how clear the header is."""
    for name in header:
        known = export.columns.get(header_words(name)) if export else None
        yield (known, 0) if known else classify(name)


_PART_OF_NAME: Final = frozenset({"name", "nom", "nombre", "nome", "naam", "namn", "navn"})


def _as_part_of_name(
    header: Sequence[str], told: list[tuple[Field | HeaderReason, int]]
) -> list[tuple[Field | HeaderReason, int]]:
    """Beside a first name and no last name, "Name" is the last one: Vorname;Name;Telefon. And the other way round."""
    fields = {what for what, _ in told}
    missing = {Field.FIRST_NAME, Field.LAST_NAME} - fields
    names = [at for at, (what, _) in enumerate(told) if what is Field.NAME]
    if len(missing) != 1 or len(names) != 1 or header_words(header[names[0]]) not in _PART_OF_NAME:
        return told
    told[names[0]] = (missing.pop(), 0)
    return told


def _picked(header: Sequence[str], chosen: Sequence[ChosenColumn]) -> dict[int, list[tuple[Field, int]]]:
    """The user's choices by column. Negative ranks come before all that headers say."""
    picked: dict[int, list[tuple[Field, int]]] = {}
    for at, choice in enumerate(chosen):
        indexes = choice.indexes(header)
        if not indexes:
            raise UnreadableFile(f"No column is called {choice.header!r}. Found: {_list(header)}.")
        for index in indexes:
            picked.setdefault(index, []).append((choice.field, at - len(chosen)))
    return picked


def _ordered(field: Field, ranked: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The columns of a field, best first. Of two titles the later one is the job: French Outlook calls both "Titre"."""
    return sorted(ranked, key=lambda each: (each[0], -each[1] if field is Field.TITLE else each[1]))


def _phones(header: Sequence[str], indexes: Sequence[int]) -> tuple[PhoneColumn, ...]:
    """Columns of numbers with those that label them: "Phone 1 - Value" and "Phone 1 - Label", "phone_type_fax"."""
    at = {header_words(name): index for index, name in reversed(list(enumerate(header)))}
    phones = []
    for index in indexes:
        words = header_words(header[index])
        stem = words.rsplit(" ", 1)[0]
        stems = {words, stem} if words.endswith((" value", " number")) else {words}
        labels = {at[f"{each} {kind}"] for each in stems for kind in ("label", "type") if f"{each} {kind}" in at}
        stem = f"{stem} type"
        phones.append(PhoneColumn(index, tuple(sorted(labels)), at.get(f"{stem} fax"), at.get(f"{stem} voice")))
    return tuple(phones)


def _check(mapping: ColumnMapping) -> None:
    naming = (Field.NAME, Field.FIRST_NAME, Field.LAST_NAME, Field.COMPANY)
    if not any(mapping.fields.get(field) for field in naming):
        raise UnreadableFile(
            f"No column is called name, first name and last name, or company. Found: {_list(mapping.header)}."
            " Say which one it is: --column name=HEADER."
        )
    if not mapping.phones:
        raise UnreadableFile(
            f"No column is called phone, mobile or the like. Found: {_list(mapping.header)}."
            " Say which one it is: --column phone=HEADER."
        )


def _list(header: Sequence[str]) -> str:
    more = f" and {len(header) - _SHOWN_HEADERS} more" if len(header) > _SHOWN_HEADERS else ""
    return ", ".join(repr(_short(name)) for name in header[:_SHOWN_HEADERS]) + more


def _short(header: str) -> str:
    line = " ".join(header.split())
    return line if len(line) <= _SHOWN_HEADER else line[:_SHOWN_HEADER] + "..."
