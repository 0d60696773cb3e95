"""The requests of a definition: what each operation sends, and what it reads of the answer."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

Text = Annotated[str, StringConstraints(max_length=10_000)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Status = Annotated[int, Field(ge=200, le=499)]
Form = Literal["e164", "digits", "national", "significant", "patterns", "number_formats"]

ALL_FORMS: Final[tuple[Form, ...]] = ("e164", "digits", "national", "significant", "number_formats")


class DefinitionTable(BaseModel):
    """The base of every table: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Operation(DefinitionTable):
    """One request."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", description="The HTTP method.")
    path: Path = Field(description="Template: the path from `base_url` on. Each segment is quoted by leadline.")
    query: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Templates: what stands behind the `?`. A list repeats its name; none is left out.",
    )
    headers: dict[str, Text] = Field(default_factory=dict, description="Templates: headers of this request.")
    body: JsonValue = Field(
        None, description="Templates in a JSON structure: the body. What comes to none is left out."
    )
    form: dict[str, Text] = Field(default_factory=dict, description="Templates: a body written as a form instead.")
    scope: str = Field("", description="Which of the `rates` it counts for besides the common ones.")


class Paging(DefinitionTable):
    """How an answer goes on. One of `next`, `next_url`, `size`."""

    next: Path | None = Field(None, description="JMESPath: the cursor of the next page, the template's `cursor`.")
    next_url: Path | None = Field(None, description="JMESPath: the next page's address, on the same server.")
    size: int | None = Field(None, ge=1, le=1_000, description="Records a page, the templates' `size`, with `offset`.")
    total: Path | None = Field(None, description="JMESPath: with `size`, how many there are in all.")


class ListAnswer(DefinitionTable):
    """What is read of an answer with contacts."""

    contacts: Path = Field(description="JMESPath: the list of records. An answer without a list cannot tell.")
    none_statuses: list[Status] = Field(default_factory=list, description="Statuses that mean that there are none.")
    complete: Path | None = Field(None, description="JMESPath: true unless the CRM left some out: then cannot tell.")
    paging: Paging | None = Field(None, description="How it goes on; without, an answer is the whole.")


class RecordAnswer(DefinitionTable):
    """What is read of an answer with one contact."""

    contact: Path = Field("@", description="JMESPath: the record.")
    none_statuses: list[Status] = Field(
        default_factory=lambda: [404, 410], description="Statuses that mean that there is none."
    )
    none_when: Path | None = Field(None, description="JMESPath: true where the answer says that there is none.")


class CreatedAnswer(DefinitionTable):
    """What is read of the answer to a new contact."""

    id: Path = Field(description="JMESPath: the new record's id.")
    contact: Path | None = Field(None, description="JMESPath: the whole record, where the CRM answers with it.")


class LoggedAnswer(DefinitionTable):
    """What is read of the answer to a new log."""

    id: Path = Field(description="JMESPath: the new log's id.")


class UpdatedAnswer(DefinitionTable):
    """What is read of the answer to an update."""

    ok: Path | None = Field(None, description="JMESPath: true where it was done; without, any success is one.")


class LogsAnswer(DefinitionTable):
    """What is read of an answer with call logs."""

    logs: Path = Field(description="JMESPath: the list of logs; `[@]` makes one of an answer that is the log itself.")
    id: Path = Field("id", description="JMESPath: a log's id, over its record.")
    body: Path | None = Field(
        None,
        description="JMESPath: the text of a log, over its record. A log that is found by its key must have that key "
        "in it, outside of what leadline wrote of the call.",
    )
    none_statuses: list[Status] = Field(default_factory=list, description="Statuses that mean that there is none.")
    paging: Paging | None = Field(None, description="How it goes on; without, an answer is the whole.")


class CheckAnswer(DefinitionTable):
    """What is read of the answer to the check."""

    ok: Path = Field(description="JMESPath: true where all is well.")


class FindContactsOperation(Operation):
    """Looks numbers up."""

    numbers: Literal["one", "all"] = Field(
        "one",
        description="`one`: a request for each form of each number, the templates' `number` and `form`; "
        "`all`: one for all forms of all numbers, the templates' `forms`, up to 16 numbers of several lookups.",
    )
    forms: list[Form] = Field(
        default_factory=lambda: list(ALL_FORMS), description="How numbers are written when they are asked for."
    )
    patterns: list[str] = Field(
        default_factory=list, description="More ways, with a # for each digit; those of form `patterns`."
    )
    read_each: bool = Field(
        False,
        description="Whether what is found is then read by `get_contact`, where lists leave out fields.",
    )
    response: ListAnswer = Field(description="What is read of the answer.")


class GetContactOperation(Operation):
    """Reads a contact by its id, the template's `contact_id`."""

    response: RecordAnswer = Field(default_factory=RecordAnswer, description="What is read of the answer.")


class SearchContactsOperation(Operation):
    """Contacts whose name has something in it: the template's `query`, or the longest word of it, `word`.

    The CRM may answer loosely, and in any order: leadline keeps what really has it, and puts it in order.
    """

    response: ListAnswer = Field(description="What is read of the answer.")


class CreateContactOperation(Operation):
    """Creates a contact."""

    response: CreatedAnswer = Field(description="What is read of the answer.")


class CreateCallLogOperation(Operation):
    """Logs a call."""

    response: LoggedAnswer = Field(description="What is read of the answer.")


class ReadCallLogOperation(Operation):
    """Reads a log before it is updated, so that what people added to its text stays."""

    response: LogsAnswer = Field(description="What is read of the answer; the log is the one with the right id.")


class UpdateCallLogOperation(Operation):
    """Makes a log say something else."""

    response: UpdatedAnswer = Field(default_factory=UpdatedAnswer, description="What is read of the answer.")


class FindCallLogOperation(Operation):
    """Finds the log that was written with the template's `key`."""

    needs: list[str] = Field(default_factory=list, description="Variables without which logs cannot be found.")
    response: LogsAnswer = Field(description="What is read of the answer.")


class CheckOperation(Operation):
    """Whether the CRM answers and accepts the credentials."""

    response: CheckAnswer | None = Field(None, description="What is read of the answer; without, any JSON will do.")


class Operations(DefinitionTable):
    """The requests, by what leadline wants."""

    find_contacts: FindContactsOperation = Field(description="Who has these numbers?")
    find_extensions: FindContactsOperation | None = Field(
        None, description="The same for bare extensions; without, `find_contacts` is asked for them too."
    )
    get_contact: GetContactOperation = Field(description="One contact by its id.")
    search_contacts: SearchContactsOperation = Field(description="Contacts by name.")
    create_contact: CreateContactOperation = Field(description="Creates a contact.")
    create_call_log: CreateCallLogOperation = Field(description="Logs a call.")
    read_call_log: ReadCallLogOperation | None = Field(None, description="Reads a log before an update.")
    update_call_log: UpdateCallLogOperation | None = Field(
        None, description="Updates a log; without, a log stays as it was first written."
    )
    find_call_log: FindCallLogOperation | None = Field(
        None, description="Finds a log by its key; without, a log whose answer got lost may be there twice."
    )
    check: CheckOperation = Field(description="Does it work?")
