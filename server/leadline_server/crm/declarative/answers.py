"""The models of an operation's answer: the paths of values in it."""

from typing import Annotated

from pydantic import Field

from leadline_server.definitions.schema import DefinitionTable, Path, Text

Status = Annotated[int, Field(ge=200, le=499)]


class Paging(DefinitionTable):
    """How to read the next page. Exactly one of `next`, `next_url` and `size` is set."""

    next: Path | None = Field(None, description="JMESPath: the cursor of the next page, the template's `cursor`.")
    next_url: Path | None = Field(None, description="JMESPath: the next page's address, on the same server.")
    size: int | None = Field(None, ge=1, le=1_000, description="Records a page, the templates' `size`, with `offset`.")
    total: Path | None = Field(None, description="JMESPath: with `size`, the number of all records.")


class ListAnswer(DefinitionTable):
    """The parts of an answer with contacts."""

    contacts: Path = Field(description="JMESPath: the list of records. An answer without a list means: cannot tell.")
    none_statuses: list[Status] = Field(default_factory=list, description="Statuses that mean: no contact.")
    complete: Path | None = Field(
        None, description="JMESPath: true unless the CRM left out records, which means: cannot tell."
    )
    paging: Paging | None = Field(None, description="How to read the next page. Unset: an answer is complete.")


class RecordAnswer(DefinitionTable):
    """The parts of an answer with one contact."""

    contact: Path = Field("@", description="JMESPath: the record.")
    none_statuses: list[Status] = Field(
        default_factory=lambda: [404, 410], description="Statuses that mean: no such contact."
    )
    none_when: Path | None = Field(None, description="JMESPath: true if the answer means: no such contact.")
    moved_to: Path | None = Field(
        None,
        description="JMESPath: leadline's id of the contact that this one was merged into or converted to. Lookups "
        "leave out contacts that have moved.",
    )


class CreatedAnswer(DefinitionTable):
    """The parts of the answer to a new contact."""

    id: Path = Field(description="JMESPath: the new record's id.")
    contact: Path | None = Field(None, description="JMESPath: the whole record, if the answer has it.")


class LoggedAnswer(DefinitionTable):
    """The parts of the answer to a new log."""

    id: Path = Field(description="JMESPath: the new log's id.")


class UpdatedAnswer(DefinitionTable):
    """The parts of the answer to an update."""

    ok: Path | None = Field(None, description="JMESPath: true if the log was updated. Unset: a 2xx status says so.")


class LogsAnswer(DefinitionTable):
    """The parts of an answer with call logs."""

    logs: Path = Field(description="JMESPath: the list of logs. `[@]` makes a list of an answer that is the log.")
    id: Path = Field("id", description="JMESPath: a log's id, within its record.")
    body: Path | None = Field(
        None,
        description="JMESPath: the text of a log, within its record. A log that is found by its key must contain that "
        "key outside of leadline's own text.",
    )
    subject: Path | None = Field(None, description="JMESPath: the subject of a log, within its record.")
    contacts: Path | None = Field(
        None,
        description="JMESPath: leadline's id of the contact that a log is at, or a list of ids, within its record. "
        "People may have moved the log; leadline then shows their contact.",
    )
    none_statuses: list[Status] = Field(default_factory=list, description="Statuses that mean: no such log.")
    paging: Paging | None = Field(None, description="How to read the next page. Unset: an answer is complete.")


class CheckAnswer(DefinitionTable):
    """The parts of the answer to the check."""

    ok: Path = Field(description="JMESPath: true if the CRM works.")


class FieldsAnswer(DefinitionTable):
    """The parts of an answer with the fields of a kind of record."""

    fields: Path = Field("@", description="JMESPath: the fields, as an object by name or as a list.")
    name: Path = Field(
        "name", description="JMESPath: a field's name in the body of a request, within its record of a list."
    )
    label: Path | None = Field(None, description="JMESPath: a field's name for people, within its record.")
    required: Path = Field("required", description="JMESPath: true if a new record needs the field, within its record.")
    suffixes: list[Text] = Field(
        default_factory=list, description="Further ends of a name in a body, such as `Id` if a link has its id there."
    )
    none_statuses: list[Status] = Field(
        default_factory=lambda: [403, 404], description="Statuses that mean: this CRM does not tell."
    )


class UseAnswer(DefinitionTable):
    """The parts of an answer that says whether people edited a contact."""

    edited: Path = Field(description="JMESPath: true if the contact was changed since it was created.")
    none_statuses: list[Status] = Field(
        default_factory=lambda: [404, 410], description="Statuses that mean: no such contact."
    )


class RelatedAnswer(DefinitionTable):
    """The parts of an answer with records that belong to a contact."""

    ids: Path = Field(description="JMESPath: the list of their ids. A page with more than 100 is enough.")
    untold_statuses: list[Status] = Field(
        default_factory=lambda: [403, 404], description="Statuses that mean: this user may not read them."
    )


class DeletedAnswer(DefinitionTable):
    """The parts of the answer to a deletion."""

    gone_statuses: list[Status] = Field(
        default_factory=lambda: [404, 410], description="Statuses that mean: it is gone already."
    )
