"""The fields that a CRM requires, as far as its API tells, and those of them that leadline would leave empty."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredField:
    """A required field without a value.

    Attributes:
        record: the CRM's word for the kind of record, such as `Lead`.
        name: the field's name in the CRM's API, such as `Industry__c`.
        label: the field's name for people; empty: the CRM does not tell it.
        setting: the setting that gives it a value: `placeholder_fields` or `call_fields`.
    """

    record: str
    name: str
    label: str = ""
    setting: str


@dataclass(frozen=True, slots=True)
class FieldReport:
    """The required fields of a connection.

    Attributes:
        missing: those that have no value.
        untold: kinds of records whose required fields the CRM does not tell.
    """

    missing: tuple[RequiredField, ...] = ()
    untold: tuple[str, ...] = ()

    def __add__(self, other: "FieldReport") -> "FieldReport":
        """Both reports."""
        return FieldReport(self.missing + other.missing, self.untold + other.untold)


@runtime_checkable
class TellsRequiredFields(Protocol):
    """An adapter whose CRM tells the fields that it requires. It writes nothing."""

    async def required_fields(self) -> FieldReport:
        """The required fields without a value. Raises what `CrmAdapter.check` raises."""
        ...


def missing_of(record: str, setting: str, required: Mapping[str, str], values: Mapping[str, Any]) -> FieldReport:
    """The required fields that a record leaves empty.

    Args:
        record: the CRM's word for the kind of record.
        setting: the setting that fills its fields.
        required: labels of the required fields, by name.
        values: the fields of the least record that leadline writes.
    """
    return FieldReport(tuple(_missing(record, setting, required, values)))


def _missing(
    record: str, setting: str, required: Mapping[str, str], values: Mapping[str, Any]
) -> Iterable[RequiredField]:
    for name, label in required.items():
        if values.get(name) in (None, ""):
            yield RequiredField(record=record, name=name, label=label, setting=setting)
