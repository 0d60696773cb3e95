"""Reads contacts from a CRM's records, by the expressions of a definition."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leadline_server.crm.declarative import template_values
from leadline_server.crm.declarative.compiled_definition import CompiledDefinition
from leadline_server.crm.toolkit import HttpAnswer
from leadline_server.definitions.templates import TemplateFailed, read_time
from leadline_server.domain.contact import Contact, ContactDraft


class ContactReader:
    """Reads contacts. With `separate_types`, leadline's id of a contact begins with its kind: `leads:17`.

    Args:
        definition: the definition.
        variables: the connection's variables without the secret ones.
    """

    def __init__(self, definition: CompiledDefinition, variables: Mapping[str, Any]) -> None:
        self._definition = definition
        self._variables = variables
        self._paths = definition.contact
        self._time_format = definition.definition.contact.time_format
        self._is_separate = definition.definition.separate_types

    def id_of(self, own_id: str, kind: str) -> str:
        """The id in leadline of a record with the CRM's id `own_id`."""
        return f"{kind}:{own_id}" if self._is_separate else own_id

    def own_id(self, contact_id: str, kinds: Mapping[str, Any]) -> tuple[str, str] | None:
        """The kind and the CRM's id in leadline's id; None if it is not one of leadline's."""
        if not self._is_separate:
            return ("", contact_id) if contact_id else None
        kind, _, own_id = contact_id.partition(":")
        return (kind, own_id) if own_id and kind in kinds else None

    def read(self, record: Mapping[str, Any], kind: str, answer: HttpAnswer) -> Contact:
        """The contact in a record. Raises the answer's `unusable` if the record has no id."""
        own_id = self._text("id", record)
        if not own_id:
            raise answer.unusable("has a contact without an id")
        placeholder = self._paths.get("is_placeholder")
        attributes = {name: path.text(record) for name, path in self._definition.attributes.items()}
        return Contact(
            id=self.id_of(own_id, kind),
            name=self._text("name", record),
            phone_numbers=self._paths["phone_numbers"].texts(record),
            type=kind if self._is_separate else self._text("type", record),
            email=self._text("email", record),
            company=self._text("company", record),
            title=self._text("title", record),
            url=self._url(own_id, kind),
            create_time=self._time("create_time", record),
            last_activity_time=self._time("last_activity_time", record),
            is_placeholder=placeholder is not None and placeholder.holds(record),
            attributes={name: text for name, text in attributes.items() if text},
        )

    def of_draft(self, draft: ContactDraft, own_id: str, kind: str) -> Contact:
        """The contact created from a draft, for a CRM that answers with its id only."""
        number = draft.phone_number
        return Contact(
            id=self.id_of(own_id, kind),
            name=draft.name,
            phone_numbers=(number.e164 or number.extension or number.text,),
            type=kind,
            email=draft.email,
            company=draft.company,
            url=self._url(own_id, kind),
            is_placeholder=draft.is_placeholder and "is_placeholder" in self._paths,
        )

    def _text(self, name: str, record: Mapping[str, Any]) -> str:
        path = self._paths.get(name)
        return path.text(record) if path else ""

    def _time(self, name: str, record: Mapping[str, Any]) -> datetime | None:
        path = self._paths.get(name)
        return read_time(path.find(record), self._time_format) if path else None

    def _url(self, own_id: str, kind: str) -> str:
        values = template_values.of_type(kind, self._definition.definition.types.get(kind))
        try:
            return self._definition.contact_url.text({**self._variables, "contact_id": own_id, "type": values})
        except TemplateFailed:
            return ""  # the address is optional
