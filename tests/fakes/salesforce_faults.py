"""The faults of Salesforce that tests set, and its errors."""

from dataclasses import dataclass
from typing import Final, Literal

from aiohttp import web

from fakes.base import FakeCrm
from fakes.misbehaviour import Faults
from fakes.salesforce_values import (
    errors,
)

TOKENS: Final = "/services/oauth2/token"

PAGE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceFaults(Faults):
    """Switches of the fake CRM.

    Attributes:
        age: seconds that all records seem not to have been changed for.
        duplicate_rule: what happens to a record with a last name or phone that is there already.
        used: of `limit` API requests a day.
        limit: how many there are.
        page: records of one page of a query.
        hidden: a field that leadline's user does not see.
        next_url: where the next page is said to be; empty: where it is.
    """

    age: float = 0.0
    duplicate_rule: Literal["", "warn", "block"] = ""
    used: int = 18
    limit: int = 15_000
    page: int = PAGE
    hidden: str = ""
    next_url: str = ""


class SalesforceErrors(FakeCrm):
    """The server of a fake Salesforce, with the errors of its documents."""

    def is_write(self, request: web.Request) -> bool:
        return request.method != "GET" and request.path != TOKENS

    def is_authorized(self, request: web.Request) -> bool:
        return request.path == TOKENS or request.headers.get("Authorization") == f"Bearer {self.token}"

    def unauthorized(self) -> web.Response:
        return errors(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def rate_limited(self, retry_after: int) -> web.Response:
        answer = errors(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        answer.headers["Retry-After"] = str(retry_after)  # undocumented; without it the adapter picks a time itself
        return answer

    def internal_error(self) -> web.Response:
        return errors(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 7-7")

    def unavailable(self) -> web.Response:
        return errors(503, "SERVER_UNAVAILABLE", "The server is too busy. Try again.")

    def cost(self, request: web.Request, body: str) -> int:
        """API requests of the day; those for tokens are not counted."""
        del body
        return 0 if request.path == TOKENS else 1

    def exhausted(self) -> web.Response:
        return errors(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def forbidden(self) -> web.Response:
        return errors(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")

    def not_found(self) -> web.Response:
        return errors(404, "NOT_FOUND", "The requested resource does not exist")

    def conflict(self) -> web.Response:
        return errors(400, "DUPLICATE_VALUE", "duplicate value found: <unknown> duplicates value on record")

    def unprocessable(self, message: str = "That is not valid.") -> web.Response:
        return errors(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", message, fields=[])
