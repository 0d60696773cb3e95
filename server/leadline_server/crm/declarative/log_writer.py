"""Call logs as a definition writes them."""

from collections.abc import Callable, Mapping
from typing import Any

from leadline_server.crm.declarative import template_values
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledOperation
from leadline_server.crm.declarative.operation_sender import OperationSender
from leadline_server.crm.declarative.template_values import Values
from leadline_server.crm.toolkit.call_text import BEGIN, END
from leadline_server.definitions.templates import TemplateFailed
from leadline_server.domain.errors import CrmRejected, CrmUnavailable
from leadline_server.ports.crm import CrmLog, LogEntry

_GONE = "The call's log is no longer in the CRM."


class LogWriter:
    """Writes, updates and finds logs.

    Args:
        ready: the definition.
        sender: the way to the CRM.
        time_zone: gives the zone that times are written in.
    """

    def __init__(self, ready: CompiledDefinition, sender: OperationSender, time_zone: Callable[[], str]) -> None:
        self._ready = ready
        self._sender = sender
        self._time_zone = time_zone

    async def create(self, entry: LogEntry, key: str, values: Mapping[str, Any]) -> CrmLog:
        """Log a call; `values` are those of the connection, and say whose it is."""
        operation = self._ready.create_call_log
        answer = await self._sender.tell(operation, {**values, **self._told(entry, None), "key": key})
        log_id = operation.path("id").text(answer.json())
        if not log_id:
            raise answer.unusable("does not say the new log's id")
        return self._log(log_id, values)

    async def update(self, log_id: str, entry: LogEntry, values: Mapping[str, Any]) -> CrmLog:
        """Update a log, with what people added to its text."""
        operation = self._ready.update_call_log
        if operation is None:
            raise CrmRejected("The definition of this CRM has no way to change a log that was written.")
        existing = await self._existing(log_id, values)
        told = {**values, **self._told(entry, existing), "log_id": log_id}
        answer = await self._sender.tell(operation, told)
        if "ok" in operation.answer and not operation.path("ok").holds(answer.json()):
            raise answer.unusable("does not say that it was done")
        if answer.body:
            answer.json()  # a page of a proxy is no success
        return self._log(log_id, values)

    async def find(self, key: str, values: Mapping[str, Any]) -> CrmLog | None:
        """The log that was written with `key`."""
        operation = self._ready.find_call_log
        if operation is None:
            raise CrmUnavailable("The definition of this CRM has no way to find a log.")
        records = await self._sender.records(operation, {**values, "key": key}, "logs", self._sender.quota())
        for record, answer in records:
            log_id = operation.path("id").text(record)
            if not log_id:
                raise answer.unusable("has a log without an id")
            if "body" not in operation.answer or key in _outside(_body(operation, record)):
                return self._log(log_id, values)
        return None

    async def _existing(self, log_id: str, values: Mapping[str, Any]) -> str | None:
        """The text that a log has now; None where the definition does not read it."""
        operation = self._ready.read_call_log
        if operation is None:
            return None
        asked = {**values, "log_id": log_id}
        for record, _ in await self._sender.records(operation, asked, "logs", self._sender.quota()):
            if operation.path("id").text(record) == log_id:
                return _body(operation, record)
        raise CrmRejected(_GONE)

    def _told(self, entry: LogEntry, existing: str | None) -> Values:
        definition = self._ready.definition
        return template_values.of_entry(entry, self._time_zone(), definition.call_log, definition.words, existing)

    def _log(self, log_id: str, values: Mapping[str, Any]) -> CrmLog:
        try:
            return CrmLog(log_id, self._ready.log_url.text({**values, "log_id": log_id}))
        except TemplateFailed:
            return CrmLog(log_id)  # a page to look at is no part of the answer


def _outside(body: str) -> str:
    """What stands beside leadline's own text: a caller, who has a say in that, cannot pass for another call."""
    begin, end = body.find(BEGIN), body.rfind(END)
    return body[:begin] + body[end + len(END) :] if 0 <= begin < end else body


def _body(operation: CompiledOperation[Any], record: Mapping[str, Any]) -> str:
    """All of a log's text: what is left out of it here would be lost in the CRM."""
    found = operation.path("body").find(record)
    return found if isinstance(found, str) else ""
