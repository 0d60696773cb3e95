"""Reads Salesforce's records. An answer is complete, or an error."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from leadline_server.crm.salesforce.soql import quoted
from leadline_server.crm.salesforce.wire import (
    QUERY_PAGE,
    SEARCH_ANSWER,
    LoggedTask,
    QueryPage,
    SalesforceKind,
    SalesforceNames,
    contact_of,
    user_of,
)
from leadline_server.crm.toolkit import HttpClient
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmTooMuch, CrmUnavailable
from leadline_server.domain.directory import CrmUser

_MOST_FOUND: Final = 1_000  # of one kind: Salesforce's search returns 2,000 of all kinds, and drops the rest
_MOST_PAGES: Final = 10  # of up to 2,000 records each


class SalesforceRecords:
    """Reads records as contacts.

    Args:
        client: sends requests to `instance_url/services/data/VERSION`.
        instance_url: where the addresses of further pages begin.
        kinds: the kinds of records that are contacts, the default first.
        names: the names that the settings give.
    """

    def __init__(
        self, client: HttpClient, instance_url: str, kinds: Sequence[SalesforceKind], names: SalesforceNames
    ) -> None:
        self._client = client
        self._instance_url = instance_url
        self.kinds = tuple(kinds)
        self._names = names

    async def rows(self, query: str, *, with_deleted: bool = False) -> list[dict[str, Any]]:
        """All rows that a query in SOQL finds, of all pages. Raises CrmTooMuch if there are too many."""
        page = await self._page("/queryAll" if with_deleted else "/query", {"q": query})
        rows, pages = page.records, 1
        while not page.done:
            if pages == _MOST_PAGES or not page.next_records_url.startswith("/"):
                raise CrmTooMuch("Salesforce has more records than leadline reads.")
            page = await self._page(self._instance_url + page.next_records_url, {})
            rows, pages = rows + page.records, pages + 1
        return rows

    async def contacts(self, kind: SalesforceKind, condition: str, ending: str = "") -> list[Contact]:
        """The contacts of a kind that match a condition in SOQL."""
        conditions = " AND ".join(f"({part})" for part in (condition, kind.condition) if part)
        query = f"SELECT {kind.columns} FROM {kind.object} WHERE {conditions}{ending}"  # noqa: S608 - quoted by soql
        return [self.contact(row, kind) for row in await self.rows(query)]

    async def first(self, kind: SalesforceKind, condition: str, most: int) -> list[Contact]:
        """As `contacts`. Raises CrmTooMuch with the first `most` if there are so many."""
        contacts = await self.contacts(kind, condition, f" LIMIT {most}")
        if len(contacts) >= most:
            raise CrmTooMuch("Salesforce has more records for a number than leadline reads.", read=contacts)
        return contacts

    async def search(self, words: str, most: int) -> list[Contact]:
        """The contacts of every kind that have one of the words or phrases in a field for numbers, `most` of each."""
        limit = min(most, _MOST_FOUND)
        returning = ", ".join(f"{kind.object}({_returned(kind, limit)})" for kind in self.kinds)
        query = f"FIND {{{words}}} IN PHONE FIELDS RETURNING {returning}"
        answer = await self._client.ask("GET", "/search", params={"q": query})
        found = answer.decode(SEARCH_ANSWER).search_records
        contacts = [self._found(record) for record in found]
        if any(sum(contact.type == kind.type for contact in contacts) >= limit for kind in self.kinds):
            raise CrmTooMuch("More contacts have the number than Salesforce's search shows.", read=contacts)
        return contacts

    def contact(self, record: Mapping[str, Any], kind: SalesforceKind) -> Contact:
        """A record as a contact. Raises CrmUnavailable if it cannot be read."""
        try:
            return contact_of(record, kind, self._names)
        except (msgspec.ValidationError, ValueError) as error:
            raise CrmUnavailable("A record of Salesforce differs from its documentation.") from error

    def task(self, row: Mapping[str, Any]) -> LoggedTask:
        """A row as a task. Raises CrmUnavailable if it cannot be read."""
        try:
            return msgspec.convert(row, LoggedTask)
        except msgspec.ValidationError as error:
            raise CrmUnavailable("A record of Salesforce differs from its documentation.") from error

    def user(self, record: Mapping[str, Any]) -> CrmUser:
        """A record of User. Raises CrmUnavailable if it cannot be read."""
        try:
            return user_of(record)
        except msgspec.ValidationError as error:
            raise CrmUnavailable("A user of Salesforce differs from its documentation.") from error

    async def master_of(self, contact_id: str, kind: SalesforceKind) -> str:
        """The id of the record that a deleted one was merged into; empty if it was not merged."""
        query = f"SELECT MasterRecordId FROM {kind.object} WHERE Id = {quoted(contact_id)}"  # noqa: S608 - quoted
        rows = await self.rows(query, with_deleted=True)
        return str(rows[0].get("MasterRecordId") or "") if rows else ""

    def kind_with(self, contact_id: str) -> SalesforceKind | None:
        """The kind of record that an id is of; None: of neither kind."""
        return next((kind for kind in self.kinds if kind.has(contact_id)), None)

    async def _page(self, path: str, params: Mapping[str, str]) -> QueryPage:
        return (await self._client.ask("GET", path, params=params)).decode(QUERY_PAGE)

    def _found(self, record: Mapping[str, Any]) -> Contact:
        attributes = record.get("attributes")
        name = attributes.get("type") if isinstance(attributes, dict) else None
        for kind in self.kinds:
            if kind.object == name:
                return self.contact(record, kind)
        raise CrmUnavailable("Salesforce's search shows records that leadline did not ask for.")


def _returned(kind: SalesforceKind, limit: int) -> str:
    where = f" WHERE {kind.condition}" if kind.condition else ""
    return f"{kind.columns}{where} LIMIT {limit}"
