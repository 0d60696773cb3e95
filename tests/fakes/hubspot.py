"""A fake HubSpot: contacts, calls, associations and searches of its CRM API, and OAuth tokens."""

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import phonenumbers
from aiohttp import web

from fakes.base import Handler
from fakes.hubspot_errors import HubSpotFaults, error_body, too_many
from fakes.hubspot_people import CALLS, CONTACTS, LINKED, MERGED, OWNERS, HubSpotPeople
from fakes.hubspot_search import INDEXED, matching, refusal
from fakes.hubspot_values import CALL_PROPERTIES, CONTACT_PROPERTIES, calculated, problems
from fakes.records import NoSuchRecord, Record
from fakes.written import WrittenContact, WrittenLog

REFRESH_TOKEN: Final = "good-refresh-token"

_CALL_TO_CONTACT: Final = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 194}


class FakeHubSpot(HubSpotPeople):
    """See FakeCrm. Records keep their properties as fields.

    Args:
        path: see FakeCrm.
        contact_properties: custom ones of the account.
        unique_call_properties: custom ones of calls, whose values are unique.
    """

    faults_type = HubSpotFaults

    def __init__(
        self,
        path: Path | None = None,
        contact_properties: Sequence[str] = (),
        unique_call_properties: Sequence[str] = (),
    ) -> None:
        super().__init__(path)
        self.unique = frozenset(unique_call_properties)
        self.known = {
            CONTACTS: CONTACT_PROPERTIES | frozenset(contact_properties),
            CALLS: CALL_PROPERTIES | self.unique,
        }
        for table in (CONTACTS, CALLS):
            for name in (*INDEXED, *self.unique):
                self.records.index(table, name, lambda fields, name=name: [(fields.get(name) or "").casefold()])  # type: ignore[misc] # the default binds the name
        self._asked: dict[str, deque[float]] = {"search": deque(), "": deque()}
        self._searches = {"answered": 0, "refused": 0}

    def routes(self) -> list[web.RouteDef]:
        objects = "/crm/objects/2026-03/{table:contacts|calls}"
        link = "/crm/objects/2026-03/calls/{id}/associations/contacts/{contact}"
        return [
            web.post("/oauth/2026-03/token", self._grant),
            web.get("/crm-object-schemas/2026-03/schemas/{table:contacts|calls}", self._schema),
            web.get("/crm/owners/2026-03", self._list_owners),
            web.get(objects, self._list),
            web.post(objects, self._create),
            web.post(objects + "/search", self._search),
            web.post("/crm/objects/2026-03/calls/batch/read", self._read_batch),
            web.get(objects + "/{id}", self._read),
            web.patch(objects + "/{id}", self._change),
            web.delete("/crm/objects/2026-03/contacts/{id}", self._archive),
            web.delete("/crm/objects/2026-03/calls/{id}", self._archive_call),
            web.put(link, self._link),
            web.delete(link, self._unlink),
        ]

    def control_routes(self) -> list[web.RouteDef]:
        """`POST /people` adds the contacts that a list describes by their properties; answers with their ids.

        `POST /owners` adds owners: `[["Jane Roe", "jane@example.com", true]]`; answers with their ids.

        `GET /searches` says how many searches were answered, and how many refused as too many.
        """

        async def add(request: web.Request) -> web.Response:
            return web.json_response([self.add_contact(values) for values in await request.json()])

        async def searches(_: web.Request) -> web.Response:
            return web.json_response(self._searches)

        async def own(request: web.Request) -> web.Response:
            told = await request.json()
            return web.json_response([self.add_owner(*names, is_active=active) for *names, active in told])

        return [web.post("/people", add), web.post("/owners", own), web.get("/searches", searches)]

    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        fields = record.fields
        if table == CONTACTS:
            return WrittenContact(record.id, tuple(map(_e164, filter(None, (fields.get("phone"),)))))
        if table == CALLS:
            contact = (fields[LINKED] or [""])[0]
            return WrittenLog(record.id, fields["hs_call_external_id"], contact, fields["hs_call_title"])
        return None

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if (limited := self._over_limit(request)) is not None:
            return limited
        answer = await super()._answer(request, handler)
        if not request.path.endswith("/search"):  # whose answers have no such headers
            allowed = self.faults.requests_per_10_seconds
            left = allowed - len(self._asked[""]) if allowed else 99
            answer.headers["X-HubSpot-RateLimit-Max"] = str(allowed or 100)
            answer.headers["X-HubSpot-RateLimit-Remaining"] = str(left)
            answer.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = "10000"
        return answer

    def _over_limit(self, request: web.Request) -> web.Response | None:
        searches = request.path.endswith("/search")
        asked, now = self._asked["search" if searches else ""], time.monotonic()
        allowed = self.faults.searches_per_second if searches else self.faults.requests_per_10_seconds
        while asked and asked[0] <= now - (1 if searches else 10):
            asked.popleft()
        is_over = bool(allowed) and len(asked) >= allowed
        if searches:
            self._searches["refused" if is_over else "answered"] += 1
        if is_over:
            return too_many("SECONDLY" if searches else "TEN_SECONDLY_ROLLING")
        asked.append(now)
        return None

    async def _grant(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != REFRESH_TOKEN:
            return web.json_response({"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid"}, status=400)
        granted = {"access_token": self.token, "refresh_token": REFRESH_TOKEN, "expires_in": 1800}
        return web.json_response(granted | {"token_type": "bearer"})

    async def _list(self, request: web.Request) -> web.Response:
        records = self.records.all(request.match_info["table"])[: int(request.query.get("limit", "10"))]
        return web.json_response({"results": [_body(record, ()) for record in records]})

    async def _create(self, request: web.Request) -> web.Response:
        table, body = request.match_info["table"], await request.json()
        values, links = body["properties"], body.get("associations", [])
        if refused := self._refused(table, values) or self._refused_links(links):
            return refused
        if table == CALLS and not values.get("hs_timestamp"):
            return self.unprocessable("hs_timestamp is required")
        if missing := self.lacking(table, values):
            message = f"Error creating {table}. Some required properties were not set."
            return error_body(400, "VALIDATION_ERROR", message, ("MISSING_REQUIRED_PROPERTY", f"{missing} is required"))
        fields = self._with_calculated(values)
        if table == CALLS:
            fields[LINKED] = [link["to"]["id"] for link in links]
        return web.json_response(_body(self.records.add(table, fields), tuple(fields)), status=201)

    async def _schema(self, request: web.Request) -> web.Response:
        table = request.match_info["table"]
        needed = {**({"hs_timestamp": "Activity date"} if table == CALLS else {}), **self.required.get(table, {})}
        properties = [{"name": name, "label": label, "type": "string"} for name, label in needed.items()]
        return web.json_response({"name": table, "requiredProperties": list(needed), "properties": properties})

    async def _read(self, request: web.Request) -> web.Response:
        table, record_id = request.match_info["table"], request.match_info["id"]
        while table == CONTACTS and (merged := self.records.get(MERGED, record_id)):
            record_id = merged.fields["into"]
        record = self.records.require(table, record_id)
        body = _body(record, request.query.get("properties", "").split(","))
        if table == CALLS and request.query.get("associations") == "contacts" and record.fields.get(LINKED):
            linked = [{"id": each, "type": "call_to_contact"} for each in record.fields[LINKED]]
            body["associations"] = {"contacts": {"results": linked}}
        if history := request.query.get("propertiesWithHistory"):
            body["propertiesWithHistory"] = {name: self._history(table, record, name) for name in history.split(",")}
        if table == CONTACTS and (kinds := request.query.get("associations")):
            calls = [call.id for call in self.records.all(CALLS) if record.id in call.fields[LINKED]]
            found = [{"id": each, "type": "contact_to_call"} for each in calls]
            if found and CALLS in kinds.split(","):  # a kind without any record is left out
                body["associations"] = {CALLS: {"results": found}}
        return web.json_response(body)

    def _history(self, table: str, record: Record, name: str) -> list[dict[str, Any]]:
        """The values that a property had, the newest first."""
        values = list[dict[str, Any]]()
        for change in self.records.changes:
            if (change.table, change.record.id) == (table, record.id) and name in change.record.fields:
                value = change.record.fields[name]
                if not values or values[0]["value"] != value:
                    source = "CRM_UI" if change.by_people else "INTEGRATION"
                    entry = {"value": value, "timestamp": _time(change.record.changed), "sourceType": source}
                    values.insert(0, entry)
        return values

    async def _archive(self, request: web.Request) -> web.Response:
        """Archive a contact. One that is not there is no error."""
        contact_id = request.match_info["id"]
        if self.records.get(CONTACTS, contact_id):
            self.records.remove(CONTACTS, contact_id)
            for call in self.records.all(CALLS):
                links = [each for each in call.fields[LINKED] if each != contact_id]
                if links != call.fields[LINKED]:
                    self.records.change(CALLS, call.id, {LINKED: links})
        return web.Response(status=204)

    async def _archive_call(self, request: web.Request) -> web.Response:
        if self.records.get(CALLS, request.match_info["id"]):
            self.records.remove(CALLS, request.match_info["id"])
        return web.Response(status=204)

    async def _change(self, request: web.Request) -> web.Response:
        table, values = request.match_info["table"], (await request.json())["properties"]
        self.records.require(table, request.match_info["id"])
        if refused := self._refused(table, values):
            return refused
        record = self.records.change(table, request.match_info["id"], self._with_calculated(values))
        return web.json_response(_body(record, tuple(values)))

    async def _search(self, request: web.Request) -> web.Response:
        table, text = request.match_info["table"], await request.text()
        body = json.loads(text)
        if message := refusal(text, body, self.known[table]):
            return self.unprocessable(message)
        found = [record for record in matching(self.records, table, body) if self.is_indexed(record)]
        start, limit = int(body.get("after", 0)), body.get("limit", 10)
        page = [_body(record, body.get("properties", [])) for record in found[start : start + limit]]
        answer: dict[str, Any] = {"total": len(found), "results": page}
        if start + limit < len(found):
            answer["paging"] = {"next": {"after": str(start + limit)}}
        return web.json_response(answer)

    async def _read_batch(self, request: web.Request) -> web.Response:
        body = await request.json()
        if (name := body["idProperty"]) not in self.unique:
            return self.unprocessable(f"{name} is no unique property")
        found = [record for each in body["inputs"] for record in self.records.find(CALLS, name, each["id"].casefold())]
        answer: dict[str, Any] = {"status": "COMPLETE", "results": [_body(each, body["properties"]) for each in found]}
        if len(found) == len(body["inputs"]):
            return web.json_response(answer)
        missing = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some CALL objects"}
        return web.json_response(answer | {"numErrors": 1, "errors": [missing]}, status=207)

    async def _link(self, request: web.Request) -> web.Response:
        call = self.records.require(CALLS, request.match_info["id"])
        contact = self.records.require(CONTACTS, request.match_info["contact"])
        if await request.json() != [_CALL_TO_CONTACT]:
            return self.unprocessable("no such association")
        self.records.change(CALLS, call.id, {LINKED: list(dict.fromkeys([*call.fields[LINKED], contact.id]))})
        return web.json_response({"fromObjectId": call.id, "toObjectId": contact.id, "labels": []}, status=201)

    async def _unlink(self, request: web.Request) -> web.Response:
        call, gone = self.records.require(CALLS, request.match_info["id"]), request.match_info["contact"]
        self.records.change(CALLS, call.id, {LINKED: [each for each in call.fields[LINKED] if each != gone]})
        return web.Response(status=204)

    def _refused(self, table: str, values: Mapping[str, str]) -> web.Response | None:
        if found := problems(values, self.known[table] | self.required.get(table, {}).keys()):
            return error_body(400, "VALIDATION_ERROR", f"Property values were not valid: {found[0][1]}", *found)
        owner = values.get("hubspot_owner_id")
        if owner and self.records.get(OWNERS, owner) is None:
            message = f"{owner} is not a valid value of hubspot_owner_id"
            return error_body(400, "VALIDATION_ERROR", message, ("INVALID_OWNER_ID", message))
        email = values.get("email")
        if table == CONTACTS and email and (others := self.records.find(CONTACTS, "email", email.casefold())):
            return error_body(409, "CONFLICT", f"Contact already exists. Existing ID: {others[0].id}")
        for name in self.unique & values.keys():
            if self.records.find(table, name, values[name].casefold()):
                message = f"{values[name]} cannot be set: another CALL already has that value"
                return error_body(400, "VALIDATION_ERROR", message, ("CONFLICTING_UNIQUE_VALUE", message))
        return None

    def _refused_links(self, links: Sequence[Mapping[str, Any]]) -> web.Response | None:
        for link in links:
            if link["types"] != [_CALL_TO_CONTACT] or not self.records.get(CONTACTS, link["to"]["id"]):
                return self.unprocessable("some associations are not valid")
        return None

    def _with_calculated(self, values: Mapping[str, str]) -> dict[str, Any]:
        return {**values, **calculated(values)}

    def add_contact(self, values: Mapping[str, str]) -> str:
        """As people do it: a contact's id."""
        return self.records.add(CONTACTS, self._with_calculated(values), by_people=True).id


def _body(record: Record, wanted: Sequence[str]) -> dict[str, Any]:
    """A record as HubSpot shows it: what is asked for, null where there is nothing, and what it always shows."""
    created, changed = _time(record.created), _time(record.changed)
    system = {"hs_object_id": record.id, "createdate": created, "lastmodifieddate": changed}
    shown = {name: record.fields.get(name) or None for name in wanted if name and name != LINKED} | system
    return {"id": record.id, "properties": shown, "createdAt": created, "updatedAt": changed, "archived": False}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _e164(text: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(text, "US"), phonenumbers.PhoneNumberFormat.E164)


__all__ = ["CALLS", "CONTACTS", "LINKED", "REFRESH_TOKEN", "FakeHubSpot", "HubSpotFaults", "NoSuchRecord"]
