"""The records of `leadline.adapter.v1`, from the domain's values and back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

from leadline.adapter.v1 import adapter_service_pb2
from leadline.adapter.v1 import records_pb2 as pb
from leadline.v1 import contact_pb2, directory_pb2

from leadline_server.crm.toolkit import AccountView
from leadline_server.crm.toolkit.call_text import Style, body_of, subject_of
from leadline_server.crm.toolkit.number_forms import number_forms
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.directory import CrmUser
from leadline_server.domain.numbers.phone_number import (
    NumberKind,
    PhoneNumber,
    is_region,
    parse_extension,
    parse_number,
)
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import ContactUse, CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.wire.call import CALL
from leadline_server.wire.contact import CONTACT
from leadline_server.wire.directory import CRM_USER

ID_LENGTH: Final = 128
"""The most characters of ids of accounts, contacts and logs."""

USES: Final[Mapping[int, ContactUse]] = {
    adapter_service_pb2.CONTACT_USE_UNUSED: ContactUse.UNUSED,
    adapter_service_pb2.CONTACT_USE_USED: ContactUse.USED,
    adapter_service_pb2.CONTACT_USE_UNKNOWN: ContactUse.UNKNOWN,
}
"""The port's values by those of the contract."""

USE_VALUES: Final = {use: adapter_service_pb2.ContactUse.ValueType(value) for value, use in USES.items()}

_LOOKED_UP: Final = (NumberKind.DIALABLE, NumberKind.EXTENSION)
_STYLE: Final = Style()

_is_e164: Final = re.compile(r"\+[1-9][0-9]{3,14}").fullmatch
_is_extension: Final = re.compile(r"[0-9]{0,20}").fullmatch
_is_web_address: Final = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE).fullmatch


def account_message(account: AccountView) -> pb.AccountContext:
    """The account as a message."""
    settings = account.settings()
    return pb.AccountContext(
        id=account.id,
        default_region=settings.default_region,
        time_zone=settings.zone,
        number_formats=settings.number_formats,
    )


def account_settings_of(message: pb.AccountContext) -> AccountSettings:
    """The settings in a request. Absent ones have their defaults. Raises ValueError."""
    region, zone = message.default_region or "US", message.time_zone or "UTC"
    if not is_region(region):
        raise ValueError("account.default_region is not a region")
    if not _is_time_zone(zone):
        raise ValueError("account.time_zone is not an IANA time zone")
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
    """The number that a message asks for. Raises ValueError if it cannot be looked up.

    It was read by leadline already: what was dialled ("92025550147") may not be readable here.
    """
    if _is_e164(message.e164) and message.significant and message.e164.endswith(message.significant):
        text, digits = message.text or message.e164, message.significant
        if _is_extension(message.extension):
            return PhoneNumber(text, NumberKind.DIALABLE, message.e164, digits, message.extension)
    if message.e164 or not message.extension:
        number = parse_number(message.text or message.e164, region)
    else:
        number = replace(parse_extension(message.extension, region), text=message.text or message.extension)
    if number.kind not in _LOOKED_UP:
        raise ValueError("a number cannot be looked up")
    return number


def draft_message(draft: ContactDraft, formats: Sequence[str], own: Mapping[str, Any]) -> pb.ContactDraft:
    """A contact to create, as a message, with fields of the administrator's own."""
    message = pb.ContactDraft(
        name=draft.name,
        type=draft.type,
        email=draft.email,
        company=draft.company,
        is_placeholder=draft.is_placeholder,
    )
    message.phone_number.CopyFrom(number_message(draft.phone_number, formats))
    message.fields.update(own)
    return message


def draft_of(message: pb.ContactDraft, region: str) -> ContactDraft:
    """The contact to create in a message. Raises ValueError."""
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


def entry_message(entry: LogEntry, time_zone: str, own: Mapping[str, Any]) -> pb.LogEntry:
    """A log entry as a message, which also has the call as text, and fields of the administrator's own."""
    message = pb.LogEntry(
        call=CALL.message(entry.call),
        contact_id=entry.contact_id,
        user_id=entry.user_id,
        crm_user_id=entry.crm_user_id,
        number=entry.number,
        subject=subject_of(entry),
        body=body_of(entry, time_zone, _STYLE),
        moves=entry.moves,
        contact_name=entry.contact_name,
        contact_type=entry.contact_type,
    )
    message.fallback_time.FromDatetime(entry.fallback_time)
    message.fields.update(own)
    return message


def entry_of(message: pb.LogEntry) -> LogEntry:
    """The log entry in a message. Raises ValueError."""
    if not message.call.id or not message.contact_id:
        raise ValueError("entry.call.id and entry.contact_id are needed")
    try:
        fallback = message.fallback_time.ToDatetime(UTC)
    except (OverflowError, ValueError) as error:
        raise ValueError("entry.fallback_time is not a time") from error
    return LogEntry(
        call=CALL.value(message.call),
        contact_id=message.contact_id,
        user_id=message.user_id,
        crm_user_id=message.crm_user_id,
        number=message.number,
        fallback_time=fallback,
        moves=message.moves,
        contact_name=message.contact_name,
        contact_type=message.contact_type,
    )


def contact_message(contact: Contact) -> contact_pb2.Contact:
    """A contact as a message."""
    return CONTACT.message(contact)


def contact_of(message: contact_pb2.Contact) -> Contact:
    """The contact in an answer. Raises ValueError, with the end of a sentence, if it is not valid."""
    _check_id(message.id, "contact")
    if message.url and not _is_web_address(message.url):
        message.url = ""  # a person may open it
    return CONTACT.value(message)


def log_message(log: CrmLog) -> pb.CrmLog:
    """A call log as a message."""
    return pb.CrmLog(id=log.id, url=log.url, contact_id=log.contact_id)


def log_of(message: pb.CrmLog) -> CrmLog:
    """The call log in an answer. Raises ValueError, with the end of a sentence, if it is not valid."""
    _check_id(message.id, "log")
    contact_id = message.contact_id if len(message.contact_id) <= ID_LENGTH else ""
    return CrmLog(message.id, message.url if _is_web_address(message.url) else "", contact_id)


def stored_log_message(log: StoredCallLog) -> pb.StoredCallLog:
    """A call log that was read, as a message."""
    return pb.StoredCallLog(id=log.id, contact_id=log.contact_id, subject=log.subject, note=log.note, text=log.text)


def stored_log_of(message: pb.StoredCallLog) -> StoredCallLog:
    """The call log that was read, in an answer. Raises ValueError, with the end of a sentence, if it is not valid."""
    _check_id(message.id, "log")
    return StoredCallLog(
        id=message.id,
        contact_id=message.contact_id,
        subject=message.subject,
        note=message.note,
        text=message.text,
    )


def with_matches(
    contacts: Sequence[Contact], matches: Sequence[adapter_service_pb2.NumberMatch], numbers: Sequence[PhoneNumber]
) -> list[Contact]:
    """The contacts with the numbers that the CRM says they have. Raises ValueError for a match of anything else."""
    found = {contact.id: contact for contact in contacts}
    asked = {number.e164 or number.extension for number in numbers}
    for match in matches:
        contact = found.get(match.contact_id)
        if contact is None or match.number not in asked:
            raise ValueError("has a match of a contact that it does not have, or of a number that was not asked for")
        if match.number not in contact.phone_numbers:
            found[contact.id] = replace(contact, phone_numbers=(*contact.phone_numbers, match.number))
    return list(found.values())


def crm_user_message(user: CrmUser) -> directory_pb2.CrmUser:
    """A user of the CRM as a message."""
    return CRM_USER.message(user)


def crm_user_of(message: directory_pb2.CrmUser) -> CrmUser:
    """The user in an answer. Raises ValueError, with the end of a sentence, if it is not valid."""
    _check_id(message.id, "user")
    return CRM_USER.value(message)


@lru_cache(maxsize=1_024)
def _is_time_zone(name: str) -> bool:
    return name in available_timezones()  # which reads files


def _check_id(value: str, what: str) -> None:
    if not 1 <= len(value) <= ID_LENGTH:
        raise ValueError(f"has a {what} whose id does not have 1 to {ID_LENGTH} characters")
