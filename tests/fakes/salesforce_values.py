"""The fields of each kind of record in the fake Salesforce, and its errors for others."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from fakes import soql
from fakes.records import Fields

VERSION: Final = "/services/data/v67.0"
PEOPLE: Final = ("Contact", "Lead")
PREFIXES: Final = {"Contact": "003", "Lead": "00Q", "Task": "00T", "User": "005"}
PHONES: Final = {
    "Contact": ("Phone", "MobilePhone", "HomePhone", "OtherPhone", "AssistantPhone", "Fax"),
    "Lead": ("Phone", "MobilePhone", "Fax"),
}
_LENGTHS: Final = {"FirstName": 40, "LastName": 80, "Description": 32_000, "Title": 128, "Email": 80, "LeadSource": 255}
_PERSON: Final = ("FirstName", "LastName", "Email", "Title", "LeadSource", "LastActivityDate", "OwnerId")
WRITABLE: Final = {
    "Contact": (*_PERSON, *PHONES["Contact"], "AccountId"),
    "Lead": (*_PERSON, *PHONES["Lead"], "Company", "Status"),
    "User": ("FirstName", "LastName", "Email", "IsActive", "UserType"),
    "Task": (
        *("WhoId", "Subject", "Status", "ActivityDate", "Description", "TaskSubtype", "CallType", "CallDisposition"),
        *("CallDurationInSeconds", "CallObject", "OwnerId", "Priority", "Call_Key__c"),
    ),
    "Event": ("WhoId",),
    "ContentDocumentLink": ("LinkedEntityId",),
    "CampaignMember": ("LeadId", "ContactId"),
    "Case": ("ContactId",),
    "OpportunityContactRole": ("ContactId",),
}
AROUND: Final = ("Event", "ContentDocumentLink", "CampaignMember", "Case", "OpportunityContactRole")
"""Records that belong to people, and that leadline only looks for."""

REQUIRED: Final = {"Contact": ("LastName",), "Lead": ("LastName", "Company"), "Task": ()}
_PICKED: Final = {"CallType": ("Inbound", "Internal", "Outbound"), "TaskSubtype": ("Call", "Email", "Task")}
_COMPUTED: Final = ("Id", "Name", "CreatedDate", "LastModifiedDate", "SystemModstamp")
COMPUTED: Final = {
    "Contact": (*_COMPUTED, "Account.Name", "MasterRecordId"),
    "Lead": (
        "Id",
        "Name",
        "CreatedDate",
        "LastModifiedDate",
        "SystemModstamp",
        "IsConverted",
        "ConvertedContactId",
        "MasterRecordId",
    ),
    "Task": ("Id", "CreatedDate", "LastModifiedDate", "SystemModstamp"),
    "User": ("Id", "Name", "CreatedDate", "SystemModstamp"),
    **dict.fromkeys(AROUND, ("Id",)),
}


class Refused(Exception):
    def __init__(self, code: str, message: str, status: int = 400, **more: Any) -> None:
        super().__init__(code)
        self.answer = errors(status, code, message, **more)


def errors(status: int, code: str, message: str, **more: Any) -> web.Response:
    return web.json_response([{"message": message, "errorCode": code, **more}], status=status)


def id_check(five: str) -> str:
    """The character that keeps five characters of an id apart from those that differ by their case."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[sum(1 << i for i, char in enumerate(five) if char.isupper())]


def stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def shown(query: soql.Query, row: Fields) -> Fields:
    shown: Fields = {"attributes": {"type": query.table, "url": f"{VERSION}/sobjects/{query.table}/{row['Id']}"}}
    for name in query.fields:
        parent, _, child = name.rpartition(".")
        if parent:
            shown[parent] = None if row[name] is None else {"attributes": {"type": parent}, child: row[name]}
        else:
            shown[name] = row[name]
    return shown


def kept(table: str, name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if "\0" in value:
        raise Refused("JSON_PARSER_ERROR", "Illegal character")
    value = value.strip()
    longest = 40 if name in PHONES.get(table, ()) else _LENGTHS.get(name, 255)
    if len(value) > longest:
        told = f"{name}: data value too large: {value} (max length={longest})"
        raise Refused("STRING_TOO_LONG", told, fields=[name])
    if name == "Email" and value and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise Refused("INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {value}", fields=["Email"])
    if value not in _PICKED.get(name, (value,)):
        raise Refused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f"bad value for restricted picklist field: {value}")
    return value or None


def is_alike(one: Fields, other: Fields) -> bool:
    return one["LastName"] == other["LastName"] or one.get("Phone") == other.get("Phone")


def duplicates(ids: Mapping[str, list[str]], *, may_save: bool) -> Fields:
    results = [
        {
            "entityType": table,
            "errors": [],
            "matchEngine": "FuzzyMatchEngine",
            "matchRecords": [{"fieldDiffs": [], "matchConfidence": 100.0, "record": {"Id": each}} for each in found],
            "rule": f"Standard_{table}_Match_Rule",
            "size": len(found),
            "success": True,
        }
        for table, found in ids.items()
    ]
    return {
        "allowSave": may_save,
        "duplicateRule": "Standard_Lead_Duplicate_Rule",
        "duplicateRuleEntityType": "Lead",
        "errorMessage": "Use one of these records?",
        "matchResults": results,
    }


def described_fields(table: str, more: Mapping[str, str]) -> Fields:
    """The description of a kind of record; `more` are the labels of the fields that an administrator requires."""
    labels = {**{name: name for name in WRITABLE[table]}, **more}
    needed = {*REQUIRED[table], *more}
    fields = [
        *(_described(name, label, is_needed=name in needed) for name, label in labels.items()),
        _described("IsUnreadByOwner", "Unread", is_needed=True, kind="boolean"),
        {**_described("Status", "Status", is_needed=True), "defaultedOnCreate": True},
        {**_described("SystemModstamp", "Modified", is_needed=True), "createable": False},
    ]
    return {"name": table, "fields": fields}


def _described(name: str, label: str, *, is_needed: bool, kind: str = "string") -> Fields:
    shared = {"name": name, "label": label, "type": kind, "createable": True, "defaultedOnCreate": False}
    return {**shared, "nillable": not is_needed}
