"""The errors of BottleCRM, by its source."""

from aiohttp import web

from fakes.base import FakeCrm
from fakes.records import Fields


def refused_body(errors: Fields) -> web.Response:
    return web.json_response({"error": True, "errors": errors}, status=400)


class BottleCrmErrors(FakeCrm):
    """The server of a fake BottleCRM, with the errors of its source."""

    def is_write(self, request: web.Request) -> bool:
        return request.method != "GET" and not request.path.endswith("/duplicates/")

    def is_authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {self.token}"

    def unauthorized(self) -> web.Response:
        return web.json_response({"detail": "Invalid token"}, status=401)

    def rate_limited(self, retry_after: int) -> web.Response:
        words = f"Request was throttled. Expected available in {retry_after} seconds."
        return web.json_response({"detail": words}, status=429, headers={"Retry-After": str(retry_after)})

    def internal_error(self) -> web.Response:
        return web.Response(status=500, text="<h1>Server Error (500)</h1>", content_type="text/html")

    def forbidden(self) -> web.Response:
        return web.json_response({"detail": "This token is not scoped for write access to contacts."}, status=403)

    def not_found(self) -> web.Response:
        return web.json_response({"detail": "No Contact matches the given query."}, status=404)

    def unprocessable(self, message: str = "This is not valid.") -> web.Response:
        return refused_body({"phone": [message]})
