"""The fields, the answers and the errors of Pipedrive's documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import phonenumbers
from aiohttp import web

from fakes.misbehaviour import Faults
from fakes.records import Record

PERSONS: Final = "persons"
ORGANIZATIONS: Final = "organizations"
ACTIVITIES: Final = "activities"
USERS: Final = "users"

FIELDS: Final[Mapping[str, Mapping[str, type]]] = {
    PERSONS: {"name": str, "phones": list, "emails": list, "org_id": int, "custom_fields": dict},
    ORGANIZATIONS: {"name": str},
    ACTIVITIES: {
        "subject": str,
        "type": str,
        "done": bool,
        "owner_id": int,
        "due_date": str,
        "due_time": str,
        "duration": str,
        "note": str,
        "participants": list,
        "public_description": str,
    },
}
"""The fields that can be set, with their types."""

WRITTEN_SO: Final = {"due_date": r"\d{4}-\d\d-\d\d", "due_time": r"\d\d:\d\d", "duration": r"\d\d:\d\d"}
SEARCHED: Final = frozenset({"term", "fields", "exact_match", "organization_id", "include_fields", "limit", "cursor"})
PAGES: Final = ("filter_id", "ids", "owner_id", "updated_since", "updated_until", "limit", "cursor")
SORTED: Final = ("sort_by", "sort_direction", "include_fields", "custom_fields")
LISTED: Final[Mapping[str, frozenset[str]]] = {
    PERSONS: frozenset({*PAGES, *SORTED, "org_id", "deal_id"}),
    ORGANIZATIONS: frozenset({*PAGES, *SORTED}),
    ACTIVITIES: frozenset(
        {*PAGES, "sort_by", "sort_direction", "include_fields", "deal_id", "lead_id", "person_id", "org_id", "done"}
    ),
}
"""The parameters of searches and lists, by Pipedrive's client library for version 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipedriveFaults(Faults):
    """Switches of the fake Pipedrive. A limit of 0 is none.

    Attributes:
        searches_per_2_seconds: the limit of a token's searches.
        requests_per_2_seconds: its limit of all requests.
    """

    searches_per_2_seconds: int = 0
    requests_per_2_seconds: int = 0


INCLUDED: Final = frozenset(
    {
        "closed_deals_count",
        "email_messages_count",
        "files_count",
        "notes_count",
        "open_deals_count",
        "participant_closed_deals_count",
        "participant_open_deals_count",
    }
)
"""Fields that a person has only if they are asked for."""


def unknown_words(request: web.Request) -> str:
    """The parameters that version 2 does not know for a list or a search, with words: its validation is strict."""
    known = SEARCHED if request.path.endswith("/search") else LISTED[request.match_info["table"]]
    return ", ".join(sorted(request.query.keys() - known))


def paged(items: Sequence[Any], query: Mapping[str, str]) -> tuple[Sequence[Any], dict[str, Any]]:
    start, limit = int(query.get("cursor", "0")), int(query.get("limit", "100"))
    return items[start : start + limit], {"next_cursor": str(start + limit) if start + limit < len(items) else None}


def is_hit(text: str, term: str, is_exact: bool) -> bool:  # noqa: FBT001 - as the query has it
    return text.casefold() == term if is_exact else term in text.casefold()


def texts_of(record: Record, fields: str) -> list[str]:
    if fields == "name":
        return [record.fields["name"]]
    assert fields == "phone", fields
    return [each["value"] for each in record.fields.get("phones", [])]


def main_value(fields: Mapping[str, Any]) -> str:
    """The person that an activity is of first of all."""
    return next((str(each["person_id"]) for each in fields["participants"] if each["primary"]), "")


def success_body(record: Record) -> dict[str, Any]:
    times = {"add_time": time_text(record.created), "update_time": time_text(record.changed)}
    return {"id": int(record.id), "is_deleted": False, **record.fields, **times}


def time_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error_body(status: int, message: str) -> web.Response:
    body = {"success": False, "error": message, "error_info": "Please check developers.pipedrive.com", "code": "ERR"}
    return web.json_response(body, status=status)


def e164_of(text: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(text, "US"), phonenumbers.PhoneNumberFormat.E164)
