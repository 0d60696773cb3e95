"""Writes, updates and finds call logs, by the operations of a definition."""

from collections.abc import Callable, Mapping
from typing import Any

from leadline_server.crm.declarative import template_values
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledOperation
from leadline_server.crm.declarative.operation_sender import OperationSender
from leadline_server.crm.toolkit.call_text import BEGIN, END
from leadline_server.crm.toolkit.field_values import Values
from leadline_server.crm.toolkit.own_fields import OwnFields
from leadline_server.definitions.templates import TemplateFailed
from leadline_server.domain.errors import CrmRejected, CrmUnavailable
from leadline_server.ports.crm import CrmLog, LogEntry

_GONE = "The call's log is no longer in the CRM."


class LogWriter:
    """Writes, updates and finds logs.

    Args:
        definition: the definition.
        sender: sends its operations.
        time_zone: returns the IANA zone in which times are written.
        own: fields of the administrator's own.
    """

    def __init__(
        self, definition: CompiledDefinition, sender: OperationSender, time_zone: Callable[[], str], own: OwnFields
    ) -> None:
        self._definition = definition
        self._sender = sender
        self._time_zone = time_zone
        self._own = own

    async def create(self, entry: LogEntry, key: str, values: Mapping[str, Any]) -> CrmLog:
        """Log a call. `values` are the values of the connection and of the contact."""
        operation = self._definition.create_call_log
        answer = await self._sender.tell(
            operation, {**values, **self.values_of(entry), "key": key}, self._own.of_new_call(entry)
        )
        log_id = operation.path("id").text(answer.json())
        if not log_id:
            raise answer.unusable("does not say the new log's id")
        return self._log(log_id, values)

    async def update(self, log_id: str, entry: LogEntry, values: Mapping[str, Any]) -> CrmLog:
        """Update a log. Text that people added stays."""
        operation = self._definition.update_call_log
        if operation is None:
            raise CrmRejected("The definition of this CRM has no operation to change a log.")
        existing = await self._existing(log_id, values)
        told = {**values, **self._entry_values(entry, existing), "log_id": log_id}
        answer = await self._sender.tell(operation, told, self._own.of_changed_call(entry))
        if "ok" in operation.answer and not operation.path("ok").holds(answer.json()):
            raise answer.unusable("does not say that the log was updated")
        if answer.body:
            answer.json()  # raises for a proxy's page
        return self._log(log_id, values)

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

    async def _existing(self, log_id: str, values: Mapping[str, Any]) -> str | None:
        """The current text of a log; None if the definition does not read it."""
        operation = self._definition.read_call_log
        if operation is None:
            return None
        asked = {**values, "log_id": log_id}
        for record, _ in await self._sender.records(operation, asked, "logs", self._sender.quota()):
            if operation.path("id").text(record) == log_id:
                return _body(operation, record)
        raise CrmRejected(_GONE)

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


def _body(operation: CompiledOperation[Any], record: Mapping[str, Any]) -> str:
    """The whole text of a log. It is not cut: a part that is missing here would be lost in the CRM."""
    found = operation.path("body").find(record)
    return found if isinstance(found, str) else ""
