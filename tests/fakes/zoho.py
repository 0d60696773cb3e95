"""A fake Zoho CRM: contacts, leads and calls by its REST API v8, COQL, and tokens.

From the Zoho CRM API help: a write answers for each record, with errors also in answers of status 2xx; 204 is "none";
a WHERE has 25 criteria at most, its brackets two each; LIKE takes one text and wildcards around it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from leadline_server.domain.numbers.phone_number import parse_number

from fakes import soql
from fakes.records import Fields, Record
from fakes.written import WrittenContact, WrittenLog
from fakes.zoho_faults import API, PEOPLE, TOKENS, USERS, ZohoFaults, error_body, key_of, own_id, whose
from fakes.zoho_layouts import layouts
from fakes.zoho_users import ZohoUsers
from fakes.zoho_values import (
    FIXED,
    KEY_FIELD,
    MANDATORY,
    MARK_FIELD,
    PHONES,
    WRITABLE,
    Refused,
    coql_problem,
    kept,
    seconds_of,
)

CLIENT: Final = ("1000.CLIENT", "client-secret")
REFRESH_TOKEN: Final = "1000.refresh"

_RELATED: Final = frozenset(
    {
        *("Attachments", "Calls", "Calls_History", "Campaigns", "Deals", "Events", "Events_History", "Notes"),
        *("Tasks", "Tasks_History"),
    }
)


class FakeZoho(ZohoUsers):
    """One organization."""

    faults_type = ZohoFaults

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.token_requests = 0
        self.triggers = list[Any]()
        self.most_under_way = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(TOKENS, self._grant),
            web.post(f"{API}/coql", self._counted(self._query)),
            web.get(f"{API}/settings/layouts", self._counted(self._layouts)),
            web.get(f"{API}/users", self._counted(self._list_users)),
            web.get(f"{API}/{{module}}", self._counted(self._read)),
            web.post(f"{API}/{{module}}", self._counted(self._create)),
            web.put(f"{API}/{{module}}/{{id}}", self._counted(self._update)),
            web.delete(f"{API}/{{module}}/{{id}}", self._counted(self._delete)),
            web.get(f"{API}/{{module}}/{{id}}/{{list}}", self._counted(self._related)),
        ]

    def control_routes(self) -> list[web.RouteDef]:
        """Adds a record as people do: `POST /people/MODULE` with its fields answers its id."""

        async def add(request: web.Request) -> web.Response:
            return web.json_response(self.add_by_people(request.match_info["module"], await request.json()))

        return [web.post("/people/{module}", add)]

    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        fields = record.fields
        if table in PEOPLE:
            numbers = (parse_number(fields[name], "US") for name in PHONES if fields.get(name))
            return WrittenContact(own_id(table, record.id), tuple(number.e164 or number.text for number in numbers))
        return WrittenLog(record.id, key_of(fields), whose(fields), fields["Subject"])

    def add_by_people(self, module: str, fields: Mapping[str, Any]) -> str:
        """Add a record as a person does, without any checks. Returns leadline's id."""
        record = self.records.add(module, fields, record_id=self.new_id(), by_people=True)
        return own_id(module, record.id)

    def convert(self, lead_id: str) -> str:
        """As people do it: a contact takes over the lead's fields and calls. Returns leadline's id of the contact."""
        lead = self.records.require("Leads", lead_id)
        kept = {name: value for name, value in lead.fields.items() if name in WRITABLE["Contacts"]}
        contact = self.records.add("Contacts", kept, record_id=self.new_id(), by_people=True)
        self.records.change("Leads", lead_id, {"converted": True, "converted_to": contact.id}, by_people=True)
        self._take_calls(("Leads", lead_id), ("Contacts", contact.id))
        return own_id("Contacts", contact.id)

    def merge(self, kept: tuple[str, str], gone: tuple[str, str]) -> None:
        """As people do it: the calls of one record, by module and id, go to the other. Nothing tells that later."""
        self._take_calls(gone, kept)
        self.records.remove(*gone, by_people=True)

    def _take_calls(self, gone: tuple[str, str], kept: tuple[str, str]) -> None:
        for call in self.records.all("Calls"):
            if whose(call.fields) == own_id(*gone):
                is_lead = kept[0] == "Leads"
                fields = {
                    "Who_Id": None if is_lead else {"id": kept[1]},
                    "What_Id": {"id": kept[1]} if is_lead else None,
                    "$se_module": "Leads" if is_lead else None,
                }
                self.records.change("Calls", call.id, fields, by_people=True)

    def _counted(self, handler: Any) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.most_under_way = max(self.most_under_way, self.misbehaviour.under_way)
            if self.misbehaviour.under_way > self.faults.most_at_once:
                return error_body(429, "TOO_MANY_REQUESTS", "too many requests fired concurrently")
            answer: web.StreamResponse = await handler(request)
            return answer

        return handle

    async def _grant(self, request: web.Request) -> web.Response:
        self.token_requests += 1
        form = await request.post()
        if (form["client_id"], form["client_secret"], form["refresh_token"]) != (*CLIENT, REFRESH_TOKEN):
            return web.json_response({"error": "invalid_code"})  # with status 200, as Zoho does
        return web.json_response(
            {
                "access_token": self.token,
                "api_domain": "https://www.zohoapis.example",  # a wrong address, which must not be used
                "token_type": "Bearer",
                "expires_in": 3600,
            }
        )

    async def _query(self, request: web.Request) -> web.Response:
        text = (await request.json())["select_query"]
        if problem := coql_problem(text):
            return error_body(400, *problem)
        try:
            query = soql.read_query(text)
            known = {*WRITABLE[query.table], "id"} - {self.faults.hidden}
            rows = [self._row(query.table, record) | {"id": record.id} for record in self.records.all(query.table)]
            found = [{name: row[name] for name in query.fields} for row in rows if query.condition(row)]
        except (soql.Malformed, KeyError) as error:
            return error_body(400, "INVALID_QUERY", f"invalid query formed: {error}")
        if not set(query.fields) <= known:
            return error_body(400, "INVALID_QUERY", "column given seems to be invalid")
        found.sort(key=lambda row: [str(row.get(name)) for name in query.order])
        return self._listed(found[query.offset :], min(query.limit or 200, self.faults.most_rows))

    async def _read(self, request: web.Request) -> web.Response:
        module, ids = request.match_info["module"], request.query["ids"].split(",")
        if not all(each.isdecimal() for each in ids):
            return error_body(400, "INVALID_DATA", "the id given seems to be invalid")
        names = request.query["fields"].split(",")
        found = [record for each in ids if (record := self.records.get(module, each))]
        wanted = {"true": [True], "false": [False]}.get(request.query.get("converted", "false"), [True, False])
        found = [record for record in found if bool(record.fields.get("converted")) in wanted]
        rows = [self._row(module, record) for record in found]
        return self._listed([{name: row.get(name) for name in ("id", *names)} for row in rows], 200)

    def _listed(self, rows: list[Fields], limit: int) -> web.Response:
        if not rows:
            return web.Response(status=204)
        shown = rows[:limit]
        return web.json_response({"data": shown, "info": {"count": len(shown), "more_records": len(rows) > limit}})

    def _row(self, module: str, record: Record) -> Fields:
        times = {"Created_Time": _time(record.created), "Modified_Time": _time(record.changed)}
        row = {**dict.fromkeys(WRITABLE[module]), **record.fields, "id": record.id, **times}
        if module == "Calls":
            row["Call_Duration_in_seconds"] = seconds_of(record.fields)
        if record.fields.get("converted"):
            row["$converted_detail"] = {"contact": record.fields.get("converted_to"), "account": None, "deal": None}
        return row

    async def _create(self, request: web.Request) -> web.Response:
        module = request.match_info["module"]

        def create(fields: Fields) -> Record:
            for name in (*MANDATORY[module], *self.required.get(module, ())):
                if not fields.get(name):
                    raise Refused("MANDATORY_NOT_FOUND", "required field not found", api_name=name)
            return self.records.add(module, fields, record_id=self.new_id())

        return await self._written(request, create, "record added", 201)

    async def _update(self, request: web.Request) -> web.Response:
        module, record_id = request.match_info["module"], request.match_info["id"]

        def update(fields: Fields) -> Record:
            if (existing := self.records.get(module, record_id)) is None:
                raise Refused("INVALID_DATA", "the id given seems to be invalid", id=record_id)
            for name in FIXED if module == "Calls" and not self.faults.changes_calls else ():
                if name in fields and fields[name] != existing.fields.get(name):
                    raise Refused("INVALID_DATA", "invalid data", api_name=name)
            return self.records.change(module, record_id, fields)

        return await self._written(request, update, "record updated", 200)

    async def _delete(self, request: web.Request) -> web.Response:
        module, record_id = request.match_info["module"], request.match_info["id"]
        if self.records.get(module, record_id) is None:
            problem = {"code": "INVALID_DATA", "details": {"id": record_id}, "message": "invalid", "status": "error"}
            return web.json_response({"data": [problem]}, status=400)
        self.records.remove(module, record_id)
        done = {"code": "SUCCESS", "details": {"id": record_id}, "message": "record deleted", "status": "success"}
        return web.json_response({"data": [done]})

    async def _related(self, request: web.Request) -> web.Response:
        """A related list. Calls are over, so they are history."""
        module, name = request.match_info["module"], request.match_info["list"]
        if name not in _RELATED or (name == "Deals" and module == "Leads") or not request.query.get("fields"):
            return error_body(400, "INVALID_DATA", "the relation name given seems to be invalid")
        own = own_id(module, request.match_info["id"])
        calls = self.records.all("Calls") if name == "Calls_History" else []
        return self._listed([{"id": call.id} for call in calls if whose(call.fields) == own], 200)

    async def _written(self, request: web.Request, write: Any, message: str, status: int) -> web.Response:
        body = await request.json()
        self.triggers.append(body.get("trigger"))
        try:
            record = write(self._checked(request.match_info["module"], *body["data"]))
        except Refused as refusal:
            return web.json_response({"data": [refusal.problem]}, status=self.faults.error_status)
        done = {"code": "SUCCESS", "details": {"id": record.id}, "message": message, "status": "success"}
        return web.json_response({"data": [done]}, status=status)

    def _active_users(self) -> list[Record]:
        return [user for user in self.records.all(USERS) if user.fields["status"] == "active"]

    def _writable(self, module: str) -> set[str]:
        return {*WRITABLE[module], *self.required.get(module, ())}

    async def _layouts(self, request: web.Request) -> web.Response:
        module = request.query["module"]
        own = {name: name.replace("_", " ") for name in WRITABLE[module]}
        return web.json_response(layouts(own, MANDATORY[module], self.required.get(module, {})))

    def _checked(self, module: str, told: Fields) -> Fields:
        """The fields of a record as they are kept: trimmed, unknown ones left out, and refused where they cannot be."""
        fields = {name: kept(name, value) for name, value in told.items() if name in self._writable(module)}
        for name, modules in {"Who_Id": ["Contacts"], "What_Id": [told.get("$se_module", "")]}.items():
            if fields.get(name) and not any(self.records.get(each, fields[name]["id"]) for each in modules):
                raise Refused("INVALID_DATA", "the related id given seems to be invalid", api_name=name)
        owner = fields.get("Owner")
        if owner and not any(each.id == owner["id"] for each in self._active_users()):
            raise Refused("INVALID_DATA", "the owner id given seems to be invalid", api_name="Owner")
        unique = self.faults.unique
        others = [record for record in self.records.all(module) if unique and record.fields.get(unique)]
        same = [record for record in others if record.fields[unique] == fields.get(unique)]
        if same:
            other = {"id": same[0].id, "module": {"api_name": module, "id": "1"}}
            raise Refused("DUPLICATE_DATA", "duplicate data", api_name=unique, id=same[0].id, duplicate_record=other)
        return fields


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(timespec="seconds")


__all__ = [
    "API",
    "CLIENT",
    "KEY_FIELD",
    "MARK_FIELD",
    "REFRESH_TOKEN",
    "TOKENS",
    "USERS",
    "FakeZoho",
    "ZohoFaults",
    "whose",
]
