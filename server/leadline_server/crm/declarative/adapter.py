"""The adapter that a definition makes. See `ports.crm.CrmAdapter` for what each method promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from leadline_server.crm.declarative import template_values
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledOperation
from leadline_server.crm.declarative.contact_reader import ContactReader
from leadline_server.crm.declarative.definition import ContactType
from leadline_server.crm.declarative.log_writer import LogWriter
from leadline_server.crm.declarative.operation_sender import OperationSender, RequestQuota
from leadline_server.crm.declarative.operations import FindContactsOperation
from leadline_server.crm.declarative.template_values import Values
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.crm.toolkit.name_paging import page_of
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.ports.crm import Capabilities, ContactPage, CrmLog, LogEntry

_Lookup = tuple[CompiledOperation[FindContactsOperation], Values]
"""An operation, and the values that its templates see."""

LONGEST_ID: Final = 500
"""The characters that an id of a CRM's may have; longer ones are nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedConnection:
    """A connection at work.

    Attributes:
        ready: its definition.
        variables: what it sets and is no secret.
        types: the kinds of contacts that there are with these variables; one without a name where there are none.
        capabilities: what it can promise with these variables.
        sender: the way to the CRM.
    """

    ready: CompiledDefinition
    variables: Mapping[str, Any]
    types: Mapping[str, ContactType | None]
    capabilities: Capabilities
    sender: OperationSender


class DefinedCrm:
    """A CrmAdapter that a definition makes, of one account."""

    def __init__(self, connected: DefinedConnection, account: AccountView) -> None:
        self._connected = connected
        self._ready = connected.ready
        self._sender = connected.sender
        self._account = account
        self._reader = ContactReader(connected.ready, connected.variables)
        self._logs = LogWriter(connected.ready, connected.sender, lambda: account.settings().time_zone)

    @property
    def capabilities(self) -> Capabilities:
        """What the definition declares, and what its operations make possible."""
        return self._connected.capabilities

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Ask for every kind of contact, and every form of every number."""
        quota = self._sender.quota()
        kinds = self._kinds()
        lookups = [
            partial(self._looked_up, operation, values, kind, quota)
            for kind in kinds
            for operation, values in self._lookups(numbers)
        ]
        found = {contact.id: contact for part in await self._sender.together(lookups) for contact in part}
        if not self._ready.find_contacts.defined.read_each:
            return list(found.values())
        reads = [partial(self._read, contact_id, quota) for contact_id in found]
        return [contact for contact in await self._sender.together(reads) if contact is not None]

    async def get_contact(self, contact_id: str) -> Contact | None:
        """Ask for it."""
        return await self._read(contact_id, self._sender.quota())

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Ask for all that may fit, and take the page of those that do."""
        quota, operation = self._sender.quota(), self._ready.search_contacts
        asked = {"query": name, "word": max(name.split(), key=len, default=name)}
        lookups = [partial(self._looked_up, operation, asked, kind, quota) for kind in self._kinds()]
        found = {contact.id: contact for part in await self._sender.together(lookups) for contact in part}
        return page_of(found.values(), name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create it with the type of the draft, or the default one."""
        kind = draft.type or next(iter(self._connected.types))
        if kind not in self._connected.types:
            raise CrmRejected(f"{kind!r} is no kind of contact here; there is {', '.join(self._connected.types)}.")
        operation = self._ready.create_contact
        answer = await self._sender.tell(operation, self._values(kind, template_values.of_draft(draft, key)))
        document = answer.json()
        own_id = operation.path("id").text(document)
        if not own_id:
            raise answer.unusable("does not say the new contact's id")
        record = operation.answer["contact"].find(document) if "contact" in operation.answer else None
        if isinstance(record, dict):
            return self._reader.read(record, kind, answer)
        return self._reader.of_draft(draft, own_id, kind)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log the call against the contact."""
        kind, own_id = self._whose(entry)
        return await self._logs.create(entry, key, self._values(kind, {"contact_id": own_id}))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Update it, unless the definition has no way to."""
        kind, own_id = self._whose(entry)
        return await self._logs.update(log_id, entry, self._values(kind, {"contact_id": own_id}))

    async def find_call_log(self, key: str) -> CrmLog | None:
        """Ask for it, where the definition has a way to."""
        return await self._logs.find(key, dict(self._connected.variables))

    async def check(self) -> None:
        """Ask what the definition says."""
        operation = self._ready.check
        answer = await self._sender.ask(operation, self._connected.variables)
        document = answer.json()
        if "ok" in operation.answer and not operation.path("ok").holds(document):
            raise CrmUnavailable("The CRM's answer to the check is not what the definition says.")

    def _kinds(self) -> Sequence[str]:
        """The kinds that are asked for apart."""
        return list(self._connected.types) if self._ready.definition.separate_types else [""]

    def _values(self, kind: str, values: Mapping[str, Any]) -> Values:
        kind_values = template_values.of_type(kind, self._connected.types.get(kind))
        return {**self._connected.variables, "type": kind_values, **values}

    def _lookups(self, numbers: Sequence[PhoneNumber]) -> Sequence[_Lookup]:
        """What is asked of each kind: the operations, and what their templates see."""
        extensions = [number for number in numbers if number.kind is NumberKind.EXTENSION]
        others = [number for number in numbers if number.kind is not NumberKind.EXTENSION]
        if not self._ready.find_extensions:
            return self._of(self._ready.find_contacts, numbers)
        return [*self._of(self._ready.find_contacts, others), *self._of(self._ready.find_extensions, extensions)]

    def _of(self, operation: CompiledOperation[FindContactsOperation], numbers: Sequence[PhoneNumber]) -> list[_Lookup]:
        formats = self._account.settings().number_formats
        forms = {number: template_values.forms_of(number, operation.defined, formats) for number in numbers}
        if operation.defined.numbers == "one":
            return [
                (operation, {"number": template_values.of_number(number), "form": form})
                for number, many in forms.items()
                for form in many
            ]
        every = list(dict.fromkeys(form for many in forms.values() for form in many))
        values = {"numbers": [template_values.of_number(number) for number in numbers], "forms": every}
        return [(operation, values)] if every else []

    async def _looked_up(
        self, operation: CompiledOperation[Any], values: Mapping[str, Any], kind: str, quota: RequestQuota
    ) -> list[Contact]:
        found = await self._sender.records(operation, self._values(kind, values), "contacts", quota)
        return [self._reader.read(record, kind, answer) for record, answer in found]

    async def _read(self, contact_id: str, quota: RequestQuota) -> Contact | None:
        whose = self._reader.own_id(contact_id, self._connected.types)
        if whose is None or len(contact_id) > LONGEST_ID:
            return None
        kind, own_id = whose
        operation = self._ready.get_contact
        accept = operation.defined.response.none_statuses
        answer = await self._sender.ask(operation, self._values(kind, {"contact_id": own_id}), quota, accept)
        if answer.status in accept:
            return None
        document = answer.json()
        if "none_when" in operation.answer and operation.path("none_when").holds(document):
            return None
        record = operation.path("contact").find(document)
        if not isinstance(record, dict):
            raise answer.unusable("has no contact where the definition says")
        contact = self._reader.read(record, kind, answer)
        return contact if contact.id == contact_id else None  # the CRM answered for another: merged, or taken loosely

    def _whose(self, entry: LogEntry) -> tuple[str, str]:
        whose = self._reader.own_id(entry.contact_id, self._connected.types)
        if whose is None or len(entry.contact_id) > LONGEST_ID:
            raise CrmRejected("There is no such contact in the CRM.")
        return whose
