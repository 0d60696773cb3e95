"""The errors of Zoho's documents, and what tests set of its faults."""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from fakes.base import FakeCrm
from fakes.misbehaviour import Faults
from fakes.records import Fields
from fakes.zoho_values import (
    KEY_FIELD,
)

API: Final = "/crm/v8"
TOKENS: Final = "/oauth/v2/token"
USERS: Final = "users"

PEOPLE: Final = {"Contacts": "contact", "Leads": "lead"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ZohoFaults(Faults):
    """Switches of the fake CRM.

    Attributes:
        unique: a field whose values are in one record of its module alone.
        error_status: the status of an answer whose only record is refused.
        hidden: a field that leadline's user does not see.
        most_rows: records of one answer.
        most_at_once: requests that may be under way at once.
        changes_calls: whether the type of a call can be changed, against Zoho's documents.
    """

    unique: str = ""
    error_status: int = 202
    hidden: str = ""
    most_rows: int = 2_000
    most_at_once: int = 1_000
    changes_calls: bool = False


def whose(call: Fields) -> str:
    """The id in leadline of a call's contact, from the field for leads or from the one for contacts."""
    if call.get("What_Id") and call.get("$se_module") == "Leads":
        return own_id("Leads", call["What_Id"]["id"])
    return own_id("Contacts", call["Who_Id"]["id"])


def own_id(module: str, record_id: str) -> str:
    return f"{PEOPLE[module]}:{record_id}"


def key_of(call: Fields) -> str:
    if call.get(KEY_FIELD):
        return str(call[KEY_FIELD])
    found = re.search(r"^Call id: (.*)$", call["Description"], re.MULTILINE)
    return f"demo/{found[1]}" if found else ""


def error_body(status: int, code: str, message: str) -> web.Response:
    body = {"code": code, "details": {}, "message": message, "status": "error"}
    return web.json_response(body, status=status)


class ZohoErrors(FakeCrm):
    """The server of a fake Zoho, with the errors of its documents."""

    def is_write(self, request: web.Request) -> bool:
        return request.method != "GET" and request.path not in (TOKENS, f"{API}/coql")

    def is_authorized(self, request: web.Request) -> bool:
        return request.path == TOKENS or request.headers.get("Authorization") == f"Zoho-oauthtoken {self.token}"

    def unauthorized(self) -> web.Response:
        return error_body(401, "INVALID_TOKEN", "invalid oauth token")

    def rate_limited(self, retry_after: int) -> web.Response:
        answer = error_body(429, "TOO_MANY_REQUESTS", "too many requests fired concurrently")
        answer.headers["Retry-After"] = str(retry_after)
        return answer

    def internal_error(self) -> web.Response:
        return error_body(500, "INTERNAL_ERROR", "Internal Server Error")

    def unavailable(self) -> web.Response:
        return error_body(503, "SERVICE_UNAVAILABLE", "Try again later")

    def cost(self, request: web.Request, body: str) -> int:
        """Credits ("API Limits", "Query API"): one a request, and more for COQL with a LIMIT above 200."""
        if request.path == TOKENS:
            return 0
        limit = re.search(r"LIMIT (\d+)", body) if request.path == f"{API}/coql" else None
        return 1 if limit is None or int(limit[1]) <= 200 else 2 if int(limit[1]) <= 1_000 else 3

    def exhausted(self) -> web.Response:
        return error_body(429, "API_LIMIT_EXCEEDED", "the credits of the last 24 hours are used up")

    def forbidden(self) -> web.Response:
        return error_body(403, "NO_PERMISSION", "permission denied")

    def not_found(self) -> web.Response:
        return error_body(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")

    def conflict(self) -> web.Response:
        problem = {"code": "DUPLICATE_DATA", "details": {}, "message": "duplicate data", "status": "error"}
        return web.json_response({"data": [problem]}, status=400)

    def unprocessable(self, message: str = "That is not valid.") -> web.Response:
        return error_body(400, "INVALID_DATA", message)
