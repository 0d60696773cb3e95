"""Contacts: people and companies as a CRM knows them, and how a number matched one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Final

from leadline_server.domain.fast_init import fast_init, maker
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.unshown import unshown


class MatchKind(IntEnum):
    """How a contact's number matches the number asked for, strongest first. Numbers as in the contract."""

    EXACT = 1
    NATIONAL = 2
    EXTENSION = 3


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One record of the CRM. Empty strings and None mean that the CRM does not say."""

    id: str
    name: str = ""
    phone_numbers: tuple[str, ...] = ()
    type: str = ""
    email: str = ""
    company: str = ""
    title: str = ""
    url: str = ""
    create_time: datetime | None = None
    last_activity_time: datetime | None = None
    is_placeholder: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)


@fast_init
@unshown
@dataclass(frozen=True, slots=True)
class ContactMatch:
    """A contact that has the number asked for.

    Attributes:
        contact: who has it.
        phone_number: the number, written as it was asked for.
        kind: how well it matches.
        is_respelled: the contact has another spelling of it: "+5215512345678" for +525512345678.
    """

    contact: Contact
    phone_number: str
    kind: MatchKind
    is_respelled: bool = False


new_contact: Final = maker(Contact)
new_contact_match: Final = maker(ContactMatch)


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDraft:
    """A contact to be created. `is_placeholder` marks one without a name from a person."""

    name: str
    phone_number: PhoneNumber
    type: str = ""
    email: str = ""
    company: str = ""
    is_placeholder: bool = False


new_contact_draft: Final = maker(ContactDraft)
