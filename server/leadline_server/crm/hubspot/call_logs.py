"""Writes, changes, finds and reads calls in HubSpot ("CRM API | Calls", "CRM API | Associations")."""

from typing import Final

from leadline_server.crm.hubspot.calls import CALL_TO_CONTACT, CONTACT, KEY, READ, CallProperties, stored_call
from leadline_server.crm.hubspot.errors import ValueTaken
from leadline_server.crm.hubspot.paths import Paths
from leadline_server.crm.hubspot.searches import exact_search, searched
from leadline_server.crm.hubspot.settings import HubSpotSettings
from leadline_server.crm.hubspot.wire import Object, a_batch, an_object, is_id, record_url
from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.crm.toolkit.own_fields import OwnFields, with_own
from leadline_server.domain.crm_errors import CrmError, CrmOutcomeUnknown, CrmRejected, CrmUnavailable
from leadline_server.ports.crm import CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog

_NOT_FOUND: Final = 404


class HubSpotCalls:
    """The calls of one account. See `ports.crm.CrmAdapter` for what each method guarantees.

    Args:
        client: sends requests to HubSpot's API.
        account: leadline's account.
        settings: the settings of the connection.
        own: fields of the administrator's own.
    """

    def __init__(self, client: HttpClient, account: AccountView, settings: HubSpotSettings, own: OwnFields) -> None:
        self._client = client
        self._account = account
        self._settings = settings
        self._own = own
        self._properties = CallProperties(settings.dispositions)
        self._paths = Paths(settings.api_version)
        self._path = self._paths.records("calls")

    async def create(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call. With `call_id_property` a key is unique in HubSpot, and the log that has it is the result."""
        _check_contact(entry)
        time_zone, unique = self._account.settings().zone, self._settings.call_id_property
        properties = {**self._properties.created(entry, time_zone), KEY: key} | ({unique: key} if unique else {})
        content = {
            "properties": with_own(self._own.of_new_call(entry), properties),
            "associations": [{"to": {"id": entry.contact_id}, "types": [CALL_TO_CONTACT]}],
        }
        try:
            answer = await self._client.tell("POST", self._path, json=content)
        except ValueTaken:
            if unique and (existing := await self.find(key)):
                return existing
            raise
        return self._log(answer.decode(an_object).id)

    async def update(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change a log. If it moves, it goes to the entry's contact. Contacts that people added stay."""
        existing = await self._read(log_id)
        if existing is None:
            raise CrmRejected("The call is no longer in HubSpot.")
        if not entry.moves:
            await self._change(log_id, entry, existing)
            return self._log(log_id, _present_contact(existing, entry.contact_id))
        _check_contact(entry)
        before = existing.properties.get(CONTACT) or ""
        is_moved = before != entry.contact_id
        if is_moved:
            await self._associate(log_id, entry.contact_id)  # refused for an unknown contact
        try:
            if is_moved and is_id(before):
                await self._dissociate(log_id, before)
            await self._change(log_id, entry, existing)
        except CrmError as error:
            if not is_moved:
                raise
            # The log may be on both contacts, so the move must be repeated, whatever the error is.
            raise CrmOutcomeUnknown(f"Moved in part only: {error.message}", retry_after=error.retry_after) from error
        return self._log(log_id, entry.contact_id)

    async def find(self, key: str) -> CrmLog | None:
        """The log by its unique key, or by a search without `call_id_property`."""
        unique = self._settings.call_id_property
        if not unique:
            found = await searched(self._client, self._path, exact_search(KEY, key))
            ids = [record.id for record in found if record.properties.get(KEY) == key]
            return self._log(min(ids, key=int)) if ids else None
        content = {"idProperty": unique, "inputs": [{"id": key}], "properties": [unique]}
        batch = (await self._client.ask("POST", f"{self._path}/batch/read", json=content)).decode(a_batch)
        if not batch.results and not batch.is_conclusive:
            raise CrmUnavailable("HubSpot could not look the call up.")
        return self._log(batch.results[0].id) if batch.results else None

    async def get(self, log_id: str) -> StoredCallLog | None:
        """The log as HubSpot has it now."""
        record = await self._read(log_id)
        if record is None:
            return None
        last = record.properties.get(CONTACT) or ""
        return stored_call(record, _present_contact(record, last))

    async def _read(self, log_id: str) -> Object | None:
        """The current call; None if it is gone."""
        if not is_id(log_id):
            return None
        params = {"properties": ",".join(READ), "associations": "contacts"}
        answer = await self._client.ask("GET", f"{self._path}/{log_id}", params=params, accept={_NOT_FOUND})
        if answer.status == _NOT_FOUND or (record := answer.decode(an_object)).archived:
            return None
        return record

    async def _change(self, log_id: str, entry: LogEntry, existing: Object) -> None:
        properties = self._properties.updated(entry, self._account.settings().zone, existing.properties)
        content = {"properties": with_own(self._own.of_changed_call(entry), properties)}
        answer = await self._client.tell("PATCH", f"{self._path}/{log_id}", json=content)
        answer.decode(an_object)

    async def _associate(self, log_id: str, contact_id: str) -> None:
        path = self._paths.association(log_id, contact_id)
        (await self._client.tell("PUT", path, json=[CALL_TO_CONTACT])).json()

    async def _dissociate(self, log_id: str, contact_id: str) -> None:
        """Remove a contact from a call. A contact that is gone is removed already."""
        path = self._paths.association(log_id, contact_id)
        answer = await self._client.tell("DELETE", path, accept={_NOT_FOUND})
        if answer.body and answer.status != _NOT_FOUND:
            answer.json()

    def _log(self, log_id: str, contact_id: str = "") -> CrmLog:
        return CrmLog(log_id, record_url(self._settings, "0-48", log_id), contact_id)


def _present_contact(call: Object, expected: str) -> str:
    """The contact that a call is associated with: the expected one, or the first that people made it; empty: none."""
    contacts = call.contacts
    return expected if expected in contacts else next(iter(contacts), "")


def _check_contact(entry: LogEntry) -> None:
    if not is_id(entry.contact_id):
        raise CrmRejected("HubSpot has no contact with this id.")
