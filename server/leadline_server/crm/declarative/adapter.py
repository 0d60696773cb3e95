"""The adapter that a definition describes. See `ports.crm.CrmAdapter` for what each method guarantees."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from leadline_server.concurrency.turns import in_turns
from leadline_server.crm.declarative import template_values
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledOperation
from leadline_server.crm.declarative.contact_reader import ContactReader
from leadline_server.crm.declarative.definition import ContactType
from leadline_server.crm.declarative.log_writer import LogWriter
from leadline_server.crm.declarative.operation_sender import OperationSender, RequestQuota, reading
from leadline_server.crm.declarative.operations import FieldsOperation, FindContactsOperation
from leadline_server.crm.declarative.removal import remove_unused
from leadline_server.crm.declarative.request_template import BuiltRequest
from leadline_server.crm.declarative.required_fields import required_in
from leadline_server.crm.toolkit import AccountView, page_of
from leadline_server.crm.toolkit.assumptions import DocumentedFact
from leadline_server.crm.toolkit.field_values import Values, of_number
from leadline_server.crm.toolkit.own_fields import (
    CALL_FIELDS,
    PLACEHOLDER_FIELDS,
    OwnFields,
    sample_draft,
    sample_entry,
)
from leadline_server.crm.toolkit.required_fields import FieldReport, missing_of
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmRejected, CrmTooMuch, CrmUnavailable
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import Capabilities, CrmMethod, most_read

_Lookup = tuple[CompiledOperation[FindContactsOperation], Values]
"""An operation, and the values that its templates see."""

_MOST_MOVES: Final = 5  # conversions and merges one after the other

LONGEST_ID: Final = 500
"""The most characters of a CRM's id. A longer one belongs to no contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedConnection:
    """An open connection.

    Attributes:
        definition: its definition.
        variables: its variables without the secret ones.
        types: the kinds of contacts that exist with these variables; one without a name if there are none.
        capabilities: the capabilities with these variables.
        sender: sends requests to the CRM.
        own: fields of the administrator's own.
    """

    definition: CompiledDefinition
    variables: Mapping[str, Any]
    types: Mapping[str, ContactType | None]
    capabilities: Capabilities
    sender: OperationSender
    own: OwnFields


class DefinedCrm:
    """The adapter of one account, by a definition."""

    def __init__(self, connection: DefinedConnection, account: AccountView) -> None:
        self._connection = connection
        self._definition = connection.definition
        self._sender = connection.sender
        self._account = account
        self._reader = ContactReader(connection.definition, connection.variables)
        self._logs = LogWriter(
            connection.definition,
            connection.sender,
            lambda: account.settings().zone,
            connection.own,
            self.get_contact,
        )

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities that follow from the definition."""
        return self._connection.capabilities

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Ask for every kind of contact, with every form of every number."""
        quota, most = self._sender.quota(), most_read(numbers)
        lookups = [
            partial(self._found, operation, values, kind, quota, most)
            for kind in self._kinds()
            for operation, values in self._lookups(numbers)
        ]
        found = {contact.id: contact for part in await self._sender.together(lookups) for contact in part}
        if not self._definition.find_contacts.defined.read_each:
            return list(found.values())
        reads = [partial(self._read, contact_id, quota) for contact_id in found]
        read = [contact for contact in await self._sender.together(reads) if isinstance(contact, Contact)]
        return [contact for contact in read if contact.id in found]

    async def get_contact(self, contact_id: str) -> Contact | None:
        """Read the contact with this id, or the one that it became."""
        quota, seen = self._sender.quota(), set[str]()
        while contact_id not in seen and len(seen) <= _MOST_MOVES:
            seen.add(contact_id)
            found = await self._read(contact_id, quota)
            if not isinstance(found, str):
                return found
            contact_id = found
        return None

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Ask for all contacts that may match, and make a page of those that do."""
        quota, operation = self._sender.quota(), self._definition.search_contacts
        asked = {"query": name, "word": max(name.split(), key=len, default=name)}
        lookups = [partial(self._found, operation, asked, kind, quota) for kind in self._kinds()]
        found = {contact.id: contact for part in await self._sender.together(lookups) for contact in part}
        return page_of(found.values(), name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact of the draft's type, or of the default one."""
        kind = draft.type or next(iter(self._connection.types))
        if kind not in self._connection.types:
            raise CrmRejected(f"{kind!r} is not a kind of contact here; there is {', '.join(self._connection.types)}.")
        operation = self._definition.create_contact
        values = self._values(kind, template_values.of_draft(draft, key))
        answer = await self._sender.tell(operation, values, self._connection.own.of_contact(draft))
        with reading(answer):
            document = answer.json()
            own_id = operation.path("id").text(document)
            if not own_id:
                raise answer.unusable("does not say the new contact's id")
            record = operation.answer["contact"].find(document) if "contact" in operation.answer else None
            if isinstance(record, dict):
                return self._reader.read(record, kind, answer)
        return self._reader.of_draft(draft, own_id, kind)

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Delete a contact that no one has used, if the definition can tell."""
        record_of = self._reader.own_id(contact_id, self._connection.types)
        if record_of is None or len(contact_id) > LONGEST_ID:
            return ContactUse.UNUSED
        kind, own_id = record_of
        values = self._values(kind, {"contact_id": own_id})
        return await remove_unused(self._definition, self._sender, kind, values, log_ids, only_check=only_check)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log the call against the contact."""
        kind, own_id = self._record_of(entry)
        return await self._logs.create(entry, key, self._values(kind, {"contact_id": own_id}))

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Update the log, if the definition has an operation for it."""
        kind, own_id = self._record_of(entry)
        return await self._logs.update(log_id, entry, self._values(kind, {"contact_id": own_id}))

    async def find_call_log(self, key: str) -> CrmLog | None:
        """Find the log, if the definition has an operation for it."""
        return await self._logs.find(key, dict(self._connection.variables))

    @property
    def documented_facts(self) -> Sequence[DocumentedFact]:
        """The facts of the definition."""
        return [DocumentedFact(**fact.model_dump()) for fact in self._definition.definition.facts]

    async def delete_call_log(self, log_id: str) -> None:
        """Delete the log. Raises CrmRejected if the definition has no operation for it."""
        await self._logs.delete(log_id, self._connection.variables)

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """Read the log, if the definition reads it by its id alone."""
        if CrmMethod.GET_CALL_LOG not in self.capabilities.methods:
            raise CrmRejected("The definition of this CRM does not read logs by their id alone.")
        return await self._logs.get(log_id, self._connection.variables)

    async def check(self) -> None:
        """Send the definition's check."""
        operation = self._definition.check
        answer = await self._sender.ask(operation, self._connection.variables)
        document = answer.json()
        if "ok" in operation.answer and not operation.path("ok").holds(document):
            raise CrmUnavailable("The CRM's answer to the check is not the one that the definition expects.")

    async def required_fields(self) -> FieldReport:
        """Ask the CRM by the operations `contact_fields` and `call_log_fields`, if the definition has them."""
        report, draft, own = FieldReport(), sample_draft(), self._connection.own
        for kind in self._connection.types if self._definition.definition.separate_types else [""]:
            named = kind or next(iter(self._connection.types))
            values = self._values(named, template_values.of_draft(draft, "check"))
            request = self._definition.create_contact.request.built(values, own.of_contact(draft))
            report += await self._missing(self._definition.contact_fields, values, named or "contact", request)
        kind, entry = next(iter(self._connection.types)), sample_entry("1")
        values = self._values(kind, {"contact_id": "1", **self._logs.values_of(entry), "key": "check"})
        request = self._definition.create_call_log.request.built(values, own.of_new_call(entry))
        return report + await self._missing(self._definition.call_log_fields, values, "call", request)

    async def _missing(
        self, operation: CompiledOperation[FieldsOperation] | None, values: Values, record: str, request: BuiltRequest
    ) -> FieldReport:
        if operation is None:
            return FieldReport(untold=(record,))
        accept = operation.defined.response.none_statuses
        answer = await self._sender.ask(operation, values, None, accept)
        if answer.status in accept:
            return FieldReport(untold=(record,))
        body = request.json or request.form or {}
        required = required_in(operation, answer, body)
        return missing_of(record, CALL_FIELDS if record == "call" else PLACEHOLDER_FIELDS, required, body)

    def _kinds(self) -> Sequence[str]:
        """The kinds that have separate records."""
        return list(self._connection.types) if self._definition.definition.separate_types else [""]

    def _values(self, kind: str, values: Mapping[str, Any]) -> Values:
        kind_values = template_values.of_type(kind, self._connection.types.get(kind))
        return {**self._connection.variables, "type": kind_values, **values}

    def _lookups(self, numbers: Sequence[PhoneNumber]) -> Sequence[_Lookup]:
        """The operations to send for each kind, with their values."""
        extensions = [number for number in numbers if number.kind is NumberKind.EXTENSION]
        others = [number for number in numbers if number.kind is not NumberKind.EXTENSION]
        if not self._definition.find_extensions:
            return self._lookups_with(self._definition.find_contacts, numbers)
        return [
            *self._lookups_with(self._definition.find_contacts, others),
            *self._lookups_with(self._definition.find_extensions, extensions),
        ]

    def _lookups_with(
        self, operation: CompiledOperation[FindContactsOperation], numbers: Sequence[PhoneNumber]
    ) -> list[_Lookup]:
        formats = self._account.settings().number_formats
        forms = {number: template_values.forms_of(number, operation.defined, formats) for number in numbers}
        if operation.defined.numbers == "one":
            return [
                (operation, {"number": of_number(number), "form": form})
                for number, many in forms.items()
                for form in many
            ]
        every = list(dict.fromkeys(form for many in forms.values() for form in many))
        values = {"numbers": [of_number(number) for number in numbers], "forms": every}
        return [(operation, values)] if every else []

    async def _found(
        self,
        operation: CompiledOperation[Any],
        values: Mapping[str, Any],
        kind: str,
        quota: RequestQuota,
        most: int | None = None,
    ) -> list[Contact]:
        found = await self._sender.records(operation, self._values(kind, values), "contacts", quota, most)
        read = [self._reader.read(record, kind, answer) async for some in in_turns(found) for record, answer in some]
        if most is not None and len(found) >= most:  # counted here: several records may be one contact
            raise CrmTooMuch("The CRM has more contacts for a number than leadline reads.", read=read)
        return read

    async def _read(self, contact_id: str, quota: RequestQuota) -> Contact | str | None:
        """A contact, or the id of the one that it became; None: there is none."""
        record_of = self._reader.own_id(contact_id, self._connection.types)
        if record_of is None or len(contact_id) > LONGEST_ID:
            return None
        kind, own_id = record_of
        operation = self._definition.get_contact
        accept = operation.defined.response.none_statuses
        answer = await self._sender.ask(operation, self._values(kind, {"contact_id": own_id}), quota, accept)
        if answer.status in accept:
            return None
        document = answer.json()
        if "moved_to" in operation.answer and (other := operation.path("moved_to").text(document)):
            return other
        if "none_when" in operation.answer and operation.path("none_when").holds(document):
            return None
        record = operation.path("contact").find(document)
        if not isinstance(record, dict):
            raise answer.unusable("has no contact at the definition's path")
        contact = self._reader.read(record, kind, answer)
        return contact if contact.id == contact_id else None  # another contact: merged, or found loosely

    def _record_of(self, entry: LogEntry) -> tuple[str, str]:
        """The kind and the CRM's id of the entry's contact. Raises CrmRejected if leadline never gave its id."""
        record_of = self._reader.own_id(entry.contact_id, self._connection.types)
        if record_of is None or len(entry.contact_id) > LONGEST_ID:
            raise CrmRejected("There is no such contact in the CRM.")
        return record_of
