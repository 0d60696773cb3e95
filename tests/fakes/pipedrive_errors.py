"""The errors of Pipedrive's documents."""

from aiohttp import web

from fakes.base import FakeCrm
from fakes.pipedrive_fields import (
    error_body,
)


class PipedriveErrors(FakeCrm):
    """The server of a fake Pipedrive, with the errors of its documents."""

    def is_write(self, request: web.Request) -> bool:
        return request.method != "GET" and request.path != "/oauth/token"

    def is_authorized(self, request: web.Request) -> bool:
        bearer = request.headers.get("Authorization") == f"Bearer {self.token}"
        return bearer or request.headers.get("x-api-token") == self.token or request.path == "/oauth/token"

    def unauthorized(self) -> web.Response:
        return error_body(401, "unauthorized access")

    def exhausted(self) -> web.Response:
        answer = error_body(429, "Daily token budget exceeded")
        answer.headers["x-daily-ratelimit-token-remaining"] = "0"
        return answer

    def forbidden(self) -> web.Response:
        return error_body(403, "Scope and URL mismatch")

    def not_found(self) -> web.Response:
        return error_body(404, "Not found")

    def conflict(self) -> web.Response:
        return error_body(409, "Conflict")

    def unprocessable(self, message: str = "That is not valid.") -> web.Response:
        return error_body(400, f"Validation failed: {message}")

    def unavailable(self) -> web.Response:
        return web.Response(status=503, text="<html>503</html>", content_type="text/html")

    def internal_error(self) -> web.Response:
        return error_body(500, "Internal error")

    def rate_limited(self, retry_after: int) -> web.Response:
        answer = error_body(429, "Rate limit exceeded")
        answer.headers.update({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(retry_after)})
        return answer
