"""Reads persons of Pipedrive, with their companies ("Search persons", "Get all persons", "Organizations", API v2)."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from leadline_server.crm.pipedrive import wire
from leadline_server.crm.pipedrive.settings import PipedriveSettings
from leadline_server.crm.toolkit import HttpClient
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError, CrmTooMuch

SEARCH: Final = "search"
"""The scope of the rate limit that Pipedrive has for searches."""

MAX_FOUND: Final = 1_000
"""The most hits that leadline reads of one search."""

PERSONS: Final = "/api/v2/persons"
ORGANIZATIONS: Final = "/api/v2/organizations"
_HITS_A_PAGE: Final = 100
_IDS_A_REQUEST: Final = 100


class _Record(Protocol):
    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=_Record)


class PipedriveRecords:
    """The persons and organizations of one connection.

    Args:
        client: sends requests to Pipedrive's API.
        settings: the settings of the connection.
    """

    def __init__(self, client: HttpClient, settings: PipedriveSettings) -> None:
        self._client = client
        self._settings = settings

    async def searched(
        self,
        path: str,
        term: str,
        fields: str,
        *,
        is_exact: bool = False,
        too_many: CrmError | None = None,
        most: int | None = None,
    ) -> set[int]:
        """The ids of all hits, of all pages; `most` of them or a few more if there are so many.

        Raises:
            CrmTooMuch: there are more than MAX_FOUND, and `too_many` is None.
            too_many: there are more than MAX_FOUND.
        """
        params = {"term": term, "fields": fields, "limit": str(_HITS_A_PAGE)}
        params |= {"exact_match": "true"} if is_exact else {}
        found = set[int]()
        while True:
            page = wire.checked(await self._client.ask("GET", f"{path}/search", params=params, scope=SEARCH), wire.hits)
            found.update(hit.item.id for hit in page.data.items)
            if not page.cursor or not page.data.items or (most is not None and len(found) >= most):
                return found
            if len(found) >= MAX_FOUND:
                raise too_many or CrmTooMuch("Pipedrive finds more records than leadline reads.")
            params["cursor"] = page.cursor

    async def contacts(self, ids: Iterable[int]) -> Sequence[Contact]:
        """The persons with these ids, without deleted ones, since searches lag."""
        found = await self._listed(PERSONS, ids, wire.persons)
        return await self.completed([person for person in found if not person.is_deleted])

    async def completed(self, found: Sequence[wire.Person]) -> Sequence[Contact]:
        """Persons with their companies, which are separate records in Pipedrive."""
        ids = {person.org_id for person in found if person.org_id}
        companies = {each.id: each.name for each in await self._listed(ORGANIZATIONS, ids, wire.organizations)}
        return [wire.contact_of(person, companies, self._settings) for person in found]

    async def organization(self, name: str) -> int:
        """The id of the organization with this name, which is created if there is none."""
        found = await self.searched(ORGANIZATIONS, name, "name", is_exact=True)
        named = [each.id for each in await self._listed(ORGANIZATIONS, found, wire.organizations) if each.name == name]
        if named:
            return min(named)
        answer = await self._client.tell("POST", ORGANIZATIONS, json={"name": name})
        return wire.content(answer, wire.an_organization).id

    async def _listed(
        self, path: str, ids: Iterable[int], decoder: "msgspec.json.Decoder[wire.Envelope[tuple[R, ...]]]"
    ) -> list[R]:
        wanted, found = sorted(ids), list[R]()
        for start in range(0, len(wanted), _IDS_A_REQUEST):
            some = wanted[start : start + _IDS_A_REQUEST]
            params = {"ids": ",".join(map(str, some)), "limit": str(_IDS_A_REQUEST)}
            page = wire.checked(await self._client.ask("GET", path, params=params), decoder)
            found += [record for record in page.data if record.id in some]
        return found
