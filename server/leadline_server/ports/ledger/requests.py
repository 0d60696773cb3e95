"""The ledger's answers to `CreateContact` by `request_id`, so that a repeated request gets the same answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leadline_server.domain.contact import Contact


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """The answer to a request: the request's fingerprint (a hash of its fields), and the contact that it made."""

    fingerprint: bytes
    contact: Contact


class Requests(Protocol):
    """The answers of the last 24 hours."""

    async def get(self, account_id: str, request_id: str, now: datetime) -> RecordedAnswer | None:
        """The answer to this request; None if it is unknown or older than 24 hours."""
        ...

    async def remember(self, account_id: str, request_id: str, answer: RecordedAnswer, now: datetime) -> None:
        """Remember a success. This may delete answers that are too old."""
        ...
