"""HubSpot's schemas, which tell the required properties of contacts and calls ("CRM API | Schemas")."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from leadline_server.crm.hubspot.paths import Paths
from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.own_fields import CALL_FIELDS, PLACEHOLDER_FIELDS
from leadline_server.crm.toolkit.required_fields import FieldReport, missing_of
from leadline_server.crm.toolkit.wire_record import WireRecord

_UNTOLD: Final = frozenset({403, 404})


class _SchemaProperty(WireRecord, frozen=True):
    name: str
    label: str = ""


class RecordSchema(WireRecord, frozen=True, rename="camel"):
    """A kind of record, and the properties that a new one needs ("CRM API | Schemas")."""

    required_properties: tuple[str, ...] = ()
    properties: tuple[_SchemaProperty, ...] = ()


a_schema: Final = msgspec.json.Decoder(RecordSchema)


async def missing_fields(
    client: HttpClient, paths: Paths, contact: Mapping[str, Any], call: Mapping[str, Any]
) -> FieldReport:
    """The required properties without a value. `contact` and `call` are the least that leadline writes."""
    contacts = await _missing(client, paths, "contacts", PLACEHOLDER_FIELDS, contact)
    return contacts + await _missing(client, paths, "calls", CALL_FIELDS, call)


async def _missing(
    client: HttpClient, paths: Paths, record: str, setting: str, values: Mapping[str, Any]
) -> FieldReport:
    """An app without the scope for schemas leaves the properties of a kind of record untold."""
    answer = await client.ask("GET", f"{paths.schemas}/{record}", accept=_UNTOLD)
    if answer.status in _UNTOLD:
        return FieldReport(untold=(record,))
    schema = answer.decode(a_schema)
    labels = {each.name: each.label for each in schema.properties}
    return missing_of(record, setting, {name: labels.get(name, "") for name in schema.required_properties}, values)
