"""The models of a definition's operations: the request of each, and the paths of values in its answer."""

from typing import Final, Literal

from pydantic import Field, JsonValue

from leadline_server.crm.declarative.answers import (
    CheckAnswer,
    CreatedAnswer,
    DeletedAnswer,
    FieldsAnswer,
    ListAnswer,
    LoggedAnswer,
    LogsAnswer,
    RecordAnswer,
    RelatedAnswer,
    UpdatedAnswer,
    UseAnswer,
)
from leadline_server.definitions.schema import DefinitionTable, Name, Path, Text

Form = Literal["e164", "digits", "national", "significant", "patterns", "number_formats"]

ALL_FORMS: Final[tuple[Form, ...]] = ("e164", "digits", "national", "significant", "number_formats")


class Operation(DefinitionTable):
    """One request."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", description="The HTTP method.")
    path: Path = Field(description="Template: the path below `base_url`. leadline quotes each segment.")
    query: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Templates: the query string. A list repeats its name; `none` is left out.",
    )
    headers: dict[str, Text] = Field(default_factory=dict, description="Templates: headers of this request.")
    body: JsonValue = Field(None, description="Templates in a JSON structure: the body. A value of `none` is left out.")
    form: dict[str, Text] = Field(default_factory=dict, description="Templates: the body as a form instead.")
    scope: str = Field("", description="The scope of the `rates` that it counts for, besides those without a scope.")


class FindContactsOperation(Operation):
    """Looks up numbers."""

    numbers: Literal["one", "all"] = Field(
        "one",
        description="`one`: a request for each form of each number, the templates' `number` and `form`; "
        "`all`: one for all forms of all numbers, the templates' `forms`, up to 16 numbers of several lookups.",
    )
    forms: list[Form] = Field(
        default_factory=lambda: list(ALL_FORMS), description="The forms in which numbers are sent."
    )
    patterns: list[str] = Field(
        default_factory=list, description="Further forms, with a # for each digit; they are the form `patterns`."
    )
    last_digits: int = Field(
        0,
        ge=0,
        le=20,
        description="How many last digits the CRM compares. A form with the same last digits as one before is not "
        "sent. 0: all forms are sent.",
    )
    read_each: bool = Field(
        False,
        description="Whether each contact that is found is read by `get_contact`, if lists leave out fields.",
    )
    response: ListAnswer = Field(description="The parts of the answer.")


class GetContactOperation(Operation):
    """Reads a contact by its id, the template's `contact_id`."""

    response: RecordAnswer = Field(default_factory=RecordAnswer, description="The parts of the answer.")


class SearchContactsOperation(Operation):
    """Finds contacts by a part of the name: the template's `query`, or its longest word, `word`.

    The CRM may find too many, and in any order. leadline keeps those that match, and sorts them.
    """

    response: ListAnswer = Field(description="The parts of the answer.")


class CreateContactOperation(Operation):
    """Creates a contact."""

    response: CreatedAnswer = Field(description="The parts of the answer.")


class CreateCallLogOperation(Operation):
    """Logs a call."""

    response: LoggedAnswer = Field(description="The parts of the answer.")


class ReadCallLogOperation(Operation):
    """Reads a log before an update, so that text that people added stays, and for the conformance suite.

    leadline reads logs back (`get_call_log`) if the request needs no `contact_id` and no `type`.
    """

    response: LogsAnswer = Field(description="The parts of the answer. The log is the one with the right id.")


class UpdateCallLogOperation(Operation):
    """Updates a log."""

    response: UpdatedAnswer = Field(default_factory=UpdatedAnswer, description="The parts of the answer.")


class DeleteCallLogOperation(Operation):
    """Deletes a log, the template's `log_id`. leadline deletes only those of its own tests."""

    response: UpdatedAnswer = Field(
        default_factory=UpdatedAnswer, description="The parts of the answer. The statuses 404 and 410 say: it is gone."
    )


class FindCallLogOperation(Operation):
    """Finds the log that was written with the template's `key`."""

    needs: list[str] = Field(default_factory=list, description="Variables that must be set to find logs.")
    response: LogsAnswer = Field(description="The parts of the answer.")


class ContactUseOperation(Operation):
    """Reads whether people edited a contact, before it is deleted."""

    response: UseAnswer = Field(description="The parts of the answer.")


class RelatedRecordsOperation(Operation):
    """Reads the records that belong to a contact: a request for each list, the template's `list`.

    If one has a record other than leadline's own logs, people use the contact, and it is not deleted.
    """

    lists: list[Text] = Field(min_length=1, max_length=50, description="The lists of every kind of contact.")
    more_lists: dict[Name, list[Text]] = Field(
        default_factory=dict, description="Further lists of some kinds of contacts, by kind."
    )
    log_list: Text = Field(description="The list that has call logs. leadline's own do not count.")
    response: RelatedAnswer = Field(description="The parts of the answer.")


class DeleteContactOperation(Operation):
    """Deletes a contact that no one has used. It needs `contact_use` and `related_records`."""

    response: DeletedAnswer = Field(default_factory=DeletedAnswer, description="The parts of the answer.")


class FieldsOperation(Operation):
    """Reads which fields a new contact of the template's `type`, or a new call, needs."""

    response: FieldsAnswer = Field(default_factory=FieldsAnswer, description="The parts of the answer.")


class CheckOperation(Operation):
    """Checks whether the CRM answers and accepts the credentials."""

    response: CheckAnswer | None = Field(None, description="The parts of the answer. Unset: any JSON is good.")


class Operations(DefinitionTable):
    """The requests, by the method of leadline that sends them."""

    find_contacts: FindContactsOperation = Field(description="Contacts by number.")
    find_extensions: FindContactsOperation | None = Field(
        None, description="Contacts by bare extension. Unset: `find_contacts` looks these up too."
    )
    get_contact: GetContactOperation = Field(description="One contact by its id.")
    search_contacts: SearchContactsOperation = Field(description="Contacts by name.")
    create_contact: CreateContactOperation = Field(description="Creates a contact.")
    create_call_log: CreateCallLogOperation = Field(description="Logs a call.")
    read_call_log: ReadCallLogOperation | None = Field(None, description="Reads a log before an update.")
    update_call_log: UpdateCallLogOperation | None = Field(
        None, description="Updates a log. Unset: a log stays as it was first written."
    )
    find_call_log: FindCallLogOperation | None = Field(
        None, description="Finds a log by its key. Unset: a log whose answer was lost may exist twice."
    )
    delete_call_log: DeleteCallLogOperation | None = Field(
        None, description="Deletes the logs of `leadline connections check --assumptions`. Unset: people delete them."
    )
    contact_use: ContactUseOperation | None = Field(None, description="Reads whether a contact was edited.")
    related_records: RelatedRecordsOperation | None = Field(
        None, description="Reads the records that belong to a contact."
    )
    delete_contact: DeleteContactOperation | None = Field(
        None, description="Deletes a contact that no one has used. Unset: leadline lists its placeholders only."
    )
    contact_fields: FieldsOperation | None = Field(
        None, description="Reads which fields a contact needs, for `leadline connections check`."
    )
    call_log_fields: FieldsOperation | None = Field(None, description="Reads which fields a call needs, likewise.")
    check: CheckOperation = Field(description="Checks the connection.")
