"""The common parts of CRMs with two kinds of records for people, leads and contacts: Salesforce and Zoho."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from leadline_server.crm.toolkit.call_text import Style, body_of, updated_body
from leadline_server.domain.contact import Contact, ContactDraft, MatchKind
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.person_name import split_name
from leadline_server.ports.crm import LogEntry

CONTACT_TYPES: Final = ("lead", "contact")

MOST_DESCRIPTION: Final = 32_000
"""The most characters of a call's description, in Salesforce and in Zoho."""

MOST_TEXT: Final = 255
"""The most characters of a text field, such as a subject."""

_MOST_PHONE: Final = 40
_MOST_FIRST_NAME: Final = 40
_MOST_LAST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record that is a contact to leadline.

    Attributes:
        type: leadline's word, `lead` or `contact`.
        object: the CRM's word, such as `Lead` or `Leads`.
        fields: the fields that leadline reads, besides those with numbers.
        phones: the fields with numbers. The number of a new record goes into the first.
    """

    type: str
    object: str
    fields: tuple[str, ...]
    phones: tuple[str, ...]

    @property
    def is_lead(self) -> bool:
        """Whether it is the kind for leads, which need a company."""
        return self.type == "lead"


K = TypeVar("K", bound=RecordKind)


def kind_of(draft: ContactDraft, kinds: Iterable[K], title: str) -> K:
    """The kind of record that a draft asks for, or the default one. Raises CrmRejected if there is none."""
    for kind in kinds:
        if draft.type in ("", kind.type):
            return kind
    raise CrmRejected(f"{title} has no contacts of this type. There are: {', '.join(CONTACT_TYPES)}.")


def name_parts(draft: ContactDraft, name: str) -> tuple[str, str]:
    """First and last name of a new record, whose name is `name`. The name of a placeholder is cut if it is too long."""
    return split_name(name[: _MOST_LAST_NAME if draft.is_placeholder else None], _MOST_FIRST_NAME)


def number_text(number: PhoneNumber) -> str:
    """A number as a new record keeps it, such as `+12025550147 x12`."""
    whole = f"{number.e164} x{number.extension}" if number.extension else number.e164
    return whole if len(whole) <= _MOST_PHONE else number.e164


def numbers_in(record: Mapping[str, Any], kind: RecordKind) -> tuple[str, ...]:
    """The numbers of a record, each once."""
    return tuple(dict.fromkeys(str(record[field]) for field in kind.phones if record.get(field)))


def owner_of(number: PhoneNumber, found: Iterable[Sequence[Contact]], region: str) -> Contact | None:
    """The oldest contact that has exactly this number; None if there is none."""
    owners = [
        contact
        for contacts in found
        for contact in contacts
        if any(match_kind(number, stored, region) is MatchKind.EXACT for stored in contact.phone_numbers)
    ]
    return min(owners, key=lambda contact: (str(contact.create_time), contact.id), default=None)


def digest_of(key: str) -> str:
    """A stand-in for a call's key that fits every text field: `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def new_body(entry: LogEntry, time_zone: str, existing: str | None) -> str:
    """The part of a call's description that leadline writes, shortened to fit beside the text that people wrote."""
    theirs = "" if existing is None else updated_body(existing, "")
    return body_of(entry, time_zone, Style(limit=max(0, MOST_DESCRIPTION - len(theirs))))
