"""Reads and writes Zoho's records, with no more concurrent requests than Zoho allows.

An answer is complete, or an error.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from leadline_server.concurrency.fan_out import together
from leadline_server.crm.toolkit import HttpAnswer, HttpClient
from leadline_server.crm.zoho.coql import MOST_ROWS, PAGE
from leadline_server.crm.zoho.wire import (
    LAYOUTS,
    ROWS,
    USERS,
    WRITE_ANSWER,
    RowsAnswer,
    ZohoKind,
    ZohoNames,
    contact_of,
    user_of,
)
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmTooMuch, CrmUnavailable
from leadline_server.domain.directory import CrmUser

_NO_CONTENT: Final = 204
_USERS_A_PAGE: Final = 200
_MOST_IDS: Final = 100  # in one request


class ZohoRecords:
    """The records of one connection.

    Args:
        client: sends requests to `api_url/crm/v8`.
        kinds: the modules whose records are contacts, the default first.
        names: the names that the settings give.
        concurrency: the most concurrent requests.
        trigger: the automations that run on writes, in Zoho's words; None: all that the administrator set up.
    """

    def __init__(
        self,
        client: HttpClient,
        kinds: Sequence[ZohoKind],
        names: ZohoNames,
        concurrency: int,
        trigger: Sequence[str] | None,
    ) -> None:
        self._client = client
        self.kinds = tuple(kinds)
        self._names = names
        self._slots = asyncio.Semaphore(concurrency)
        self._trigger = {} if trigger is None else {"trigger": list(trigger)}

    async def query(self, columns: str, module: str, condition: str) -> list[dict[str, Any]]:
        """All rows that match a condition in COQL, of all pages. Raises CrmTooMuch if there are too many."""
        rows = await self._first(columns, module, condition, MOST_ROWS)
        if len(rows) >= MOST_ROWS:
            raise CrmTooMuch("Zoho has more records than leadline reads.")
        return rows

    async def ids(self, module: str, conditions: Iterable[str], most: int) -> tuple[list[str], bool]:
        """The ids of the records that match one of the conditions, `most` at most, and whether there may be more."""
        answers = await together(self._first("id", module, condition, most) for condition in conditions)
        found = list(dict.fromkeys(str(row["id"]) for rows in answers for row in rows if "id" in row))
        return found[:most], any(len(rows) >= most for rows in answers) or len(found) > most

    async def rows(self, module: str, ids: Sequence[str], fields: Iterable[str]) -> list[dict[str, Any]]:
        """The records with these ids, as far as they exist, without converted leads."""
        named = ",".join(dict.fromkeys(fields))
        chunks = [",".join(ids[i : i + _MOST_IDS]) for i in range(0, len(ids), _MOST_IDS)]
        answers = await together(self._read(module, {"ids": chunk, "fields": named}) for chunk in chunks)
        return [row for rows in answers for row in rows]

    async def contacts(self, kind: ZohoKind, ids: Sequence[str]) -> list[Contact]:
        """The contacts with these ids, as far as they exist."""
        marks = (self._names.placeholder_field,) if self._names.placeholder_field else ()
        rows = await self.rows(kind.object, ids, (*kind.fields, *kind.phones, *marks))
        return [self.contact(row, kind) for row in rows]

    async def converted_to(self, kind: ZohoKind, record_id: str) -> str:
        """Zoho's id of the contact that a lead was converted to; empty if it was not."""
        params = {"ids": record_id, "fields": "id,$converted_detail", "converted": "true"}
        for row in await self._read(kind.object, params):
            detail = row.get("$converted_detail")
            if str(row.get("id")) == record_id and isinstance(detail, dict):
                return str(detail.get("contact") or "")
        return ""

    def contact(self, row: Mapping[str, Any], kind: ZohoKind) -> Contact:
        """A record as a contact. Raises CrmUnavailable if it cannot be read."""
        try:
            return contact_of(row, kind, self._names)
        except msgspec.ValidationError as error:
            raise CrmUnavailable("A record of Zoho differs from its documentation.") from error

    async def users(self, page: int) -> tuple[tuple[CrmUser, ...], bool]:
        """A page of the organization's users, and whether there are more."""
        async with self._slots:
            params = {"type": "AllUsers", "page": str(page), "per_page": str(_USERS_A_PAGE)}
            answer = await self._client.ask("GET", "/users", params=params)
        if answer.status == _NO_CONTENT:
            return (), False
        found = answer.decode(USERS)
        return tuple(map(user_of, found.users)), found.info.more_records

    async def write(self, method: str, path: str, record: Mapping[str, Any]) -> str:
        """Write one record, and return its id."""
        async with self._slots:
            answer = await self._client.tell(method, path, json={"data": [record], **self._trigger})
        written = answer.decode(WRITE_ANSWER).data
        if len(written) != 1 or written[0].code != "SUCCESS":
            raise answer.unusable("does not say which record was written")
        return written[0].details.id

    async def required(self, module: str) -> dict[str, str]:
        """The labels of the required fields of a module's first layout, which new records have, by API name."""
        async with self._slots:
            answer = await self._client.ask("GET", "/settings/layouts", params={"module": module})
        layouts = answer.decode(LAYOUTS).layouts
        fields = [field for section in layouts[0].sections for field in section.fields] if layouts else []
        return {field.api_name: field.field_label for field in fields if field.is_required}

    async def _first(self, columns: str, module: str, condition: str, most: int) -> list[dict[str, Any]]:
        """The first rows that match a condition, in pages; fewer than `most` if these are all."""
        found = list[dict[str, Any]]()
        while len(found) < most:
            size = min(PAGE, most - len(found))
            ending = f"ORDER BY id LIMIT {size} OFFSET {len(found)}"
            query = f"SELECT {columns} FROM {module} WHERE {condition} {ending}"  # noqa: S608 - plain texts
            async with self._slots:
                answer = await self._client.ask("POST", "/coql", json={"select_query": query})
            rows = _page(answer)
            found += rows.data
            if not rows.info.more_records and len(rows.data) < size:
                return found
            if not rows.data:
                raise answer.unusable("says that there are more records, and has none")
        return found

    async def related(self, module: str, record_id: str, related_list: str) -> list[str]:
        """The ids of the records in a related list of a record."""
        params = {"fields": "id", "per_page": "200"}
        async with self._slots:
            answer = await self._client.ask("GET", f"/{module}/{record_id}/{related_list}", params=params)
        return [str(row.get("id")) for row in _rows(answer)]

    async def delete(self, module: str, record_id: str) -> None:
        """Delete one record."""
        async with self._slots:
            answer = await self._client.tell("DELETE", f"/{module}/{record_id}")
        written = answer.decode(WRITE_ANSWER).data
        if len(written) != 1 or written[0].code != "SUCCESS":
            raise answer.unusable("does not say which record was deleted")

    async def _read(self, module: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        content = {"per_page": "200", "converted": "false", **params}
        async with self._slots:
            answer = await self._client.ask("GET", f"/{module}", params=content)
        return _rows(answer)


def _page(answer: HttpAnswer) -> RowsAnswer:
    return RowsAnswer([]) if answer.status == _NO_CONTENT else answer.decode(ROWS)


def _rows(answer: HttpAnswer) -> list[dict[str, Any]]:
    rows = _page(answer)
    if rows.info.more_records:
        raise CrmTooMuch("Zoho has more records than leadline reads.")
    return rows.data
