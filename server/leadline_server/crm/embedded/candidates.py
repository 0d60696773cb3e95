"""Contacts of a file, made ready to be stored: what can be done without the database."""

import hashlib
import string
import struct
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec

from leadline_server.crm.embedded.adapter import CONTACT_TYPES
from leadline_server.crm.embedded.contact_files.outcomes import FileOutcome, Remark
from leadline_server.crm.embedded.contact_files.records import ContactRecord
from leadline_server.crm.embedded.rows import NewContact, new_id, prepare, stored_keys
from leadline_server.domain.clean_text import cleaned, cleaned_id, cleaned_lines
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

UNUSABLE_NUMBERS: Final = "unusable_numbers"
"""The attribute that keeps what stood in number cells and is no number; one a line."""

DIGEST_SIZE: Final = 8
"""Bytes of the digest of a row."""

_MAX_DIGITS: Final = 16  # fifteen of E.164 and a trunk prefix; a key with more matches no call


class Candidate(NamedTuple):
    """A row of a file that may become a contact.

    Attributes:
        line: where the row begins.
        contact: what it says, with an id for the case that it is new.
        row: the same as a row of the database.
        digest: tells whether the same row was imported before.
        remarks: on its parts.
    """

    line: int
    contact: Contact
    row: NewContact
    digest: bytes
    remarks: tuple[Remark, ...]

    @property
    def key(self) -> str:
        """The key of the row: its own id, else its name, numbers and e-mail address together."""
        return self.row.unique_key or ""


def make_candidate(record: ContactRecord, rules: RulesOrRegion) -> Candidate:
    """Make a row ready. The keys of its numbers follow `rules`."""
    record = _clean(record)
    keys = {text: _keys(text, rules) for text in record.phone_numbers}
    usable = tuple(text for text, its_keys in keys.items() if its_keys)
    remarks, unusable = record.remarks, record.unusable_numbers
    if len(usable) < len(keys):
        unmatched = [text for text in keys if text not in usable]
        unusable = (*unusable, *unmatched)
        remarks = (
            *remarks,
            *(_unmatched(record.line, text) for text in unmatched),
        )
    contact = _contact(record, usable, unusable)
    row = prepare(
        contact, _unique_key(record), tuple({key: None for text in usable for key in keys[text]}), _digest(record)
    )
    return Candidate(record.line, contact, row, row.import_digests or b"", remarks)


def _clean(record: ContactRecord) -> ContactRecord:
    """The record without characters that would deceive readers: files come from anywhere."""
    texts = (record.name, record.type, record.email, record.company, record.title, record.uid)
    numbers, unusable, attributes = record.phone_numbers, record.unusable_numbers, record.attributes
    if all(map(str.isprintable, (*texts, *numbers, *unusable, *attributes.values()))):
        return record
    return replace(
        record,
        name=cleaned(record.name),
        phone_numbers=tuple(map(cleaned, numbers)),
        unusable_numbers=tuple(map(cleaned, unusable)),
        type=cleaned(record.type),
        email=cleaned(record.email),
        company=cleaned(record.company),
        title=cleaned(record.title),
        uid=cleaned_id(record.uid),
        attributes={name: cleaned_lines(value) for name, value in attributes.items()},
    )


def _keys(text: str, rules: RulesOrRegion) -> tuple[str, ...]:
    return tuple(key for key in stored_keys(text, rules) if len(key) <= _MAX_DIGITS)


def _unmatched(line: int, text: str) -> Remark:
    return Remark(FileOutcome.UNUSABLE, line, f"{text!r}: no call can match it")


def _contact(record: ContactRecord, usable: tuple[str, ...], unusable: tuple[str, ...]) -> Contact:
    kind = record.type.casefold()
    is_known = not kind or kind in CONTACT_TYPES
    # Another CRM's word for the type has no meaning here, but is not thrown away. Neither is what is no number.
    attributes = record.attributes if is_known else {**record.attributes, "type": record.type}
    return Contact(
        id=new_id("c_"),
        name=record.name,
        phone_numbers=usable,
        type=kind if kind and is_known else CONTACT_TYPES[0],
        email=record.email,
        company=record.company,
        title=record.title,
        create_time=record.create_time,
        last_activity_time=record.last_activity_time,
        attributes={**attributes, UNUSABLE_NUMBERS: "\n".join(unusable)} if unusable else attributes,
    )


def _unique_key(record: ContactRecord) -> str:
    if record.uid:
        return f"uid:{record.uid}"
    told = msgspec.json.encode((record.name, (*record.phone_numbers, *record.unusable_numbers), record.email))
    return "#" + _b85(hashlib.blake2b(told, digest_size=16).digest())


_WORDS: Final = struct.Struct(">4I")
_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~"
_PAIRS: Final = [first + second for first in _DIGITS for second in _DIGITS]


def _b85(raw: bytes) -> str:
    """Sixteen bytes as `base64.b85encode` writes them, which takes a tenth of an import's time."""
    return "".join(
        [_PAIRS[word // 614_125] + _PAIRS[word // 85 % 7_225] + _DIGITS[word % 85] for word in _WORDS.unpack(raw)]
    )


def _digest(record: ContactRecord) -> bytes:
    told = msgspec.json.encode(
        (
            record.name,
            record.phone_numbers,
            record.unusable_numbers,
            record.type,
            record.email,
            record.company,
            record.title,
            record.create_time,
            record.last_activity_time,
            record.attributes,
        )
    )
    return hashlib.blake2b(told, digest_size=DIGEST_SIZE).digest()
