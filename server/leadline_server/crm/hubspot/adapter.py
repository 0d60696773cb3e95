"""The adapter to HubSpot."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from leadline_server.crm.hubspot.call_logs import HubSpotCalls
from leadline_server.crm.hubspot.calls import CallProperties
from leadline_server.crm.hubspot.errors import ValueTaken
from leadline_server.crm.hubspot.facts import FACTS
from leadline_server.crm.hubspot.owners import an_owner_page, owner_params, user_page
from leadline_server.crm.hubspot.paths import Paths
from leadline_server.crm.hubspot.removal import remove_unused
from leadline_server.crm.hubspot.schemas import missing_fields
from leadline_server.crm.hubspot.searches import SEARCH, name_search, numbers_per_search, phone_searches, searched
from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.crm.hubspot.wire import ContactProperties, an_object, is_id
from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.crm.toolkit.name_paging import page_of
from leadline_server.crm.toolkit.own_fields import (
    OwnFields,
    sample_draft,
    sample_entry,
    with_own,
)
from leadline_server.crm.toolkit.required_fields import FieldReport
from leadline_server.crm.toolkit.wire_record import WireRecord
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, CrmUserPage, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities, CrmMethod, RateLimit, most_read

SEARCH_LAG: Final = timedelta(seconds=30)
"""How long a search may miss a write. HubSpot says "a few moments"; users report 10 s."""

SETTLE_TIME: Final = timedelta(seconds=30)
"""How long a write may take effect after leadline gave up. HubSpot does not say; this is three times the deadline."""

_NOT_FOUND: Final = 404

_NO_KEY: Final = "leadline"
"""A key that no call has, since keys have a slash."""


def capabilities_of(settings: HubSpotSettings) -> Capabilities:
    """The guarantees of a connection with these settings.

    Without `call_id_property` a search finds logs, and it lags. So a write counts as unsettled for that time too.
    """
    contacts = ContactProperties(settings)
    return Capabilities(
        finds_log_by_key=True,
        enforces_unique_key=False,  # only the e-mail address of contacts is unique
        moves_log=True,
        search_lag=SEARCH_LAG,
        settle_time=SETTLE_TIME if settings.call_id_property else SETTLE_TIME + SEARCH_LAG,
        contact_types=settings.lifecycle_stages,
        rate_limits=(
            RateLimit(settings.requests_per_10_seconds, 10.0),
            RateLimit(settings.searches_per_second, 1.0, SEARCH),
        ),
        numbers_per_lookup=numbers_per_search(contacts.number_properties, contacts.properties),
        follows_moved_contacts=True,
        deletes_contacts=True,
        methods=ALL_METHODS | {CrmMethod.LIST_USERS, CrmMethod.GET_CALL_LOG},
    )


class HubSpotCrm:
    """One account's HubSpot. See `ports.crm.CrmAdapter` for what each method guarantees.

    Args:
        client: sends requests to HubSpot's API.
        account: leadline's account.
        settings: the settings of the connection.
    """

    documented_facts = FACTS

    def __init__(self, client: HttpClient, account: AccountView, settings: HubSpotSettings) -> None:
        self.capabilities = capabilities_of(settings)
        self._client = client
        self._account = account
        self._settings = settings
        self._contacts = ContactProperties(settings)
        self._calls = CallProperties(settings.dispositions)
        self._own = OwnFields(settings)
        self._logs = HubSpotCalls(client, account, settings, self._own)
        self._paths = Paths(settings.api_version)
        self._contacts_path, self._calls_path = self._paths.records("contacts"), self._paths.records("calls")

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """One search, or several if HubSpot's limits require it."""
        contacts = self._contacts
        patterns = self._account.settings().number_formats
        found, most = dict[str, Contact](), most_read(numbers)
        for search in phone_searches(numbers, patterns, contacts.number_properties, contacts.properties):
            for record in await searched(self._client, self._contacts_path, search, most=most):
                found[record.id] = contacts.read(record)
            if len(found) >= most:
                break
        return list(found.values())

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact. For one that was merged into another, HubSpot answers with the other one."""
        if not is_id(contact_id):
            return None
        params = {"properties": ",".join(self._contacts.properties)}
        answer = await self._client.ask(
            "GET", f"{self._contacts_path}/{contact_id}", params=params, accept={_NOT_FOUND}
        )
        if answer.status == _NOT_FOUND:
            return None
        record = answer.decode(an_object)
        return None if record.archived else self._contacts.read(record)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """All hits are read and sorted here: HubSpot sorts by one property only, and finds words.

        Raises:
            CrmRejected: the name has neither a letter nor a digit, or more than MAX_FOUND contacts may match.
        """
        search = name_search(name, self._contacts.properties)
        if search is None:
            raise CrmRejected("HubSpot searches for letters and digits. Give some.")
        too_many = CrmRejected("Too many contacts match. Give more of the name.")
        records = await searched(self._client, self._contacts_path, search, too_many)
        return page_of(map(self._contacts.read, records), name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:  # noqa: ARG002 - HubSpot stores no keys
        """Create a contact. If one with the same e-mail address and number exists, it is the result.

        Raises:
            CrmRejected: HubSpot refuses the contact, or another contact has its e-mail address and not its number.
        """
        if draft.type and draft.type not in self._settings.lifecycle_stages:
            raise CrmRejected(f"{draft.type!r} is not one of the lifecycle stages in leadline's settings.")
        content = {"properties": with_own(self._own.of_contact(draft), self._contacts.written(draft))}
        try:
            answer = await self._client.tell("POST", self._contacts_path, json=content)
        except ValueTaken as refusal:
            return await self._adopted(refusal, draft)
        return self._contacts.read(answer.decode(an_object))

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Move a contact that no one has used to HubSpot's recycling bin."""
        written = (*self._contacts.written_names, "hubspot_owner_id")
        if not is_id(contact_id):
            return ContactUse.UNUSED
        path = f"{self._contacts_path}/{contact_id}"
        return await remove_unused(self._client, path, log_ids, written, only_check=only_check)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. With `call_id_property` a key is unique in HubSpot, and the log that has it is the result."""
        return await self._logs.create(entry, key)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change a log. If it moves, it goes to the entry's contact. Contacts that people added stay."""
        return await self._logs.update(log_id, entry)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log by its unique key, or by a search without `call_id_property`."""
        return await self._logs.find(key)

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """The log as HubSpot has it now."""
        return await self._logs.get(log_id)

    async def delete_call_log(self, log_id: str) -> None:
        """Move a call to HubSpot's recycling bin."""
        await self._client.tell("DELETE", f"{self._calls_path}/{log_id}", accept={_NOT_FOUND})

    async def check(self) -> None:
        """Read one contact and one call, and look up a call by `call_id_property` if it is set."""
        for path in (self._contacts_path, self._calls_path):
            (await self._client.ask("GET", path, params={"limit": "1"})).decode(_a_list)
        if self._settings.call_id_property:
            await self.find_call_log(_NO_KEY)  # refused if the property does not exist, or is not unique

    async def required_fields(self) -> FieldReport:
        """Ask for the schemas of contacts and calls, and compare them with the least record of each."""
        draft, entry = sample_draft(), sample_entry("1")
        contact = with_own(self._own.of_contact(draft), self._contacts.written(draft))
        call = with_own(self._own.of_new_call(entry), self._calls.created(entry, self._account.settings().zone))
        return await missing_fields(self._client, self._paths, contact, call)

    async def list_users(self, cursor: str) -> CrmUserPage:
        """A page of HubSpot's owners: those who are active, then those who are archived."""
        answer = await self._client.ask("GET", self._paths.owners, params=owner_params(cursor))
        return user_page(answer.decode(an_owner_page), cursor)

    async def _adopted(self, refusal: ValueTaken, draft: ContactDraft) -> Contact:
        """The contact with the draft's e-mail address if it has its number too, perhaps from an earlier write."""
        contact_id = refusal.existing_id
        if not contact_id:
            raise refusal
        existing = await self.get_contact(contact_id)
        rules = self._account.settings().numbering
        if existing and any(match_kind(draft.phone_number, text, rules) for text in existing.phone_numbers):
            return existing
        raise CrmRejected(f"Another contact has this e-mail address already: {contact_id}.") from refusal


class _List(WireRecord, frozen=True):
    results: tuple[Any, ...]


_a_list: Final = msgspec.json.Decoder(_List)
