"""The contract's records of `leadline.adapter.v1`, from the domain's values and back."""

import re
from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from leadline.adapter.v1 import records_pb2 as pb
from leadline.v1 import contact_pb2

from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.crm.toolkit.call_text import Style, body_of, subject_of
from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, is_region, parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmLog, LogEntry
from leadline_server.wire.call import CALL
from leadline_server.wire.contact import CONTACT

ID_LENGTH: Final = 128
"""Ids of accounts, contacts and logs, in characters."""

_ASKABLE: Final = (NumberKind.DIALABLE, NumberKind.EXTENSION)
_STYLE: Final = Style()

_is_web_address: Final = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE).fullmatch


def account_message(account: AccountView) -> pb.AccountContext:
    """What an adapter is told of the account."""
    settings = account.settings()
    return pb.AccountContext(
        id=account.id,
        default_region=settings.default_region,
        time_zone=settings.time_zone,
        number_formats=settings.number_formats,
    )


def account_settings_of(message: pb.AccountContext) -> AccountSettings:
    """The settings that came with a request; those that are absent have their defaults. Raises ValueError."""
    region, zone = message.default_region or "US", message.time_zone or "UTC"
    if not is_region(region):
        raise ValueError("account.default_region is no region")
    if not _is_time_zone(zone):
        raise ValueError("account.time_zone is no IANA time zone")
    return AccountSettings(default_region=region, time_zone=zone, number_formats=tuple(message.number_formats))


def number_message(number: PhoneNumber, formats: Sequence[str]) -> pb.PhoneNumber:
    """A number, with the forms to search for."""
    return pb.PhoneNumber(
        text=number.text,
        e164=number.e164,
        significant=number.significant,
        extension=number.extension,
        forms=number_forms(number, formats),
    )


def number_of(message: pb.PhoneNumber, region: str) -> PhoneNumber:
    """The number that a message asks for. Raises ValueError if it is none that can be looked up."""
    number = parse_number(message.text or message.e164 or message.extension, region)
    if number.kind not in _ASKABLE:
        raise ValueError("a number is none that can be looked up")
    return number


def draft_message(draft: ContactDraft, formats: Sequence[str]) -> pb.ContactDraft:
    """A contact to be created."""
    message = pb.ContactDraft(
        name=draft.name,
        type=draft.type,
        email=draft.email,
        company=draft.company,
        is_placeholder=draft.is_placeholder,
    )
    message.phone_number.CopyFrom(number_message(draft.phone_number, formats))
    return message


def draft_of(message: pb.ContactDraft, region: str) -> ContactDraft:
    """The contact that a message asks for. Raises ValueError."""
    if not message.name:
        raise ValueError("draft.name is empty")
    return ContactDraft(
        name=message.name,
        phone_number=number_of(message.phone_number, region),
        type=message.type,
        email=message.email,
        company=message.company,
        is_placeholder=message.is_placeholder,
    )


def entry_message(entry: LogEntry, time_zone: str) -> pb.LogEntry:
    """What is to be kept of a call, also in words."""
    message = pb.LogEntry(
        call=CALL.message(entry.call),
        contact_id=entry.contact_id,
        user_id=entry.user_id,
        crm_user_id=entry.crm_user_id,
        number=entry.number,
        subject=subject_of(entry),
        body=body_of(entry, time_zone, _STYLE),
    )
    message.fallback_time.FromDatetime(entry.fallback_time)
    return message


def entry_of(message: pb.LogEntry) -> LogEntry:
    """What a message wants to be kept. Raises ValueError."""
    if not message.call.id or not message.contact_id:
        raise ValueError("entry.call.id and entry.contact_id are needed")
    try:
        fallback = message.fallback_time.ToDatetime(UTC)
    except (OverflowError, ValueError) as error:
        raise ValueError("entry.fallback_time is no time") from error
    return LogEntry(
        call=CALL.value(message.call),
        contact_id=message.contact_id,
        user_id=message.user_id,
        crm_user_id=message.crm_user_id,
        number=message.number,
        fallback_time=fallback,
    )


def contact_message(contact: Contact) -> contact_pb2.Contact:
    """A contact."""
    return CONTACT.message(contact)


def contact_of(message: contact_pb2.Contact) -> Contact:
    """The contact that an answer has. Raises ValueError, with a sentence's end, where it cannot be one."""
    _check_id(message.id, "contact")
    if message.url and not _is_web_address(message.url):
        message.url = ""  # it would open on somebody's screen
    return CONTACT.value(message)


def log_message(log: CrmLog) -> pb.CrmLog:
    """A call log."""
    return pb.CrmLog(id=log.id, url=log.url)


def log_of(message: pb.CrmLog) -> CrmLog:
    """The call log that an answer has. Raises ValueError, with a sentence's end, where it cannot be one."""
    _check_id(message.id, "log")
    return CrmLog(message.id, message.url if _is_web_address(message.url) else "")


@lru_cache(maxsize=1_024)
def _is_time_zone(name: str) -> bool:
    return name in available_timezones()  # which looks through files


def _check_id(value: str, what: str) -> None:
    if not 1 <= len(value) <= ID_LENGTH:
        raise ValueError(f"has a {what} whose id does not have 1 to {ID_LENGTH} characters")
