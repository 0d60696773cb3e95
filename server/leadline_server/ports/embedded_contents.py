"""The port to all that the embedded CRM has of an account, whatever CRM the account uses now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from leadline_server.domain.call import Call
from leadline_server.domain.unshown import unshown
from leadline_server.ports.crm import ContactPage


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedCallLog:
    """A call log of the embedded CRM as it stands there.

    Attributes:
        crm_log_id: its id.
        contact_id: its contact; empty: that was deleted.
        owner: the CRM's user that it belongs to, else leadline's.
        call: the call. The number of a party may be an extension.
        follow_up: a column for people.
        rating: a column for people; None: empty.
        update_time: when it was last written.
    """

    crm_log_id: str
    contact_id: str
    owner: str
    call: Call
    follow_up: str
    rating: int | None
    update_time: datetime


class EmbeddedCallLogPage(NamedTuple):
    """Some call logs, and the cursor of the next page; empty on the last."""

    call_logs: Sequence[EmbeddedCallLog]
    next_cursor: str


class EmbeddedContents(Protocol):
    """Reads and removes what the embedded CRM has of an account, in steps. It raises CrmUnavailable."""

    async def contacts(self, account_id: str, cursor: str) -> ContactPage:
        """A page of the contacts, by name. An empty `cursor` is the first page."""
        ...

    async def call_logs(self, account_id: str, cursor: str) -> EmbeddedCallLogPage:
        """A page of the call logs, in a fixed order. An empty `cursor` is the first page."""
        ...

    async def forget(self, account_id: str) -> bool:
        """Remove some contacts and logs; false once nothing is left."""
        ...
