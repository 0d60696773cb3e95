"""The adapter that a definition makes. See `ports.crm.CrmAdapter` for what each method promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from leadline_server.crm.connections import AccountView
from leadline_server.crm.http import context
from leadline_server.crm.http.asking import Asker, Budget
from leadline_server.crm.http.compiled import Compiled, Ready
from leadline_server.crm.http.contacts import ContactReader
from leadline_server.crm.http.definition import ContactType
from leadline_server.crm.http.logs import LogWriter
from leadline_server.crm.http.operations import FindContacts
from leadline_server.crm.http.searching import longest_word, page_of
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.ports.crm import Capabilities, ContactPage, CrmLog, LogEntry

LONGEST_ID: Final = 500
"""The characters that an id of a CRM's may have; longer ones are nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A connection at work.

    Attributes:
        ready: its definition.
        variables: what it sets and is no secret.
        types: the kinds of contacts that there are with these variables; one without a name where there are none.
        capabilities: what it can promise with these variables.
        asker: the way to the CRM.
    """

    ready: Ready
    variables: Mapping[str, Any]
    types: Mapping[str, ContactType | None]
    capabilities: Capabilities
    asker: Asker


class DefinedCrm:
    """A CrmAdapter that a definition makes, of one account."""

    def __init__(self, connected: Connected, account: AccountView) -> None:
        self._connected = connected
        self._ready = connected.ready
        self._asker = connected.asker
        self._account = account
        self._reader = ContactReader(connected.ready, connected.variables)
        self._logs = LogWriter(connected.ready, connected.asker, lambda: account.settings().time_zone)

    @property
    def capabilities(self) -> Capabilities:
        """What the definition declares, and what its operations make possible."""
        return self._connected.capabilities

    @property
    def updates_logs(self) -> bool:
        """Whether the definition has a way to update logs."""
        return self._ready.update_call_log is not None

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """Ask for every kind of contact, and every form of every number."""
        budget = self._asker.budget()
        kinds = self._kinds()
        lookups = [
            partial(self._looked_up, operation, values, kind, budget)
            for kind in kinds
            for operation, values in self._questions(numbers)
        ]
        found = {contact.id: contact for part in await self._asker.together(lookups) for contact in part}
        if not self._ready.find_contacts.defined.read_each:
            return list(found.values())
        reads = [partial(self._read, contact_id, budget) for contact_id in found]
        return [contact for contact in await self._asker.together(reads) if contact is not None]

    async def get_contact(self, contact_id: str) -> Contact | None:
        """Ask for it."""
        return await self._read(contact_id, self._asker.budget())

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Ask for all that may fit, and take the page of those that do."""
        budget, operation = self._asker.budget(), self._ready.search_contacts
        asked = {"query": name, "word": longest_word(name)}
        lookups = [partial(self._looked_up, operation, asked, kind, budget) for kind in self._kinds()]
        found = {contact.id: contact for part in await self._asker.together(lookups) for contact in part}
        return page_of(found.values(), name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create it with the type of the draft, or the default one."""
        kind = draft.type or next(iter(self._connected.types))
        if kind not in self._connected.types:
            raise CrmRejected(f"{kind!r} is no kind of contact here; there is {', '.join(self._connected.types)}.")
        operation = self._ready.create_contact
        answer = await self._asker.tell(operation, self._values(kind, context.of_draft(draft, key)))
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
        answer = await self._asker.ask(operation, self._connected.variables)
        document = answer.json()
        if "ok" in operation.answer and not operation.path("ok").holds(document):
            raise CrmUnavailable("The CRM's answer to the check is not what the definition says.")

    def _kinds(self) -> Sequence[str]:
        """The kinds that are asked for apart."""
        return list(self._connected.types) if self._ready.definition.separate_types else [""]

    def _values(self, kind: str, values: Mapping[str, Any]) -> context.Values:
        kind_values = context.of_type(kind, self._connected.types.get(kind))
        return {**self._connected.variables, "type": kind_values, **values}

    def _questions(self, numbers: Sequence[PhoneNumber]) -> Sequence[tuple[Compiled[FindContacts], context.Values]]:
        """What is asked of each kind: the operations, and what their templates see."""
        extensions = [number for number in numbers if number.kind is NumberKind.EXTENSION]
        others = [number for number in numbers if number.kind is not NumberKind.EXTENSION]
        if not self._ready.find_extensions:
            return self._of(self._ready.find_contacts, numbers)
        return [*self._of(self._ready.find_contacts, others), *self._of(self._ready.find_extensions, extensions)]

    def _of(
        self, operation: Compiled[FindContacts], numbers: Sequence[PhoneNumber]
    ) -> list[tuple[Compiled[FindContacts], context.Values]]:
        formats = self._account.settings().number_formats
        forms = {number: context.forms_of(number, operation.defined, formats) for number in numbers}
        if operation.defined.numbers == "one":
            return [
                (operation, {"number": context.of_number(number), "form": form})
                for number, many in forms.items()
                for form in many
            ]
        every = list(dict.fromkeys(form for many in forms.values() for form in many))
        values = {"numbers": [context.of_number(number) for number in numbers], "forms": every}
        return [(operation, values)] if every else []

    async def _looked_up(
        self, operation: Compiled[Any], values: Mapping[str, Any], kind: str, budget: Budget
    ) -> list[Contact]:
        found = await self._asker.records(operation, self._values(kind, values), "contacts", budget)
        return [self._reader.read(record, kind, answer) for record, answer in found]

    async def _read(self, contact_id: str, budget: Budget) -> Contact | None:
        whose = self._reader.own_id(contact_id, self._connected.types)
        if whose is None or len(contact_id) > LONGEST_ID:
            return None
        kind, own_id = whose
        operation = self._ready.get_contact
        accept = operation.defined.response.none_statuses
        answer = await self._asker.ask(operation, self._values(kind, {"contact_id": own_id}), budget, accept)
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
