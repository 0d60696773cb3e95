"""Writes, updates, finds and reads call logs, by the operations of a definition."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from leadline_server.crm.declarative import template_values
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledOperation
from leadline_server.crm.declarative.operation_sender import OperationSender, reading
from leadline_server.crm.toolkit.call_text import BEGIN, END, Style, note_in
from leadline_server.crm.toolkit.field_values import Values
from leadline_server.crm.toolkit.own_fields import OwnFields
from leadline_server.definitions.templates import TemplateFailed
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError, CrmRejected, CrmUnavailable
from leadline_server.ports.crm import CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog

_GONE = "The call's log is no longer in the CRM."
_GONE_STATUSES = frozenset({404, 410})


class LogWriter:
    """Writes, updates, finds and reads logs.

    Args:
        definition: the definition.
        sender: sends its operations.
        time_zone: returns the IANA zone in which times are written.
        own: fields of the administrator's own.
        read_contact: reads a contact by leadline's id.
    """

    def __init__(
        self,
        definition: CompiledDefinition,
        sender: OperationSender,
        time_zone: Callable[[], str],
        own: OwnFields,
        read_contact: Callable[[str], Awaitable[Contact | None]],
    ) -> None:
        self._definition = definition
        self._sender = sender
        self._time_zone = time_zone
        self._read_contact = read_contact
        self._own = own

    async def create(self, entry: LogEntry, key: str, values: Mapping[str, Any]) -> CrmLog:
        """Log a call. `values` are the values of the connection and of the contact."""
        operation = self._definition.create_call_log
        told = {**values, **self.values_of(entry), "key": key}
        answer = await self._sender.tell(operation, told, self._own.of_new_call(entry))
        with reading(answer):
            log_id = operation.path("id").text(answer.json())
        if not log_id:
            raise answer.unusable("does not say the new log's id")
        return self._log(log_id, values)

    async def update(self, log_id: str, entry: LogEntry, values: Mapping[str, Any]) -> CrmLog:
        """Update a log. Text that people added stays."""
        operation = self._definition.update_call_log
        if operation is None:
            raise CrmRejected("The definition of this CRM has no operation to change a log.")
        existing, contact_ids = await self._existing(log_id, values)
        told = {**values, **self._entry_values(entry, existing), "log_id": log_id, "moves": entry.moves}
        answer = await self._sender.tell(operation, told, self._own.of_changed_call(entry))
        with reading(answer):
            is_updated = "ok" not in operation.answer or operation.path("ok").holds(answer.json())
        if not is_updated:
            raise answer.unusable("does not say that the log was updated")
        if answer.body:
            answer.json()  # raises for a proxy's page
        if entry.moves:
            return self._log(log_id, values)
        return replace(self._log(log_id, values), contact_id=await self._present_contact(entry.contact_id, contact_ids))

    async def get(self, log_id: str, values: Mapping[str, Any]) -> StoredCallLog | None:
        """The log as the CRM has it now."""
        operation = self._definition.read_call_log
        record = None if operation is None else await self._record(operation, log_id, values)
        if operation is None or record is None:
            return None
        text, style = _body(operation, record), Style(is_html=self._definition.definition.call_log.html)
        return StoredCallLog(
            id=log_id,
            contact_id=next(iter(_contact_ids(operation, record)), ""),
            subject=operation.path("subject").text(record) if "subject" in operation.answer else "",
            note=note_in(text, style),
            text=text,
        )

    async def find(self, key: str, values: Mapping[str, Any]) -> CrmLog | None:
        """The log that was written with `key`."""
        operation = self._definition.find_call_log
        if operation is None:
            raise CrmUnavailable("The definition of this CRM has no operation to find a log.")
        records = await self._sender.records(operation, {**values, "key": key}, "logs", self._sender.quota())
        for record, answer in records:
            log_id = operation.path("id").text(record)
            if not log_id:
                raise answer.unusable("has a log without an id")
            if "body" not in operation.answer or key in _around_body(_body(operation, record)):
                return self._log(log_id, values)
        return None

    async def delete(self, log_id: str, values: Mapping[str, Any]) -> None:
        """Delete a log. One that is gone is deleted already."""
        operation = self._definition.delete_call_log
        if operation is None:
            raise CrmRejected("The definition of this CRM has no operation to delete a log.")
        answer = await self._sender.tell(operation, {**values, "log_id": log_id}, accept=_GONE_STATUSES)
        if answer.status in _GONE_STATUSES or "ok" not in operation.answer:
            return
        with reading(answer):
            is_deleted = operation.path("ok").holds(answer.json())
        if not is_deleted:
            raise answer.unusable("does not say that the log was deleted")

    async def _present_contact(self, expected: str, contact_ids: Sequence[str]) -> str:
        """The contact that a log is at: `expected`, what it became, or the first that people made it; empty: not known.

        Some CRMs keep a converted lead at the log, beside the contact that it became.
        """
        others = [contact_id for contact_id in contact_ids if contact_id != expected]
        if not others:
            return expected if contact_ids else ""
        if len(others) == len(contact_ids):
            return others[0]
        with suppress(CrmError):
            if (contact := await self._read_contact(expected)) is not None:
                return contact.id
        return others[0]

    async def _existing(self, log_id: str, values: Mapping[str, Any]) -> tuple[str | None, Sequence[str]]:
        """The current text of a log, and leadline's ids of its contacts; None if the definition does not read it."""
        operation = self._definition.read_call_log
        if operation is None:
            return None, ()
        record = await self._record(operation, log_id, values)
        if record is None:
            raise CrmRejected(_GONE)
        return _body(operation, record), _contact_ids(operation, record)

    async def _record(
        self, operation: CompiledOperation[Any], log_id: str, values: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The record of a log; None if it is gone."""
        asked = {**values, "log_id": log_id}
        records = await self._sender.records(operation, asked, "logs", self._sender.quota())
        return next((record for record, _ in records if operation.path("id").text(record) == log_id), None)

    def values_of(self, entry: LogEntry) -> Values:
        """The values that the templates of a new log see."""
        return self._entry_values(entry, None)

    def _entry_values(self, entry: LogEntry, existing: str | None) -> Values:
        definition = self._definition.definition
        return template_values.of_entry(entry, self._time_zone(), definition.call_log, definition.words, existing)

    def _log(self, log_id: str, values: Mapping[str, Any]) -> CrmLog:
        try:
            return CrmLog(log_id, self._definition.log_url.text({**values, "log_id": log_id}))
        except TemplateFailed:
            return CrmLog(log_id)  # the address is optional


def _around_body(text: str) -> str:
    """The text outside leadline's body. A caller's words are in the body, so they cannot imitate another call's key."""
    begin, end = text.find(BEGIN), text.rfind(END)
    return text[:begin] + text[end + len(END) :] if 0 <= begin < end else text


def _contact_ids(operation: CompiledOperation[Any], record: Mapping[str, Any]) -> Sequence[str]:
    """Leadline's ids of a log's contacts; none if the definition does not tell them."""
    return operation.path("contacts").texts(record) if "contacts" in operation.answer else ()


def _body(operation: CompiledOperation[Any], record: Mapping[str, Any]) -> str:
    """The whole text of a log. It is not cut: a part that is missing here would be lost in the CRM."""
    found = operation.path("body").find(record)
    return found if isinstance(found, str) else ""
