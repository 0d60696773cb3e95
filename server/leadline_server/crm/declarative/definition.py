"""What a definition file may say. The published JSON Schema is made of these models, and so is the check on load.

Texts are of three kinds: templates (see `templates`), JMESPath expressions (jmespath.org) over an answer's JSON, and
plain ones. Each field's description says which.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from leadline_server.crm.declarative.operations import Operations

NAME: Final = r"^[a-z][a-z0-9_]{0,39}$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
Text = Annotated[str, StringConstraints(max_length=10_000)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Status = Annotated[int, Field(ge=100, le=599)]
Direction = Literal["INBOUND", "OUTBOUND", "INTERNAL", "UNKNOWN"]
Result = Literal["ANSWERED", "NO_ANSWER", "BUSY", "REJECTED", "CANCELED", "FAILED", "VOICEMAIL", "UNKNOWN"]


class DefinitionTable(BaseModel):
    """The base of every table: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Variable(DefinitionTable):
    """Something that a connection sets beside `adapter` and `definition`."""

    description: str = Field(description="What it is, for who sets it.")
    kind: Literal["text", "address", "flag"] = Field(
        "text", description="A text; the https:// address of a server; or true or false."
    )
    secret: bool = Field(False, description="Whether it is a secret. Only `authentication` may use one.")
    default: str | bool | None = Field(None, description="What it is where it is not set; without one it must be set.")


class NoAuthentication(DefinitionTable):
    """Nothing proves who leadline is."""

    type: Literal["none"]


class HeaderAuthentication(DefinitionTable):
    """A header that never changes."""

    type: Literal["header"]
    header: str = Field("Authorization", description="The header's name.")
    value: Text = Field(description="Template: its value, such as `Bearer {{ token }}`.")


class BasicAuthentication(DefinitionTable):
    """A user and a password by RFC 7617."""

    type: Literal["basic"]
    user: Text = Field(description="Template: the user.")
    password: Text = Field(description="Template: the password.")


class OAuthAuthentication(DefinitionTable):
    """OAuth 2.0 by RFC 6749: a refresh token, else client credentials. The ledger keeps the tokens encrypted."""

    type: Literal["oauth2"]
    token_url: Text = Field(description="Template: the address that grants tokens.")
    client_id: Text = Field(description="Template: as registered with the CRM.")
    client_secret: Text = Field("", description="Template: so too; empty for a public client.")
    refresh_token: Text = Field("", description="Template: as first granted. Empty: client credentials.")
    scope: Text = Field("", description="Template: the scope asked for.")
    client_in: Literal["body", "header"] = Field("body", description="Where the client is named.")
    scheme: str = Field("Bearer", description="The word before the token in the Authorization header.")
    extra: dict[str, Text] = Field(default_factory=dict, description="Templates: other fields of the form.")


class LoginAuthentication(DefinitionTable):
    """A token in exchange for a password, by the CRM's own request; asked for again before its end, or when refused."""

    type: Literal["login"]
    method: Literal["GET", "POST"] = Field("POST", description="The HTTP method.")
    path: Path = Field(description="Template: where, from `base_url` on.")
    headers: dict[str, Text] = Field(default_factory=dict, description="Templates: headers of this request.")
    body: JsonValue = Field(None, description="Templates in a JSON structure: the request's body.")
    token: Path = Field(description="JMESPath: the token in the answer.")
    lifetime: Path | float = Field(3600.0, description="Seconds that a token is good for, or the JMESPath to them.")
    header: str = Field("Authorization", description="The header that requests then have.")
    value: Text = Field("Bearer {{ access_token }}", description="Template: its value; knows `access_token` besides.")


Authentication = Annotated[
    NoAuthentication | HeaderAuthentication | BasicAuthentication | OAuthAuthentication | LoginAuthentication,
    Field(discriminator="type"),
]


class DefinedRate(DefinitionTable):
    """A limit of the CRM's: at most so many requests in so many seconds."""

    requests: int = Field(ge=1, description="How many.")
    seconds: float = Field(gt=0, description="In how many seconds.")
    scope: str = Field("", description="Of which operations: those with this `scope`; empty for all together.")


class DefinedCapabilities(DefinitionTable):
    """What the CRM can do. Delivery relies on it, so it must never flatter."""

    enforces_unique_key: bool = Field(
        False,
        description="Creating a contact or a log twice with one `key` makes one, in the CRM itself.",
    )
    moves_log: bool = Field(False, description="`update_call_log` attaches a log to another contact.")
    search_lag: float = Field(0.0, ge=0, description="Seconds that a new contact may stay invisible to a search.")
    settle_time: float = Field(
        30.0, ge=0, description="Seconds that a write may still take effect after leadline gave up on its answer."
    )
    rates: list[DefinedRate] = Field(default_factory=list, description="What the CRM allows one connection.")


class ContactType(DefinitionTable):
    """A kind of contact, by its own word."""

    values: dict[Name, str | int] = Field(
        default_factory=dict, description="What templates see of it, `type.NAME`, beside `type.name`."
    )
    needs: list[Name] = Field(default_factory=list, description="Variables without which there is no such kind.")


class ContactFields(DefinitionTable):
    """How a contact is read: JMESPath expressions over its record, unless said otherwise."""

    id: Path = Field("id", description="JMESPath: its id, a text or a number.")
    name: Path = Field(description="JMESPath: its name.")
    phone_numbers: Path = Field(description="JMESPath: its numbers, one or a list; nulls are passed over.")
    type: Path | None = Field(None, description="JMESPath: its kind, where kinds are not apart.")
    email: Path | None = Field(None, description="JMESPath: its e-mail address.")
    company: Path | None = Field(None, description="JMESPath: the company.")
    title: Path | None = Field(None, description="JMESPath: the job title.")
    create_time: Path | None = Field(None, description="JMESPath: when it was created.")
    last_activity_time: Path | None = Field(None, description="JMESPath: when something last happened with it.")
    is_placeholder: Path | None = Field(None, description="JMESPath: true for a placeholder that leadline made.")
    url: Text = Field("", description="Template: a page that shows it; knows `contact_id` and `type`.")
    attributes: dict[str, Path] = Field(default_factory=dict, description="JMESPath: what else clients shall see.")
    time_format: str = Field(
        "iso", description="How times are written: `iso`, `epoch`, `epoch_ms`, or a format of strptime, then in UTC."
    )


class CallLogFields(DefinitionTable):
    """How a call's log is written."""

    url: Text = Field("", description="Template: a page that shows it; knows `log_id`.")
    html: bool = Field(False, description="Whether `body` is HTML.")
    body_limit: int = Field(32_000, ge=500, le=150_000, description="Characters that `body` may have.")
    subject_limit: int = Field(255, ge=20, le=10_000, description="Characters that `subject` may have.")


class CallWords(DefinitionTable):
    """The CRM's own words for what a call was. Without one a template sees leadline's word in lower case."""

    direction: dict[Direction, JsonValue] = Field(default_factory=dict, description="What `direction` is.")
    result: dict[Result, JsonValue] = Field(default_factory=dict, description="What `result` is.")


class ErrorRule(DefinitionTable):
    """What an answer means that says more than its status. The first rule that fits holds."""

    status: list[Status] = Field(default_factory=list, description="The statuses it is for; none: all.")
    when: Path | None = Field(None, description="JMESPath: true where it fits.")
    means: Literal["unavailable", "rate_limited", "rejected", "auth_failed", "outcome_unknown"] = Field(
        description="What it means; after a write, `unavailable` says that nothing was done."
    )
    retry_after: Path | None = Field(None, description="JMESPath: the seconds to wait.")


class ErrorText(DefinitionTable):
    """Where the CRM says what is wrong."""

    body: Path | None = Field(None, description="JMESPath: its words in the answer.")
    header: str = Field("", description="The header that has them.")


class DefinedGaps(DefinitionTable):
    """What the CRM does not keep as it was told, or does not find, by the names of docs/adapters.md."""

    fields: list[str] = Field(default_factory=list, description="Fields of a call that its log does not show.")
    forms: list[str] = Field(default_factory=list, description="Ways to write a number that lookups do not find.")
    texts: list[str] = Field(default_factory=list, description="Kinds of text that do not arrive as they are.")


class Limits(DefinitionTable):
    """What one call of leadline's may cost."""

    requests: int = Field(100, ge=1, le=1_000, description="Requests of one lookup or search.")
    pages: int = Field(10, ge=1, le=100, description="Pages of one question; more: cannot tell.")
    at_once: int = Field(4, ge=1, le=32, description="Requests of one lookup at the same time.")


class Definition(DefinitionTable):
    """A CRM with a JSON API over HTTP, as leadline's adapter `http` speaks to it."""

    format: Literal[1] = Field(description="The version of this format.")
    title: str = Field(min_length=1, max_length=80, description="The CRM's name.")
    description: str = Field("", description="What to know of it.")
    base_url: Text = Field(description="Template of variables: where paths begin, an https:// address.")
    headers: dict[str, Text] = Field(default_factory=dict, description="Templates of variables: of every request.")
    variables: dict[Name, Variable] = Field(default_factory=dict, description="What a connection sets, by name.")
    authentication: Authentication = Field(description="How leadline proves who it is.")
    capabilities: DefinedCapabilities = Field(default_factory=DefinedCapabilities, description="What the CRM can do.")
    types: dict[Name, ContactType] = Field(
        default_factory=dict, description="The kinds of contacts, the default first; none where there are none."
    )
    separate_types: bool = Field(
        False,
        description="Whether each kind has records of its own: looked up apart, their ids with the kind before them.",
    )
    contact: ContactFields = Field(description="How a contact is read.")
    call_log: CallLogFields = Field(default_factory=CallLogFields, description="How a call's log is written.")
    words: CallWords = Field(default_factory=CallWords, description="The CRM's words.")
    errors: list[ErrorRule] = Field(default_factory=list, description="What answers mean.")
    error_words: ErrorText = Field(default_factory=ErrorText, description="Where the CRM says what is wrong.")
    limits: Limits = Field(default_factory=Limits, description="What one call may cost.")
    known_gaps: DefinedGaps = Field(
        default_factory=DefinedGaps, description="What gets lost, for the documents and for tests."
    )
    operations: Operations = Field(description="The requests.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of definitions."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "leadline-crm-definition.schema.json",
        **Definition.model_json_schema(),
    }
