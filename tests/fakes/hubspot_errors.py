"""The errors of HubSpot's documents, and what tests set of its faults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from fakes.base import FakeCrm
from fakes.misbehaviour import Faults


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotFaults(Faults):
    """Switches of the fake HubSpot. A limit of 0 is none.

    Attributes:
        searches_per_second: HubSpot's limit of an account's searches.
        requests_per_10_seconds: its limit of all else.
    """

    searches_per_second: int = 0
    requests_per_10_seconds: int = 0


def error_body(status: int, category: str, message: str, *details: tuple[str, str]) -> web.Response:
    body: dict[str, Any] = {"status": "error", "message": message, "correlationId": "0", "category": category}
    if details:
        body["errors"] = [{"code": code, "message": text, "in": "properties"} for code, text in details]
    return web.json_response(body, status=status)


def too_many(policy: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {"status": "error", "message": f"You have reached your {policy} limit.", "errorType": "RATE_LIMIT"}
    return web.json_response(body | {"policyName": policy, "correlationId": "0"}, status=429, headers=headers)


class HubSpotErrors(FakeCrm):
    """The server of a fake HubSpot, with the errors of its documents."""

    def is_write(self, request: web.Request) -> bool:
        return request.method != "GET" and not request.path.endswith(("/search", "/batch/read", "/token"))

    def is_authorized(self, request: web.Request) -> bool:
        return request.path.endswith("/token") or request.headers.get("Authorization") == f"Bearer {self.token}"

    def unauthorized(self) -> web.Response:
        return error_body(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")

    def exhausted(self) -> web.Response:
        return too_many("DAILY")

    def forbidden(self) -> web.Response:
        return error_body(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call.")

    def not_found(self) -> web.Response:
        return error_body(404, "OBJECT_NOT_FOUND", "resource not found")

    def conflict(self) -> web.Response:
        return error_body(409, "CONFLICT", "Contact already exists.")

    def unprocessable(self, message: str = "That is not valid.") -> web.Response:
        return error_body(400, "VALIDATION_ERROR", f"Property values were not valid: {message}")

    def unavailable(self) -> web.Response:
        return web.Response(status=503, text="<html>upstream connect error</html>", content_type="text/html")

    def internal_error(self) -> web.Response:
        return web.json_response({"status": "error", "message": "internal error", "correlationId": "0"}, status=500)

    def rate_limited(self, retry_after: int) -> web.Response:
        return too_many("SECONDLY", {"Retry-After": str(retry_after)})
