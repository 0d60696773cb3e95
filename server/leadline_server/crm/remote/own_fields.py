"""Fields of the administrator's own in messages to an adapter, and the fields that its CRM requires."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from leadline.adapter.v1 import adapter_service_pb2 as pb

from leadline_server.crm.remote.description import Description
from leadline_server.crm.toolkit.field_values import Values
from leadline_server.crm.toolkit.own_fields import (
    CALL_FIELDS,
    PLACEHOLDER_FIELDS,
    OwnFields,
    sample_draft,
    sample_entry,
)
from leadline_server.crm.toolkit.required_fields import FieldReport, missing_of
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import LogEntry

MOST_REQUIRED: Final = 1_000
MOST_CHARACTERS: Final = 128
"""The most required fields of one kind of record, and the most characters of a field's name."""


class RemoteFields:
    """The rendered fields of one connection. An adapter that does not write them is sent none.

    Args:
        own: the fields of the settings.
        description: the adapter's description.
        title: the adapter's name in messages.
    """

    def __init__(self, own: OwnFields, description: Description, title: str) -> None:
        self._own = own
        self._description = description
        self._title = title

    def of_contact(self, draft: ContactDraft) -> Values:
        """The fields of a new contact. Raises CrmRejected if there are any, and the adapter does not write them."""
        return self._written(PLACEHOLDER_FIELDS, self._own.of_contact(draft))

    def of_new_call(self, entry: LogEntry) -> Values:
        """The fields of a new call log. Raises as `of_contact`."""
        return self._written(CALL_FIELDS, self._own.of_new_call(entry))

    def of_changed_call(self, entry: LogEntry) -> Values:
        """The fields of an update. Raises as `of_contact`."""
        return self._written(CALL_FIELDS, self._own.of_changed_call(entry))

    def report(self) -> FieldReport:
        """The required fields without a value, as the adapter described them. Raises as `of_contact`."""
        contact, call = self.of_contact(sample_draft()), self.of_new_call(sample_entry("1"))
        required = self._description.required_fields
        if required is None:
            return FieldReport(untold=("contacts", "calls"))
        return missing_of("contact", PLACEHOLDER_FIELDS, _labels(required.contact), contact) + missing_of(
            "call", CALL_FIELDS, _labels(required.call_log), call
        )

    def _written(self, setting: str, fields: Values) -> Values:
        if fields and not self._description.writes_fields:
            raise CrmRejected(f"{self._title} does not write the {setting} of the settings.")
        return fields


def _labels(required: Iterable[pb.RequiredField]) -> Mapping[str, Any]:
    """Labels by name, as far as the contract allows."""
    named = {field.name: field.label[:MOST_CHARACTERS] for field in required if 0 < len(field.name) <= MOST_CHARACTERS}
    return dict(list(named.items())[:MOST_REQUIRED])
