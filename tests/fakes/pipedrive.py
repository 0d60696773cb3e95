"""A fake Pipedrive: persons, organizations, activities and searches of its API v2, and OAuth tokens."""

import html
import re
import time
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from fakes.base import Handler
from fakes.pipedrive_errors import PipedriveErrors
from fakes.pipedrive_fields import (
    ACTIVITIES,
    FIELDS,
    INCLUDED,
    ORGANIZATIONS,
    PERSONS,
    USERS,
    WRITTEN_SO,
    PipedriveFaults,
    e164_of,
    is_hit,
    main_value,
    paged,
    success_body,
    texts_of,
    unknown_words,
)
from fakes.records import NoSuchRecord, Record
from fakes.written import WrittenContact, WrittenLog

REFRESH_TOKEN: Final = "good-refresh-token"
CLIENT: Final = ("app", "secret")
_LONGEST_NOTE: Final = 100_000


class FakePipedrive(PipedriveErrors):
    """See FakeCrm. A deleted record is shown only in Pipedrive's list of deleted items."""

    faults_type = PipedriveFaults

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self._asked = deque[float]()
        self._searched = deque[float]()

    def routes(self) -> list[web.RouteDef]:
        searched, all_ = "/{table:persons|organizations}", "/{table:persons|organizations|activities}"
        return [
            web.post("/oauth/token", self._grant),
            web.get("/api/v1/users", self._list_users),
            web.get(f"/api/v2{searched}/search", self._search),
            web.get("/api/v2/personFields", self._person_fields),
            web.get(f"/api/v2{all_}", self._list),
            web.post(f"/api/v2{all_}", self._create),
            web.get(f"/api/v2{all_}/{{id}}", self._read),
            web.patch("/api/v2/{table:activities}/{id}", self._change),
            web.delete("/api/v2/{table:persons|activities}/{id}", self._delete),
            web.get("/v1/persons/{id}/changelog", self._changelog),
        ]

    def cost(self, request: web.Request, body: str) -> int:
        """Tokens ("Rate limiting"): v1 costs twice as many."""
        del body
        if request.path == "/oauth/token":
            return 0
        whole = 20 if request.path.endswith("/search") else 10
        single = {"GET": 1, "DELETE": 3}.get(request.method, 5)
        is_single = "id" in request.match_info or request.method != "GET"
        return (single if is_single else whole) * (1 if request.path.startswith("/api/v2/") else 2)

    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        fields = record.fields
        if table == PERSONS:
            return WrittenContact(record.id, tuple(e164_of(each["value"]) for each in fields.get("phones", [])))
        if table == ACTIVITIES:
            found = re.search(r"leadline key: ([^<\n]*)", fields["note"])
            return WrittenLog(
                record.id, html.unescape(found[1]) if found else "", main_value(fields), fields["subject"]
            )
        return None

    def control_routes(self) -> list[web.RouteDef]:
        """`POST /people` adds the persons that a list describes; answers with their ids.

        `POST /users` adds users: `[["Jane Roe", "jane@example.com", true]]`; answers with their ids.
        """

        async def add(request: web.Request) -> web.Response:
            return web.json_response([self.add_person(fields) for fields in await request.json()])

        async def hire(request: web.Request) -> web.Response:
            told = await request.json()
            return web.json_response([self.add_user(*names, is_active=active) for *names, active in told])

        return [web.post("/people", add), web.post("/users", hire)]

    def add_person(self, fields: Mapping[str, Any]) -> str:
        """As people do it: a person's id."""
        return self.records.add(PERSONS, fields, by_people=True).id

    def add_user(self, name: str, email: str, *, is_active: bool) -> str:
        """As an administrator does it: a new user's id."""
        fields = {"name": name, "email": email, "active_flag": is_active, "is_admin": 0}
        return self.records.add(USERS, fields, by_people=True).id

    async def _list_users(self, request: web.Request) -> web.Response:
        """Every user at once ("Users", API v1)."""
        if request.query:
            return self.unprocessable("this list has no parameters")
        users = [{"id": int(each.id), **each.fields} for each in self.records.all(USERS)]
        return web.json_response({"success": True, "data": users, "additional_data": {"pagination": {}}})

    def merge(self, kept_id: str, gone_id: str) -> None:
        """As people do it: activities go to the person that is kept."""
        self.records.remove(PERSONS, gone_id, by_people=True)
        for activity in self.records.all(ACTIVITIES):
            people = activity.fields["participants"]
            moved = [
                each | {"person_id": int(kept_id)} if each["person_id"] == int(gone_id) else each for each in people
            ]
            self.records.change(ACTIVITIES, activity.id, {"participants": moved}, by_people=True)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        now, is_search = time.monotonic(), request.path.endswith("/search")
        windows = [(self._asked, self.faults.requests_per_2_seconds)]
        windows += [(self._searched, self.faults.searches_per_2_seconds)] if is_search else []
        for asked, allowed in windows:
            while asked and asked[0] <= now - 2:
                asked.popleft()
            if allowed and len(asked) >= allowed:
                return self.rate_limited(2)
            asked.append(now)
        answer = await super()._answer(request, handler)
        answer.headers["x-daily-ratelimit-token-remaining"] = "29000"
        return answer

    async def _grant(self, request: web.Request) -> web.Response:
        form, basic = await request.post(), b64encode(":".join(CLIENT).encode()).decode()
        if request.headers.get("Authorization") != f"Basic {basic}" or form.get("refresh_token") != REFRESH_TOKEN:
            return web.json_response({"success": False, "error": "invalid_grant"}, status=400)
        granted = {"access_token": self.token, "refresh_token": REFRESH_TOKEN, "token_type": "Bearer"}
        return web.json_response(granted | {"expires_in": 3599, "api_domain": "https://company.pipedrive.com"})

    async def _search(self, request: web.Request) -> web.Response:
        query, table = request.query, request.match_info["table"]
        if words := unknown_words(request):
            return self.unprocessable(words)
        term, is_exact = query["term"].casefold(), query.get("exact_match") == "true"
        if len(term) < (1 if is_exact else 2) or int(query.get("limit", "100")) > 100:
            return self.unprocessable("term or limit")
        found = [
            record
            for record in self.records.all(table)
            if self.is_indexed(record)
            and any(is_hit(text, term, is_exact) for text in texts_of(record, query["fields"]))
        ]
        items = [{"result_score": 0.5, "item": {"id": int(each.id), "name": each.fields["name"]}} for each in found]
        page, more = paged(items, query)
        return web.json_response({"success": True, "data": {"items": page}, "additional_data": more})

    async def _list(self, request: web.Request) -> web.Response:
        query, table = request.query, request.match_info["table"]
        if words := unknown_words(request):
            return self.unprocessable(words)
        records = self.records.all(table)
        if ids := query.get("ids"):
            wanted = ids.split(",")
            if len(wanted) > 100:
                return self.unprocessable("ids")
            records = [record for record in records if record.id in wanted]
        if person := query.get("person_id"):
            records = [each for each in records if main_value(each.fields) == person]
        if since := query.get("updated_since"):
            moment = datetime.fromisoformat(since).timestamp()
            records = [record for record in records if record.changed >= moment]
        if query.get("sort_by") == "add_time":
            records.sort(key=lambda record: record.created, reverse=query.get("sort_direction") == "desc")
        page, more = paged([success_body(record) for record in records], query)
        return web.json_response({"success": True, "data": page, "additional_data": more})

    async def _create(self, request: web.Request) -> web.Response:
        table, body = request.match_info["table"], await request.json()
        if problem := self._problem(table, body):
            return self.unprocessable(problem)
        if table != ACTIVITIES and not body.get("name"):
            return self.unprocessable("name is required")
        if missing := self.lacking(table, {**body, **body.get("custom_fields", {})}):
            return self.unprocessable(f"{missing} is required")
        return web.json_response({"success": True, "data": success_body(self.records.add(table, body))}, status=201)

    async def _person_fields(self, request: web.Request) -> web.Response:
        is_told = "required_fields" in request.query.get("include_fields", "").split(",")
        labels = {"name": "Name", "phones": "Phone", "emails": "Email", **self.required.get(PERSONS, {})}
        fields = [
            {
                "field_code": name,
                "field_name": label,
                **({"required_fields": {"enabled": name in self.required.get(PERSONS, {})}} if is_told else {}),
            }
            for name, label in labels.items()
        ]
        page, more = paged(fields, request.query)
        return web.json_response({"success": True, "data": page, "additional_data": more})

    async def _read(self, request: web.Request) -> web.Response:
        record = self.records.require(request.match_info["table"], request.match_info["id"])
        counts = dict.fromkeys(filter(None, request.query.get("include_fields", "").split(",")), 0)
        if not counts.keys() <= INCLUDED:
            return self.unprocessable("include_fields")
        return web.json_response({"success": True, "data": counts | success_body(record)})

    async def _delete(self, request: web.Request) -> web.Response:
        record = self.records.require(request.match_info["table"], request.match_info["id"])
        self.records.remove(request.match_info["table"], record.id)
        return web.json_response({"success": True, "data": {"id": int(record.id)}})

    async def _changelog(self, request: web.Request) -> web.Response:
        """The changes of a person's fields. The values that it began with have no old value."""
        record = self.records.require(PERSONS, request.match_info["id"])
        entries, before = list[dict[str, Any]](), dict[str, Any]()
        for change in self.records.changes:
            if (change.table, change.record.id) != (PERSONS, record.id):
                continue
            for name, value in change.record.fields.items():
                if before.get(name) != value:
                    entries.insert(0, {"field_key": name, "old_value": before.get(name), "new_value": value})
            before = change.record.fields
        return web.json_response({"success": True, "data": entries, "additional_data": {"next_cursor": None}})

    async def _change(self, request: web.Request) -> web.Response:
        body, record_id = await request.json(), request.match_info["id"]
        self.records.require(ACTIVITIES, record_id)
        if problem := self._problem(ACTIVITIES, body):
            return self.unprocessable(problem)
        return web.json_response(
            {"success": True, "data": success_body(self.records.change(ACTIVITIES, record_id, body))}
        )

    def _unknown(self, body: Mapping[str, Any]) -> str:
        """A value that refers to nothing: a user, an organization, a custom field."""
        owner, organization = body.get("owner_id"), body.get("org_id")
        if owner is not None and self.records.get(USERS, str(owner)) is None:
            return f"no user {owner}"
        if organization is not None and self.records.get(ORGANIZATIONS, str(organization)) is None:
            return f"no organization {organization}"
        names = [name for name in body.get("custom_fields", {}) if not re.fullmatch(r"[0-9a-f]{40}", name)]
        return f"no custom field {names[0]}" if names else ""

    def _problem(self, table: str, body: Mapping[str, Any]) -> str:
        """The problem of a client's values. It repeats them, as vendors do."""
        for name, value in body.items():
            kind = FIELDS[table].get(name)
            if kind is None or not isinstance(value, kind):
                return f"{name} {value}"
            if name in WRITTEN_SO and not re.fullmatch(WRITTEN_SO[name], str(value)):
                return f"{name} {value}"
        if len(body.get("note", "")) > _LONGEST_NOTE:
            return "note"
        if body.get("type", "call") != "call":
            return "type"
        if problem := self._unknown(body):
            return problem
        people = [str(each["person_id"]) for each in body.get("participants", [])]
        return "" if all(self.records.get(PERSONS, each) for each in people) else f"no person {people}"


__all__ = ["ACTIVITIES", "CLIENT", "PERSONS", "REFRESH_TOKEN", "FakePipedrive", "NoSuchRecord", "PipedriveFaults"]
