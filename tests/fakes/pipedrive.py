"""A fake Pipedrive: persons, organizations, activities and searches of its API v2, and OAuth tokens."""

import html
import re
import time
from base64 import b64encode
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import phonenumbers
from aiohttp import web

from fakes.base import FakeCrm, Handler
from fakes.misbehaviour import Faults
from fakes.records import NoSuchRecord, Record
from fakes.written import WrittenContact, WrittenLog

REFRESH_TOKEN: Final = "good-refresh-token"
CLIENT: Final = ("app", "secret")
PERSONS: Final = "persons"
ORGANIZATIONS: Final = "organizations"
ACTIVITIES: Final = "activities"
USERS: Final = "users"

_FIELDS: Final[Mapping[str, Mapping[str, type]]] = {
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

_WRITTEN_SO: Final = {"due_date": r"\d{4}-\d\d-\d\d", "due_time": r"\d\d:\d\d", "duration": r"\d\d:\d\d"}
_LONGEST_NOTE: Final = 100_000
_SEARCHED: Final = frozenset({"term", "fields", "exact_match", "organization_id", "include_fields", "limit", "cursor"})
_PAGES: Final = ("filter_id", "ids", "owner_id", "updated_since", "updated_until", "limit", "cursor")
_SORTED: Final = ("sort_by", "sort_direction", "include_fields", "custom_fields")
_LISTED: Final[Mapping[str, frozenset[str]]] = {
    PERSONS: frozenset({*_PAGES, *_SORTED, "org_id", "deal_id"}),
    ORGANIZATIONS: frozenset({*_PAGES, *_SORTED}),
    ACTIVITIES: frozenset(
        {*_PAGES, "sort_by", "sort_direction", "include_fields", "deal_id", "lead_id", "person_id", "org_id", "done"}
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


_INCLUDED: Final = frozenset(
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


class FakePipedrive(FakeCrm):
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

    def is_write(self, request: web.Request) -> bool:
        return request.method != "GET" and request.path != "/oauth/token"

    def is_authorized(self, request: web.Request) -> bool:
        bearer = request.headers.get("Authorization") == f"Bearer {self.token}"
        return bearer or request.headers.get("x-api-token") == self.token or request.path == "/oauth/token"

    def unauthorized(self) -> web.Response:
        return _error(401, "unauthorized access")

    def cost(self, request: web.Request, body: str) -> int:
        """Tokens ("Rate limiting"): v1 costs twice as many."""
        del body
        if request.path == "/oauth/token":
            return 0
        whole = 20 if request.path.endswith("/search") else 10
        single = {"GET": 1, "DELETE": 3}.get(request.method, 5)
        is_single = "id" in request.match_info or request.method != "GET"
        return (single if is_single else whole) * (1 if request.path.startswith("/api/v2/") else 2)

    def exhausted(self) -> web.Response:
        answer = _error(429, "Daily token budget exceeded")
        answer.headers["x-daily-ratelimit-token-remaining"] = "0"
        return answer

    def forbidden(self) -> web.Response:
        return _error(403, "Scope and URL mismatch")

    def not_found(self) -> web.Response:
        return _error(404, "Not found")

    def conflict(self) -> web.Response:
        return _error(409, "Conflict")

    def unprocessable(self, message: str = "That is not valid.") -> web.Response:
        return _error(400, f"Validation failed: {message}")

    def unavailable(self) -> web.Response:
        return web.Response(status=503, text="<html>503</html>", content_type="text/html")

    def internal_error(self) -> web.Response:
        return _error(500, "Internal error")

    def rate_limited(self, retry_after: int) -> web.Response:
        answer = _error(429, "Rate limit exceeded")
        answer.headers.update({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(retry_after)})
        return answer

    def described(self, table: str, record: Record) -> WrittenContact | WrittenLog | None:
        fields = record.fields
        if table == PERSONS:
            return WrittenContact(record.id, tuple(_e164(each["value"]) for each in fields.get("phones", [])))
        if table == ACTIVITIES:
            found = re.search(r"leadline key: ([^<\n]*)", fields["note"])
            return WrittenLog(record.id, html.unescape(found[1]) if found else "", _main(fields), fields["subject"])
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
        if words := _unknown_words(request):
            return self.unprocessable(words)
        term, is_exact = query["term"].casefold(), query.get("exact_match") == "true"
        if len(term) < (1 if is_exact else 2) or int(query.get("limit", "100")) > 100:
            return self.unprocessable("term or limit")
        found = [
            record
            for record in self.records.all(table)
            if self.is_indexed(record)
            and any(_is_hit(text, term, is_exact) for text in _texts(record, query["fields"]))
        ]
        items = [{"result_score": 0.5, "item": {"id": int(each.id), "name": each.fields["name"]}} for each in found]
        page, more = _paged(items, query)
        return web.json_response({"success": True, "data": {"items": page}, "additional_data": more})

    async def _list(self, request: web.Request) -> web.Response:
        query, table = request.query, request.match_info["table"]
        if words := _unknown_words(request):
            return self.unprocessable(words)
        records = self.records.all(table)
        if ids := query.get("ids"):
            wanted = ids.split(",")
            if len(wanted) > 100:
                return self.unprocessable("ids")
            records = [record for record in records if record.id in wanted]
        if person := query.get("person_id"):
            records = [each for each in records if _main(each.fields) == person]
        if since := query.get("updated_since"):
            moment = datetime.fromisoformat(since).timestamp()
            records = [record for record in records if record.changed >= moment]
        if query.get("sort_by") == "add_time":
            records.sort(key=lambda record: record.created, reverse=query.get("sort_direction") == "desc")
        page, more = _paged([_body(record) for record in records], query)
        return web.json_response({"success": True, "data": page, "additional_data": more})

    async def _create(self, request: web.Request) -> web.Response:
        table, body = request.match_info["table"], await request.json()
        if problem := self._problem(table, body):
            return self.unprocessable(problem)
        if table != ACTIVITIES and not body.get("name"):
            return self.unprocessable("name is required")
        if missing := self.lacking(table, {**body, **body.get("custom_fields", {})}):
            return self.unprocessable(f"{missing} is required")
        return web.json_response({"success": True, "data": _body(self.records.add(table, body))}, status=201)

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
        page, more = _paged(fields, request.query)
        return web.json_response({"success": True, "data": page, "additional_data": more})

    async def _read(self, request: web.Request) -> web.Response:
        record = self.records.require(request.match_info["table"], request.match_info["id"])
        counts = dict.fromkeys(filter(None, request.query.get("include_fields", "").split(",")), 0)
        if not counts.keys() <= _INCLUDED:
            return self.unprocessable("include_fields")
        return web.json_response({"success": True, "data": counts | _body(record)})

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
        return web.json_response({"success": True, "data": _body(self.records.change(ACTIVITIES, record_id, body))})

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
            kind = _FIELDS[table].get(name)
            if kind is None or not isinstance(value, kind):
                return f"{name} {value}"
            if name in _WRITTEN_SO and not re.fullmatch(_WRITTEN_SO[name], str(value)):
                return f"{name} {value}"
        if len(body.get("note", "")) > _LONGEST_NOTE:
            return "note"
        if body.get("type", "call") != "call":
            return "type"
        if problem := self._unknown(body):
            return problem
        people = [str(each["person_id"]) for each in body.get("participants", [])]
        return "" if all(self.records.get(PERSONS, each) for each in people) else f"no person {people}"


def _unknown_words(request: web.Request) -> str:
    """The parameters that version 2 does not know for a list or a search, with words: its validation is strict."""
    known = _SEARCHED if request.path.endswith("/search") else _LISTED[request.match_info["table"]]
    return ", ".join(sorted(request.query.keys() - known))


def _paged(items: Sequence[Any], query: Mapping[str, str]) -> tuple[Sequence[Any], dict[str, Any]]:
    start, limit = int(query.get("cursor", "0")), int(query.get("limit", "100"))
    return items[start : start + limit], {"next_cursor": str(start + limit) if start + limit < len(items) else None}


def _is_hit(text: str, term: str, is_exact: bool) -> bool:  # noqa: FBT001 - as the query has it
    return text.casefold() == term if is_exact else term in text.casefold()


def _texts(record: Record, fields: str) -> list[str]:
    if fields == "name":
        return [record.fields["name"]]
    assert fields == "phone", fields
    return [each["value"] for each in record.fields.get("phones", [])]


def _main(fields: Mapping[str, Any]) -> str:
    """The person that an activity is of first of all."""
    return next((str(each["person_id"]) for each in fields["participants"] if each["primary"]), "")


def _body(record: Record) -> dict[str, Any]:
    times = {"add_time": _time(record.created), "update_time": _time(record.changed)}
    return {"id": int(record.id), "is_deleted": False, **record.fields, **times}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _error(status: int, message: str) -> web.Response:
    body = {"success": False, "error": message, "error_info": "Please check developers.pipedrive.com", "code": "ERR"}
    return web.json_response(body, status=status)


def _e164(text: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(text, "US"), phonenumbers.PhoneNumberFormat.E164)


__all__ = ["ACTIVITIES", "CLIENT", "PERSONS", "REFRESH_TOKEN", "FakePipedrive", "NoSuchRecord", "PipedriveFaults"]
