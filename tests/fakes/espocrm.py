"""A fake EspoCRM: the REST API as EspoCRM 9's source has it, as far as leadline's definition speaks to it.

Sources, in application/Espo: Core/Record/SearchParamsFetcher.php (paging), Core/Select/Where (filters, LIKE with its
wildcards), Core/Utils/Database/Orm/FieldConverters/Phone.php and PersonName.php (what filters look at),
Core/Repositories/Database.php (a new record has no modifiedById), Core/FieldProcessing (lists have the first number
alone), Core/Record/Access/LinkCheck.php (403 for a contact that is not there), Classes/FieldValidators (numbers must be
international, the default of new systems), Core/Api (errors in the header X-Status-Reason, mostly without a body), and
the entityDefs of Modules/Crm.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from leadline_server.domain.numbers.phone_number import parse_number

from fakes.base import FakeCrm
from fakes.espocrm_rules import (
    CALLS,
    MOST,
    PERSONS,
    call_refused,
    digits_of,
    equal_text,
    failed_answer,
    invalid_answer,
    like_text,
    listed,
    names_of,
    person_refused,
    whole_number,
)
from fakes.records import Fields, Record
from fakes.written import WrittenContact, WrittenLog

LINKS: Final = {"calls", "meetings", "tasks", "emails", "cases", "documents", "targetLists", "campaignLogRecords"}
"""Links of contacts and leads to other records, as far as leadline reads them. Posts are lists of the stream."""

POSTS: Final = "posts"

_KEY: Final = re.compile(r"\[leadline:(.*)\]")


class FakeEspoCrm(FakeCrm):
    """An EspoCRM with contacts, leads and calls.

    Attributes:
        hidden: lists of a contact that the role of leadline's user may not read, such as `tasks`.
    """

    hidden: frozenset[str] = frozenset()

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        for table in PERSONS:
            self.records.index(table, "digits", lambda person: [digits_of(number) for number in person["numbers"]])

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v1/App/user", self._user),
            web.get("/api/v1/Metadata", self._metadata),
            web.get("/api/v1/{table:Contact|Lead|Call}", self._list),
            web.post("/api/v1/{table:Contact|Lead}", self._create_person),
            web.post("/api/v1/Call", self._create_call),
            web.get("/api/v1/{table:Contact|Lead|Call}/{id}", self._read),
            web.get("/api/v1/{table:Contact|Lead}/{id}/{link}", self._linked),
            web.delete("/api/v1/{table:Contact|Lead}/{id}", self._delete),
            web.put("/api/v1/Call/{id}", self._update_call),
            web.delete("/api/v1/Call/{id}", self._delete_call),
        ]

    def is_write(self, request: web.Request) -> bool:
        return request.method != "GET"

    def is_authorized(self, request: web.Request) -> bool:
        return request.headers.get("X-Api-Key") == self.token

    def unauthorized(self) -> web.Response:
        return web.Response(status=401)

    def rate_limited(self, retry_after: int) -> web.Response:
        """EspoCRM has no such limit of its own; what stands before it may."""
        return web.Response(status=429, headers={"Retry-After": str(retry_after)})

    def internal_error(self) -> web.Response:
        return failed_answer(500, "")

    def forbidden(self) -> web.Response:
        return failed_answer(403, "No access.")

    def not_found(self) -> web.Response:
        return failed_answer(404, "Record does not exist.")

    def conflict(self) -> web.Response:
        return failed_answer(409, "duplicate")

    def unprocessable(self, message: str = "Field validation failure.") -> web.Response:
        return failed_answer(400, message)

    def unavailable(self) -> web.Response:
        return failed_answer(503, "Maintenance mode.")

    def control_routes(self) -> list[web.RouteDef]:
        """`POST /people` adds contacts by their `name` and `number`; answers with leadline's ids of them."""

        async def add(request: web.Request) -> web.Response:
            people = await request.json()
            added = [self.add_person("Contact", person["name"], [person["number"]]) for person in people]
            return web.json_response([f"contact:{own_id}" for own_id in added])

        return [web.post("/people", add)]

    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        fields = record.fields
        if table in PERSONS:
            return WrittenContact(
                f"{table.lower()}:{record.id}", tuple(parse_number(text, "US").e164 for text in fields["numbers"])
            )
        key = _KEY.search(fields["description"])
        whose = [*(f"contact:{own}" for own in fields["contactsIds"]), *(f"lead:{own}" for own in fields["leadsIds"])]
        return WrittenLog(record.id, key[1] if key else "", whose[0] if whose else "", fields["name"])

    def add_person(self, table: str, name: str, numbers: Sequence[str], *, by_people: bool = True) -> str:
        """Add a contact or a lead as people do."""
        first, _, last = name.rpartition(" ")
        return self._add(table, {"firstName": first or None, "lastName": last}, numbers, by_people=by_people).id

    def convert(self, lead_id: str) -> str:
        """As people do it (Tools/Lead/ConvertService.php): the lead keeps its number; its calls get the contact too."""
        lead = self.records.require("Lead", lead_id)
        kept = {name: lead.fields.get(name) for name in ("firstName", "lastName", "emailAddress", "numbers")}
        contact = self.records.add("Contact", kept, record_id=self._new_id(), by_people=True)
        converted = {"status": "Converted", "createdContactId": contact.id}
        self.records.change("Lead", lead_id, converted, by_people=True)
        for call in self.records.all(CALLS):
            if lead_id in call.fields["leadsIds"]:
                contacts = [*call.fields["contactsIds"], contact.id]
                self.records.change(CALLS, call.id, {"contactsIds": contacts}, by_people=True)
        return contact.id

    def merge(self, table: str, kept_id: str, gone_id: str) -> None:
        """As people do it (Core/Record/Merge): relations go to the record that is kept, and the other is deleted."""
        link = {"Contact": "contactsIds", "Lead": "leadsIds"}[table]
        for call in self.records.all(CALLS):
            moved = [kept_id if each == gone_id else each for each in call.fields[link]]
            if moved != call.fields[link]:
                self.records.change(CALLS, call.id, {link: moved}, by_people=True)
        self.records.remove(table, gone_id, by_people=True)

    async def _user(self, _: web.Request) -> web.Response:
        return web.json_response({"user": {"id": "api-user", "type": "api"}, "acl": {}, "settings": {}})

    async def _list(self, request: web.Request) -> web.Response:
        table, query = request.match_info["table"], request.query
        size, offset = int(query.get("maxSize") or MOST), int(query.get("offset") or 0)
        if size > MOST:
            return failed_answer(403, f"Max size should not exceed {MOST}. Use offset and limit.")
        found = self._found(table, query)
        found.sort(key=lambda record: (record.created, record.id))
        page = [listed(table, record) for record in found[offset : offset + size]]
        return web.json_response({"total": len(found), "list": page})

    def _found(self, table: str, query: Mapping[str, str]) -> list[Record]:
        kind, value = query["where[0][type]"], query["where[0][value]"]
        fits = equal_text(value) if kind == "equals" else like_text(f"%{value}%")
        texts: Callable[[Fields], Sequence[str]] = {
            "phoneNumberNumeric": lambda fields: [digits_of(number) for number in fields["numbers"]],
            "name": names_of,
            "description": lambda fields: [fields.get("description") or ""],
        }[query["where[0][attribute]"]]
        return [record for record in self.records.all(table) if any(map(fits, texts(record.fields)))]

    async def _read(self, request: web.Request) -> web.Response:
        table = request.match_info["table"]
        return web.json_response(whole_number(table, self.records.require(table, request.match_info["id"])))

    async def _linked(self, request: web.Request) -> web.Response:
        """A list of records that belong to a person (Core/Record/Service.php: findLinked; Tools/Stream)."""
        table, person_id, link = request.match_info["table"], request.match_info["id"], request.match_info["link"]
        self.records.require(table, person_id)
        if link not in (LINKS | {POSTS} | ({"opportunities"} if table == "Contact" else set())):
            return self.not_found()
        if link in self.hidden:
            return self.forbidden()
        if int(request.query.get("maxSize") or MOST) > MOST:
            return failed_answer(403, f"Max size should not exceed {MOST}. Use offset and limit.")
        links = {"Contact": "contactsIds", "Lead": "leadsIds"}[table]
        found = [call.id for call in self.records.all(CALLS) if link == "calls" and person_id in call.fields[links]]
        found += [each.id for each in self.records.all(link) if each.fields["parent"] == person_id]
        return web.json_response({"total": len(found), "list": [{"id": each} for each in found]})

    async def _delete(self, request: web.Request) -> web.Response:
        """Delete a person. Calls stay, without it."""
        table, person_id = request.match_info["table"], request.match_info["id"]
        self.records.remove(table, person_id)
        link = {"Contact": "contactsIds", "Lead": "leadsIds"}[table]
        for call in self.records.all(CALLS):
            if person_id in call.fields[link]:
                self.records.change(CALLS, call.id, {link: [each for each in call.fields[link] if each != person_id]})
        return web.json_response(True)

    async def _create_person(self, request: web.Request) -> web.Response:
        table, body = request.match_info["table"], await request.json()
        if refusal := person_refused(table, body) or self._lacks(table, body):
            return refusal
        if request.headers.get("X-Skip-Duplicate-Check") != "true" and self._has_name(table, body):
            return self.conflict()
        kept = {name: value for name, value in body.items() if name != "phoneNumber"}
        record = self._add(table, kept, [body["phoneNumber"]] if body.get("phoneNumber") else [], by_people=False)
        return web.json_response(whole_number(table, record))

    def _lacks(self, table: str, body: Fields) -> web.Response | None:
        lacking = self.lacking(table, body)
        return invalid_answer(table, lacking, "required") if lacking else None

    async def _metadata(self, request: web.Request) -> web.Response:
        """The part of the metadata that `key` names, such as `entityDefs.Contact.fields`."""
        _, table, part = request.query["key"].split(".")
        assert part == "fields"
        built_in = {"name", "dateStart", "dateEnd", "status"} if table == CALLS else {"lastName"}
        fields = {name: {"type": "varchar", "required": True} for name in (*built_in, *self.required.get(table, ()))}
        fields |= {"description": {"type": "text"}, "direction": {"type": "enum", "required": True, "default": "x"}}
        return web.json_response(fields)

    def _has_name(self, table: str, body: Fields) -> bool:
        return any(set(names_of(record.fields)) & set(names_of(body)) for record in self.records.all(table))

    async def _create_call(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not (body.get("dateStart") and body.get("dateEnd")):
            return invalid_answer(CALLS, "dateStart", "required")
        if refusal := call_refused(body) or self._missing(body) or self._lacks(CALLS, body):
            return refusal
        fields = {"contactsIds": [], "leadsIds": [], "description": "", "status": "Planned", **body}
        return web.json_response(whole_number(CALLS, self.records.add(CALLS, fields, record_id=self._new_id())))

    async def _update_call(self, request: web.Request) -> web.Response:
        call_id, body = request.match_info["id"], await request.json()
        self.records.require(CALLS, call_id)
        if refusal := call_refused(body) or self._missing(body):
            return refusal
        return web.json_response(whole_number(CALLS, self.records.change(CALLS, call_id, body)))

    async def _delete_call(self, request: web.Request) -> web.Response:
        self.records.require(CALLS, request.match_info["id"])
        self.records.remove(CALLS, request.match_info["id"])
        return web.json_response(data=True)

    def _missing(self, call: Fields) -> web.Response | None:
        for table, link in zip(PERSONS, ("contactsIds", "leadsIds"), strict=True):
            if not all(self.records.get(table, person_id) for person_id in call.get(link, ())):
                words = {"label": "cannotRelateNonExisting", "scope": None, "data": {"foreignEntityType": table}}
                return failed_answer(403, "Can't relate with non-existing record.", {"messageTranslation": words})
        return None

    def _add(self, table: str, fields: Fields, numbers: Sequence[str], *, by_people: bool) -> Record:
        kept = fields | {"numbers": [number.strip() for number in numbers]}
        return self.records.add(table, kept, record_id=self._new_id(), by_people=by_people)

    def _new_id(self) -> str:
        return f"{self.records.next_id():017x}"
