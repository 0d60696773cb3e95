"""Reading Salesforce's records: whole answers or none."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from leadline_server.crm.salesforce.wire import QUERY_PAGE, SEARCH_ANSWER, Kind, QueryPage, SalesforceNames, contact_of
from leadline_server.crm.toolkit import HttpClient
from leadline_server.domain.contact import Contact
from leadline_server.domain.errors import CrmTooMuch, CrmUnavailable

MOST_FOUND: Final = 1_000
"""Records of a kind that a search may find; Salesforce finds 2,000 of all kinds and leaves out the rest in silence."""

_MOST_PAGES: Final = 10  # of up to 2,000 records each


class SalesforceRecords:
    """Asks for records, and makes contacts of them.

    Args:
        client: the way to `instance_url/services/data/VERSION`.
        instance_url: where links between pages lead on from.
        kinds: the kinds of record that are contacts, the default first.
        words: how things are called.
    """

    def __init__(self, client: HttpClient, instance_url: str, kinds: Sequence[Kind], words: SalesforceNames) -> None:
        self._client = client
        self._instance_url = instance_url
        self.kinds = tuple(kinds)
        self._words = words

    async def rows(self, question: str) -> list[dict[str, Any]]:
        """All that a question in SOQL is answered with, page after page. Raises CrmTooMuch if it is too much."""
        page = await self._page("/query", {"q": question})
        rows, pages = page.records, 1
        while not page.done:
            if pages == _MOST_PAGES or not page.next_records_url.startswith("/"):
                raise CrmTooMuch("Salesforce has more records to show than leadline reads.")
            page = await self._page(self._instance_url + page.next_records_url, {})
            rows, pages = rows + page.records, pages + 1
        return rows

    async def contacts(self, kind: Kind, condition: str, ending: str = "") -> list[Contact]:
        """The contacts of a kind that a condition in SOQL holds for."""
        conditions = " AND ".join(f"({part})" for part in (condition, kind.condition) if part)
        question = f"SELECT {kind.columns} FROM {kind.object} WHERE {conditions}{ending}"  # noqa: S608 - quoted by soql
        return [self.contact(row, kind) for row in await self.rows(question)]

    async def search(self, query: str) -> list[Contact]:
        """The contacts of every kind that have one of the words or phrases in a field for numbers."""
        returning = ", ".join(f"{kind.object}({_returned(kind)})" for kind in self.kinds)
        question = f"FIND {{{query}}} IN PHONE FIELDS RETURNING {returning}"
        answer = await self._client.ask("GET", "/search", params={"q": question})
        found = answer.decode(SEARCH_ANSWER).search_records
        contacts = [self._found(record) for record in found]
        if any(sum(contact.type == kind.type for contact in contacts) >= MOST_FOUND for kind in self.kinds):
            raise CrmTooMuch("More contacts have the number than Salesforce's search shows.")
        return contacts

    def contact(self, record: Mapping[str, Any], kind: Kind) -> Contact:
        """A record as a contact. Raises CrmUnavailable if it is none."""
        try:
            return contact_of(record, kind, self._words)
        except (msgspec.ValidationError, ValueError) as error:
            raise CrmUnavailable("A record of Salesforce's is not what its documentation says.") from error

    async def _page(self, path: str, params: Mapping[str, str]) -> QueryPage:
        return (await self._client.ask("GET", path, params=params)).decode(QUERY_PAGE)

    def _found(self, record: Mapping[str, Any]) -> Contact:
        attributes = record.get("attributes")
        name = attributes.get("type") if isinstance(attributes, dict) else None
        for kind in self.kinds:
            if kind.object == name:
                return self.contact(record, kind)
        raise CrmUnavailable("Salesforce's search shows what it was not asked for.")


def _returned(kind: Kind) -> str:
    where = f" WHERE {kind.condition}" if kind.condition else ""
    return f"{kind.columns}{where} LIMIT {MOST_FOUND}"
