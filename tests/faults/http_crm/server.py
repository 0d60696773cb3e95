"""The faulty CRM: a fake with a plain HTTP API of its own, for the proofs by breaking things."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from fakes.base import FakeCrm
from fakes.misbehaviour import Faults
from fakes.records import Fields, NoSuchRecord, Record
from fakes.written import WrittenContact, WrittenLog

_CONTACTS = "contacts"
_LOGS = "logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultyCrmFaults(Faults):
    """The faults of this CRM that can be switched on.

    Attributes:
        unique_keys: a second write with one key makes nothing new.
        finds_logs: logs can be asked for by their key.
    """

    unique_keys: bool = False
    finds_logs: bool = True


class FaultyCrm(FakeCrm):
    """The API that `faults.http_crm.adapter` speaks to. Nothing is unique in it but what a switch makes so."""

    faults_type = FaultyCrmFaults

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.records.index(_CONTACTS, "number", lambda contact: [_main(contact["number"])])
        for table in (_CONTACTS, _LOGS):
            self.records.index(table, "key", lambda record: [record["key"]])

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/check", self._check),
            web.get("/contacts", self._find_contacts),
            web.get("/contacts/search", self._search),
            web.get("/contacts/{id}", self._read_contact),
            web.post("/contacts", self._add_contact),
            web.get("/logs", self._find_log),
            web.get("/logs/{id}", self._read_log),
            web.post("/logs", self._add_log),
            web.patch("/logs/{id}", self._change_log),
        ]

    def is_write(self, request: web.Request) -> bool:
        return request.method != "GET"

    def is_authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    def unauthorized(self) -> web.Response:
        return web.json_response({"error": "The token has expired."}, status=401)

    def rate_limited(self, retry_after: int) -> web.Response:
        headers = {"Retry-After": str(retry_after)}
        return web.json_response({"error": "Too many requests."}, status=429, headers=headers)

    def internal_error(self) -> web.Response:
        return web.json_response({"error": "Something went wrong."}, status=500)

    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        fields = record.fields
        if table == _CONTACTS:
            return WrittenContact(record.id, (fields["number"],))
        return WrittenLog(record.id, fields["call_id"], fields["contact_id"], fields["subject"])

    async def _check(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def _find_contacts(self, request: web.Request) -> web.Response:
        found = {
            record.id: record
            for number in request.query.getall("number")
            for record in self.records.find(_CONTACTS, "number", _main(number))
            if self.is_indexed(record)
        }
        return web.json_response({"contacts": _bodies(list(found.values()))})

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query
        start, limit, name = int(query["cursor"] or 0), int(query["limit"]), query["name"].casefold()
        hits = [record for record in self.records.all(_CONTACTS) if name in record.fields["name"].casefold()]
        hits.sort(key=lambda record: (record.fields["name"], record.id))
        end = start + limit
        following = str(end) if end < len(hits) else ""
        return web.json_response({"contacts": _bodies(hits[start:end]), "next": following})

    async def _read_contact(self, request: web.Request) -> web.Response:
        return web.json_response(_body(self.records.require(_CONTACTS, request.match_info["id"])))

    async def _add_contact(self, request: web.Request) -> web.Response:
        return self._add(_CONTACTS, "person", await request.json())

    async def _find_log(self, request: web.Request) -> web.Response:
        if not self.faults.finds_logs:
            return web.json_response({"error": "Logs cannot be searched."}, status=400)
        found = self.records.find(_LOGS, "key", request.query["key"])
        return web.json_response(_body(found[0])) if found else self.not_found()

    async def _read_log(self, request: web.Request) -> web.Response:
        return web.json_response(_body(self.records.require(_LOGS, request.match_info["id"])))

    async def _add_log(self, request: web.Request) -> web.Response:
        body = await request.json()
        return self._missing(body) or self._add(_LOGS, "log", body)

    async def _change_log(self, request: web.Request) -> web.Response:
        body = await request.json()
        if "contact_id" in body and (refusal := self._missing(body)):
            return refusal
        try:
            return web.json_response(_body(self.records.change(_LOGS, request.match_info["id"], body)))
        except NoSuchRecord as error:
            return web.json_response({"error": str(error)}, status=422)

    def _add(self, table: str, word: str, body: Fields) -> web.Response:
        """Add a record; where keys are unique, the one that was added with the same key before."""
        if self.faults.unique_keys and (existing := self.records.find(table, "key", body["key"])):
            return web.json_response(_body(existing[0]), status=201)
        record_id = f"{word}-{self.records.next_id():06}"
        return web.json_response(_body(self.records.add(table, body, record_id=record_id)), status=201)

    def _missing(self, log: Fields) -> web.Response | None:
        """The refusal of a log whose contact is not there."""
        if self.records.get(_CONTACTS, log["contact_id"]):
            return None
        return web.json_response({"error": f"There is no contact {log['contact_id']!r}."}, status=422)


def _bodies(records: Sequence[Record]) -> list[Fields]:
    return [_body(record) for record in records]


def _body(record: Record) -> Fields:
    return record.fields | {"id": record.id}


def _main(number: str) -> str:
    return number.partition(";")[0]
