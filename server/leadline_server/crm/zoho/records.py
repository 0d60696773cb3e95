"""Reading and writing Zoho's records: whole answers or none, and no more at once than Zoho allows."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from leadline_server.concurrency.fan_out import together
from leadline_server.crm.toolkit import HttpAnswer, HttpClient
from leadline_server.crm.zoho.coql import PAGE
from leadline_server.crm.zoho.wire import ROWS, WRITE_ANSWER, Kind, ZohoNames, contact_of
from leadline_server.domain.contact import Contact
from leadline_server.domain.errors import CrmTooMuch, CrmUnavailable

_NO_CONTENT: Final = 204
_MOST_IDS: Final = 100  # that one request may name


class ZohoRecords:
    """The records of one connection.

    Args:
        client: the way to `api_url/crm/v8`.
        kinds: the modules whose records are contacts, the default first.
        words: how things are called.
        concurrency: how many requests may be under way at once.
        trigger: what runs on writes, as Zoho calls it; None: all that the administrator set up.
    """

    def __init__(
        self,
        client: HttpClient,
        kinds: Sequence[Kind],
        words: ZohoNames,
        concurrency: int,
        trigger: Sequence[str] | None,
    ) -> None:
        self._client = client
        self.kinds = tuple(kinds)
        self._words = words
        self._places = asyncio.Semaphore(concurrency)
        self._trigger = {} if trigger is None else {"trigger": list(trigger)}

    async def query(self, columns: str, module: str, condition: str) -> list[dict[str, Any]]:
        """All rows that a condition in COQL holds for. Raises CrmTooMuch if there are more than one answer has."""
        question = f"SELECT {columns} FROM {module} WHERE {condition} LIMIT {PAGE} OFFSET 0"  # noqa: S608 - plain texts
        async with self._places:
            answer = await self._client.ask("POST", "/coql", json={"select_query": question})
        rows = _rows(answer)
        if len(rows) >= PAGE:
            raise CrmTooMuch("Zoho has more records to show than leadline reads.")
        return rows

    async def ids(self, module: str, conditions: Iterable[str]) -> list[str]:
        """The ids of the records that any of some conditions holds for."""
        answers = await together(self.query("id", module, condition) for condition in conditions)
        return list(dict.fromkeys(str(row["id"]) for rows in answers for row in rows if "id" in row))

    async def rows(self, module: str, ids: Sequence[str], fields: Iterable[str]) -> list[dict[str, Any]]:
        """The records with these ids that there are, converted leads left out."""
        named = ",".join(dict.fromkeys(fields))
        chunks = [",".join(ids[i : i + _MOST_IDS]) for i in range(0, len(ids), _MOST_IDS)]
        answers = await together(self._read(module, {"ids": chunk, "fields": named}) for chunk in chunks)
        return [row for rows in answers for row in rows]

    async def contacts(self, kind: Kind, ids: Sequence[str]) -> list[Contact]:
        """The contacts with these ids that there are."""
        marks = (self._words.placeholder_field,) if self._words.placeholder_field else ()
        rows = await self.rows(kind.module, ids, (*kind.fields, *kind.phones, *marks))
        return [self.contact(row, kind) for row in rows]

    def contact(self, row: Mapping[str, Any], kind: Kind) -> Contact:
        """A record as a contact. Raises CrmUnavailable if it is none."""
        try:
            return contact_of(row, kind, self._words)
        except msgspec.ValidationError as error:
            raise CrmUnavailable("A record of Zoho's is not what its documentation says.") from error

    async def write(self, method: str, path: str, record: Mapping[str, Any]) -> str:
        """Write one record; its id."""
        async with self._places:
            answer = await self._client.tell(method, path, json={"data": [record], **self._trigger})
        written = answer.decode(WRITE_ANSWER).data
        if len(written) != 1 or written[0].code != "SUCCESS":
            raise answer.unusable("does not say what was written")
        return written[0].details.id

    async def _read(self, module: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        content = {"per_page": "200", "converted": "false", **params}
        async with self._places:
            answer = await self._client.ask("GET", f"/{module}", params=content)
        return _rows(answer)


def _rows(answer: HttpAnswer) -> list[dict[str, Any]]:
    if answer.status == _NO_CONTENT:
        return []
    rows = answer.decode(ROWS)
    if rows.info.more_records:
        raise CrmTooMuch("Zoho has more records to show than leadline reads.")
    return rows.data
