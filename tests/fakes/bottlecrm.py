"""A fake BottleCRM: the REST API as django-crm 1.35's source has it, as far as leadline's definition speaks to it.

Sources in that package: contacts/views.py and leads/views/lead_views.py (lists, `icontains`, 200 with an id for a new
record), common/views/duplicate_views.py and common/duplicate_detection.py (numbers by E.164 or the last ten digits,
active records, ten at most), interactions/ (no reading of one, kind and record fixed), common/phones.py. Django REST
Framework trims texts, refuses NUL, and says which field is wrong.
"""

import math
import re
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from leadline_server.domain.numbers.phone_number import parse_number

from fakes.bottlecrm_errors import BottleCrmErrors, refused_body
from fakes.bottlecrm_rules import (
    CALL_ID,
    FIXED,
    INTERACTION_LENGTHS,
    LENGTHS,
    PHONE,
    REGION,
    field_errors,
    interaction_errors,
    is_uuid,
    same_number,
    trimmed,
)
from fakes.misbehaviour import Faults
from fakes.records import Fields, Record
from fakes.written import WrittenContact, WrittenLog

INTERACTIONS: Final = "interactions"
PERSONS: Final = ("contacts", "leads")
MOST_DUPLICATES: Final = 10

_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BottleCrmFaults(Faults):
    """Switches of the fake BottleCRM.

    Attributes:
        searches_per_minute: its limit of searches for duplicates, 120 in the real one; 0: none.
    """

    searches_per_minute: int = 0


class FakeBottleCrm(BottleCrmErrors):
    """A BottleCRM of one organisation, with contacts, leads and interactions."""

    faults_type = BottleCrmFaults

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self._searched = deque[float]()
        self.records.index(
            INTERACTIONS, "record", lambda fields: [fields.get(name) or "" for name in ("contact", "lead")]
        )

    def routes(self) -> list[web.RouteDef]:
        uid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
        return [
            web.get("/api/contacts/", self._contacts),
            web.get("/api/leads/", self._leads),
            web.post("/api/{table:contacts|leads}/", self._create_person),
            web.post("/api/{table:contacts|leads}/duplicates/", self._duplicates),
            web.get(f"/api/{{table:contacts|leads}}/{{id:{uid}}}/", self._read_person),
            web.get("/api/interactions/", self._interactions),
            web.post("/api/interactions/", self._log),
            web.patch(f"/api/interactions/{{id:{uid}}}/", self._change),
        ]

    def control_routes(self) -> list[web.RouteDef]:
        """`POST /people` adds contacts by their `name` and `number`; answers with leadline's ids of them."""

        async def add(request: web.Request) -> web.Response:
            people = await request.json()
            added = [self.add_person("contacts", person["name"], person["number"]) for person in people]
            return web.json_response([f"contact:{own_id}" for own_id in added])

        return [web.post("/people", add)]

    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        fields = record.fields
        if table in PERSONS:
            return WrittenContact(f"{table[:-1]}:{record.id}", (parse_number(fields["phone"], REGION).e164,))
        call_id = CALL_ID.search(fields["body"])
        whose = next(f"{kind}:{fields[kind]}" for kind in ("contact", "lead") if fields.get(kind))
        key = f"demo/{call_id[1]}" if call_id else ""  # it has no place for the key itself
        return WrittenLog(record.id, key, whose, fields["subject"])

    def add_person(self, table: str, name: str, phone: str) -> str:
        """Add a contact or a lead as people do."""
        first, _, last = name.rpartition(" ")
        fields = {"first_name": first, "last_name": last, "phone": phone.strip()}
        return self.records.add(table, fields, record_id=str(uuid.uuid4()), by_people=True).id

    def convert(self, lead_id: str) -> str:
        """As people do it (leads/services.py): interactions keep their lead, and their home is the contact."""
        lead = self.records.require("leads", lead_id)
        kept = {name: value for name, value in lead.fields.items() if name in ("first_name", "last_name", "phone")}
        contact = self.records.add("contacts", kept, record_id=str(uuid.uuid4()), by_people=True)
        self.records.change("leads", lead_id, {"status": "converted"}, by_people=True)
        for call in self.records.find(INTERACTIONS, "record", lead_id):
            self.records.change(INTERACTIONS, call.id, {"contact": contact.id}, by_people=True)
        return contact.id

    def merge(self, table: str, kept_id: str, gone_id: str) -> None:
        """As people do it: interactions go to the record that is kept, and the other is deleted."""
        for call in self.records.find(INTERACTIONS, "record", gone_id):
            self.records.change(INTERACTIONS, call.id, {table[:-1]: kept_id}, by_people=True)
        self.records.remove(table, gone_id, by_people=True)

    async def _contacts(self, request: web.Request) -> web.Response:
        query = request.query
        found = [
            record
            for record in self._newest("contacts")
            if _has_name(record, query.get("name", "")) and query.get("phone", "") in (record.fields["phone"] or "")
        ]
        page = [_person("contacts", record) for record in _page(found, query, 10)]
        return web.json_response({"per_page": 10, "count": len(found), "results": page, "contact_obj_list": page})

    async def _leads(self, request: web.Request) -> web.Response:
        query = request.query
        living = (record for record in self._newest("leads") if not _is_converted(record))
        found = [record for record in living if _has_name(record, query.get("name", ""))]
        page = [_person("leads", record) for record in _page(found, query, 10)]
        return web.json_response(
            {
                "open_leads": {"leads_count": len(found), "open_leads": page},
                "close_leads": {"leads_count": 0, "close_leads": []},
            }
        )

    async def _duplicates(self, request: web.Request) -> web.Response:
        if wait := self._throttled():
            return self.rate_limited(wait)
        phone = str((await request.json()).get("phone") or "")
        if len(phone) > LENGTHS["phone"]:
            return refused_body({"phone": ["Ensure this field has no more than 25 characters."]})
        fits = same_number(phone)
        living = (record for record in self._newest(request.match_info["table"]) if not _is_converted(record))
        found = [record for record in living if fits(record.fields["phone"] or "")]
        hits = [_hit(record) for record in found[:MOST_DUPLICATES]]
        return web.json_response({"duplicates": hits})

    def _throttled(self) -> int:
        """Seconds to wait by the scope's throttle; 0: none."""
        now, allowed = time.monotonic(), self.faults.searches_per_minute
        while self._searched and self._searched[0] <= now - _MINUTE:
            self._searched.popleft()
        if allowed and len(self._searched) >= allowed:
            return math.ceil(self._searched[0] + _MINUTE - now)
        self._searched.append(now)
        return 0

    async def _read_person(self, request: web.Request) -> web.Response:
        table = request.match_info["table"]
        record = self.records.require(table, request.match_info["id"])
        return web.json_response({f"{table[:-1]}_obj": _person(table, record)})

    async def _create_person(self, request: web.Request) -> web.Response:
        table, body = request.match_info["table"], trimmed(await request.json())
        required = ("first_name", "last_name") if table == "contacts" else ()
        if errors := field_errors(body, LENGTHS, required):
            return refused_body(errors)
        if body.get("phone") and not PHONE.fullmatch(body["phone"]):
            return refused_body({"phone": ["Enter a valid phone number (7-25 characters, digits and separators only)"]})
        if body.get("email") and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", body["email"]):
            return refused_body({"email": ["Enter a valid email address."]})
        if body.get("email") and self._has_email(table, body["email"]):
            return refused_body({"email": ["Contact already exists with this email"]})
        record = self.records.add(table, {"phone": "", **body}, record_id=str(uuid.uuid4()))
        return web.json_response({"error": False, "message": "Contact created Successfuly", "id": record.id})

    def _has_email(self, table: str, email: str) -> bool:
        known = (record.fields.get("email") or "" for record in self.records.all(table))
        return email.casefold() in (text.casefold() for text in known)

    async def _interactions(self, request: web.Request) -> web.Response:
        named = [name for name in ("contact", "lead") if request.query.get(name)]
        if len(named) != 1:
            return refused_body(
                {"non_field_errors": ["Name exactly one record: lead, contact, account, opportunity or case."]}
            )
        person_id = request.query[named[0]]
        self.records.require(f"{named[0]}s", person_id)
        found = sorted(self.records.find(INTERACTIONS, "record", person_id), key=lambda record: -record.created)
        page = [_interaction(record) for record in _page(found, request.query, 50, most=200)]
        return web.json_response({"interactions": page, "count": len(found)})

    async def _log(self, request: web.Request) -> web.Response:
        body = trimmed(await request.json())
        named = [name for name in ("contact", "lead") if body.get(name)]
        if errors := field_errors(body, INTERACTION_LENGTHS, ("kind",)) or interaction_errors(body):
            return refused_body(errors)
        if len(named) != 1 or not is_uuid(body[named[0]]):
            return refused_body({named[0] if named else "non_field_errors": ["Must be a valid UUID."]})
        self.records.require(f"{named[0]}s", body[named[0]])
        fields = {"subject": "", "body": "", "outcome": "", "direction": "outbound", "duration_seconds": None, **body}
        record = self.records.add(INTERACTIONS, fields, record_id=str(uuid.uuid4()))
        return web.json_response(_interaction(record), status=201)

    async def _change(self, request: web.Request) -> web.Response:
        interaction_id, body = request.match_info["id"], trimmed(await request.json())
        record = self.records.require(INTERACTIONS, interaction_id)
        if errors := field_errors(body, INTERACTION_LENGTHS, ()) or interaction_errors(body):
            return refused_body(errors)
        if fixed := [name for name in FIXED & body.keys() if body[name] != record.fields.get(name)]:
            return refused_body({fixed[0]: ["The record an interaction is on cannot be changed."]})
        return web.json_response(_interaction(self.records.change(INTERACTIONS, interaction_id, body)))

    def _newest(self, table: str) -> Sequence[Record]:
        return sorted(self.records.all(table), key=lambda record: -record.created)


def _is_converted(lead: Record) -> bool:
    return lead.fields.get("status") == "converted"


def _hit(record: Record) -> Fields:
    """A record as the search for duplicates shows it."""
    fields = record.fields
    return {"id": record.id, "name": _name(record), "email": fields.get("email") or "", "phone": fields["phone"]}


def _page(found: Sequence[Record], query: Any, size: int, *, most: int = 1_000_000) -> Sequence[Record]:
    start = int(query.get("offset") or 0)
    return found[start : start + min(int(query.get("limit") or size), most)]


def _has_name(record: Record, part: str) -> bool:
    names = (record.fields.get("first_name") or "", record.fields.get("last_name") or "")
    return any(part.casefold() in name.casefold() for name in names)


def _name(record: Record) -> str:
    return f"{record.fields.get('first_name') or ''} {record.fields.get('last_name') or ''}".strip()


def _person(table: str, record: Record) -> Fields:
    shown: Fields = {"first_name": "", "last_name": "", "email": None, "phone": None, "title": None, "source_ref": ""}
    if table == "contacts":
        shown |= {"organization": None, "account_detail": None}
    else:
        shown |= {"company_name": None, "job_title": None}
    return {
        **shown,
        **record.fields,
        "id": record.id,
        "created_at": _time(record.created),
        "updated_at": _time(record.changed),
    }


def _interaction(record: Record) -> Fields:
    return {**record.fields, "id": record.id, "logged_by": None, "created_at": _time(record.created), "can_edit": True}


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
