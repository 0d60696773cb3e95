"""The parts of the service that have a traced form, which costs time. The plain ones know nothing of traces."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from leadline_server.clock import Clock
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.delivery.attempt import DecisionLoader
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.ledger import Claims
from leadline_server.storage.sqlite import SqliteDatabase


@dataclass(frozen=True, slots=True)
class Parts:
    """How parts are made.

    Attributes:
        lookup, decisions, database: make a ContactLookup, a DecisionLoader and a SqliteDatabase.
        crm: wraps a CRM's adapter. Takes the adapter and its name.
        postgres: makes a PostgresDatabase; None: the plain one, which is imported only where a ledger is in it.
    """

    lookup: Callable[[Claims, Clock], ContactLookup]
    decisions: Callable[[ContactLookup, Clock], DecisionLoader]
    database: Callable[..., SqliteDatabase]
    crm: Callable[[CrmAdapter, str], CrmAdapter]
    postgres: Callable[..., Any] | None = None


def _plain(adapter: CrmAdapter, _: Any) -> CrmAdapter:
    return adapter


PLAIN: Final = Parts(ContactLookup, DecisionLoader, SqliteDatabase, _plain)
