"""A fake Salesforce: contacts, leads and tasks by its REST API, queries, searches, and tokens.

From the REST API Developer Guide and the Object Reference: errors are an array of codes, a used-up limit is a 403,
text is trimmed; a search shows no converted lead that it was told to leave out, and new records late.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from leadline_server.domain.numbers.phone_number import parse_number

from fakes import soql
from fakes.records import Fields, Record
from fakes.salesforce_faults import PAGE, TOKENS, SalesforceFaults
from fakes.salesforce_values import (
    COMPUTED,
    PEOPLE,
    PHONES,
    REQUIRED,
    VERSION,
    WRITABLE,
    Refused,
    described_fields,
    duplicates,
    errors,
    is_alike,
    kept,
    shown,
    stamp,
)
from fakes.salesforce_work import DELETED, SalesforceWork
from fakes.written import WrittenContact, WrittenLog

CLIENT: Final = ("consumer-key", "consumer-secret")
REFRESH_TOKEN: Final = "granted-refresh-token"

_LONGEST_URI: Final = 16_384


class FakeSalesforce(SalesforceWork):
    """One organization. In it, nothing is unique.

    Args:
        path: see FakeCrm.
        rotates: each grant replaces the refresh token ("Rotate Refresh Tokens" of a connected app).
    """

    faults_type = SalesforceFaults

    def __init__(self, path: Path | None = None, *, rotates: bool = False) -> None:
        super().__init__(path)
        self._rotates = rotates
        self._refresh_token = REFRESH_TOKEN
        self.token_requests = 0
        self.refused_tokens = 0
        self._pages = dict[str, tuple[list[Fields], int]]()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(TOKENS, self._grant),
            web.get(f"{VERSION}/query", self._refusing(self._query)),
            web.get(f"{VERSION}/queryAll", self._refusing(self._query_all)),
            web.get(f"{VERSION}/query/{{page}}", self._refusing(self._next_page)),
            web.get(f"{VERSION}/search", self._refusing(self._search)),
            web.get(f"{VERSION}/sobjects/{{table}}/describe", self._describe),
            web.post(f"{VERSION}/sobjects/{{table}}", self._refusing(self._create)),
            web.patch(f"{VERSION}/sobjects/{{table}}/{{id}}", self._refusing(self._update)),
            web.delete(f"{VERSION}/sobjects/{{table}}/{{id}}", self._refusing(self._delete)),
        ]

    def control_routes(self) -> list[web.RouteDef]:
        """Adds a record as people do: `POST /people/TABLE` with its fields answers its id.

        `GET /tokens` counts the requests for tokens.
        """

        async def add(request: web.Request) -> web.Response:
            return web.json_response(self.add_by_people(request.match_info["table"], await request.json()))

        async def tokens(_: web.Request) -> web.Response:
            return web.json_response({"asked": self.token_requests, "refused": self.refused_tokens})

        return [web.post("/people/{table}", add), web.get("/tokens", tokens)]

    def application(self) -> web.Application:
        app = super().application()

        async def tell_usage(_: web.Request, answer: web.StreamResponse) -> None:
            usage = f"api-usage={self.faults.used}/{self.faults.limit}; per-app-api-usage=9999/1(appName=other)"
            answer.headers["Sforce-Limit-Info"] = usage

        app.on_response_prepare.append(tell_usage)
        return app

    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        fields = record.fields
        if table in PEOPLE:
            numbers = (parse_number(fields[name], "US") for name in PHONES[table] if fields.get(name))
            return WrittenContact(record.id, tuple(number.e164 or number.text for number in numbers))
        return WrittenLog(record.id, fields["CallObject"], fields["WhoId"], fields["Subject"])

    def _refusing(self, handler: Any) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                answer: web.StreamResponse = await handler(request)
            except Refused as refusal:
                return refusal.answer
            except soql.Malformed as error:
                return errors(400, "MALFORMED_QUERY", str(error))
            return answer

        return handle

    async def _grant(self, request: web.Request) -> web.Response:
        self.token_requests += 1
        form = await request.post()
        wanted = {"refresh_token": self._refresh_token}.get(str(form["grant_type"]), "")
        if (form["client_id"], form.get("client_secret")) != CLIENT or form.get("refresh_token", "") != wanted:
            self.refused_tokens += 1
            told = {"error": "invalid_grant", "error_description": "expired access/refresh token"}
            return web.json_response(told, status=400)
        if self._rotates:
            self._refresh_token = f"{REFRESH_TOKEN}-{self.token_requests}"
        return web.json_response(
            {
                **({"refresh_token": self._refresh_token} if self._rotates else {}),
                "access_token": self.token,
                "signature": "c2lnbmF0dXJl",
                "instance_url": "https://na1.salesforce.example",  # a wrong address, which must not be used
                "id": "https://login.salesforce.example/id/00Dx/005x",
                "token_type": "Bearer",
                "issued_at": str(int(time.time() * 1000)),
            }
        )

    async def _query_all(self, request: web.Request) -> web.Response:
        return await self._query(request, DELETED)

    async def _query(self, request: web.Request, also: str = "") -> web.Response:
        """Answer a query; with `also` from the deleted records too."""
        if len(request.raw_path) > _LONGEST_URI:
            raise Refused("URI_TOO_LONG", "the request's URI is too long", 414)
        query = soql.read_query(request.query["q"])
        if query.table == "Task" and soql.compares(request.query["q"], "Description"):
            raise Refused("INVALID_FIELD", "field 'Description' can not be filtered in a query call")
        tables = [query.table, also + query.table] if also else [query.table]
        found = (row for table in tables for row in self._rows(query.table, table))
        rows = sorted(self._select(query, found), key=lambda row: [str(row[name]) for name in query.order])
        rows = rows[query.offset : None if query.limit is None else query.offset + query.limit]
        return self._page([shown(query, row) for row in rows], 0)

    async def _next_page(self, request: web.Request) -> web.Response:
        rows, start = self._pages[request.match_info["page"]]
        return self._page(rows, start)

    def _page(self, rows: list[Fields], start: int) -> web.Response:
        end = start + self.faults.page
        body: Fields = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[start:end]}
        if end < len(rows):
            name = f"01gx-{end}-{len(self._pages)}"
            self._pages[name] = (rows, end)
            body["nextRecordsUrl"] = self.faults.next_url or f"{VERSION}/query/{name}"
        return web.json_response(body)

    async def _search(self, request: web.Request) -> web.Response:
        search = soql.read_search(request.query["q"])
        found = list[Fields]()
        for part in search.parts:
            indexed = (row for row in self._rows(part.table) if row["indexed"])
            hits = (row for row in indexed if any(search.finds(row[name] or "") for name in PHONES[part.table]))
            found += [shown(part, row) for row in list(self._select(part, hits))[: part.limit]]
        return web.json_response({"searchRecords": found[:PAGE]})

    def _select(self, query: soql.Query, rows: Iterator[Fields]) -> Iterator[Fields]:
        known = {*WRITABLE[query.table], *COMPUTED[query.table]} - {self.faults.hidden}
        for name in query.fields:
            if name not in known:
                raise Refused("INVALID_FIELD", f"No such column '{name}' on entity '{query.table}'.")
        try:
            yield from (row for row in rows if query.condition(row))
        except KeyError as error:
            raise Refused("INVALID_FIELD", f"No such column {error} on entity '{query.table}'.") from error

    def _rows(self, table: str, stored: str = "") -> Iterator[Fields]:
        for record in self.records.all(stored or table):
            fields: Fields = {**dict.fromkeys(WRITABLE[table]), **record.fields}
            names = (fields.get("FirstName"), fields.get("LastName"))
            yield fields | {
                "Id": record.id,
                "Name": " ".join(filter(None, names)),
                "CreatedDate": stamp(record.created),
                "LastModifiedDate": stamp(record.changed),
                "SystemModstamp": stamp(record.changed - self.faults.age),
                "IsConverted": fields.get("IsConverted", False),
                "ConvertedContactId": fields.get("ConvertedContactId"),
                "MasterRecordId": fields.get("MasterRecordId"),
                "Account.Name": fields.get("AccountName"),
                "indexed": self.is_indexed(record),
            }

    async def _create(self, request: web.Request) -> web.Response:
        table, fields = request.match_info["table"], await self._checked(request)
        for name in (*REQUIRED[table], *self.required.get(table, ())):
            if not fields.get(name):
                raise Refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", fields=[name])
        if table in PEOPLE:
            self._hold_to_rule(fields, request.headers.get("Sforce-Duplicate-Rule-Header", ""))
        record = self.records.add(table, fields, record_id=self.new_id(table))
        return web.json_response({"id": record.id, "success": True, "errors": []}, status=201)

    async def _update(self, request: web.Request) -> web.Response:
        table, record_id = request.match_info["table"], request.match_info["id"]
        if self.records.get(table, record_id) is None:
            raise Refused("ENTITY_IS_DELETED", "entity is deleted", 404, fields=[])
        fields = await self._checked(request)
        if "TaskSubtype" in fields:
            raise Refused("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: TaskSubtype.")
        self.records.change(table, record_id, fields)
        return web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        """Delete a record; with a person, the tasks that are theirs alone."""
        table, record_id = request.match_info["table"], request.match_info["id"]
        if table not in (*PEOPLE, "Task") or self.records.get(table, record_id) is None:
            raise Refused("ENTITY_IS_DELETED", "entity is deleted", 404, fields=[])
        self.records.remove(table, record_id)
        for task in self.records.all("Task"):
            if task.fields.get("WhoId") == record_id:
                self.records.remove("Task", task.id)
        return web.Response(status=204)

    async def _checked(self, request: web.Request) -> Fields:
        """The fields of a request as they are kept: trimmed, and refused where they cannot be."""
        table, told = request.match_info["table"], await request.json()
        fields: Fields = {}
        for name, value in told.items():
            known = {*WRITABLE[table], *self.required.get(table, ())} - {self.faults.hidden}
            if name not in known:
                raise Refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {table}")
            fields[name] = kept(table, name, value)
        self._check_owner(fields.get("OwnerId"))
        who = fields.get("WhoId")
        if who is not None and (lead := self.records.get("Lead", who)) and lead.fields.get("IsConverted"):
            raise Refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", fields=["WhoId"])
        if who is not None and not self._is_there(who):
            raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=["WhoId"])
        return fields

    def _check_owner(self, owner_id: str | None) -> None:
        """An owner is an active user ("Object Reference: Task")."""
        if owner_id is None:
            return
        user = self.records.get("User", owner_id)
        if user is None:
            raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=["OwnerId"])
        if not user.fields["IsActive"]:
            raise Refused("INACTIVE_OWNER_OR_USER", "owner is inactive", fields=["OwnerId"])

    async def _describe(self, request: web.Request) -> web.Response:
        table = request.match_info["table"]
        return web.json_response(described_fields(table, self.required.get(table, {})))

    def _is_there(self, who: str) -> bool:
        return any(self.records.get(table, who) for table in PEOPLE)

    def _hold_to_rule(self, fields: Fields, header: str) -> None:
        rule = self.faults.duplicate_rule
        if not rule or (rule == "warn" and "allowSave=true" in header):
            return
        ids = {
            table: [record.id for record in self.records.all(table) if is_alike(record.fields, fields)]
            for table in PEOPLE
        }
        if any(ids.values()):
            raise Refused(
                "DUPLICATES_DETECTED",
                "Use one of these records?",
                duplicateResut=duplicates(ids, may_save=rule == "warn"),
            )
