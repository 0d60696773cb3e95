"""The models of a definition file. The published JSON Schema is made from them, and so is the check on loading.

A text is a template (see `definitions.templates`), a JMESPath expression (jmespath.org) for an answer's JSON, or plain.
Each field's description says which.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from leadline_server.crm.declarative.operations import Operations
from leadline_server.crm.toolkit.assumptions import Topic
from leadline_server.definitions.schema import DefinitionTable, Name, Path, Text

Status = Annotated[int, Field(ge=100, le=599)]
Direction = Literal["INBOUND", "OUTBOUND", "INTERNAL", "UNKNOWN"]
Result = Literal["ANSWERED", "NO_ANSWER", "BUSY", "REJECTED", "CANCELED", "FAILED", "VOICEMAIL", "UNKNOWN"]


class Variable(DefinitionTable):
    """A setting of a connection, besides `adapter` and `definition`."""

    description: str = Field(description="Its meaning, for administrators.")
    kind: Literal["text", "address", "flag"] = Field(
        "text", description="A text, the https:// address of a server, or true or false."
    )
    secret: bool = Field(False, description="Whether it is a secret. Only `authentication` may use a secret.")
    default: str | bool | None = Field(None, description="The value if it is not set. Without one it must be set.")


class NoAuthentication(DefinitionTable):
    """Requests are not authenticated."""

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
    """OAuth 2.0 (RFC 6749) with a refresh token or client credentials. Tokens are encrypted in the ledger."""

    type: Literal["oauth2"]
    token_url: Text = Field(description="Template: the address of the token endpoint.")
    client_id: Text = Field(description="Template: the id that the CRM gave to leadline.")
    client_secret: Text = Field("", description="Template: the secret of that id; empty for a public client.")
    refresh_token: Text = Field("", description="Template: the first refresh token. Empty: client credentials.")
    scope: Text = Field("", description="Template: the scope to request.")
    client_in: Literal["body", "header"] = Field("body", description="Where the client's id and secret are.")
    scheme: str = Field("Bearer", description="The word before the token in the Authorization header.")
    extra: dict[str, Text] = Field(default_factory=dict, description="Templates: further fields of the form.")


class LoginAuthentication(DefinitionTable):
    """A token for a password, by a request of the CRM's own. It is renewed before it expires, and when refused."""

    type: Literal["login"]
    method: Literal["GET", "POST"] = Field("POST", description="The HTTP method.")
    path: Path = Field(description="Template: the path below `base_url`.")
    headers: dict[str, Text] = Field(default_factory=dict, description="Templates: headers of this request.")
    body: JsonValue = Field(None, description="Templates in a JSON structure: the request's body.")
    token: Path = Field(description="JMESPath: the token in the answer.")
    lifetime: Path | float = Field(3600.0, description="Seconds that a token is valid, or the JMESPath of them.")
    header: str = Field("Authorization", description="The header that authorizes requests.")
    value: Text = Field("Bearer {{ access_token }}", description="Template: its value, which may use `access_token`.")


Authentication = Annotated[
    NoAuthentication | HeaderAuthentication | BasicAuthentication | OAuthAuthentication | LoginAuthentication,
    Field(discriminator="type"),
]


class DefinedRate(DefinitionTable):
    """A rate limit of the CRM."""

    requests: int = Field(ge=1, le=1_000_000_000, description="The most requests.")
    seconds: float = Field(gt=0, le=2_678_400, description="The seconds of the window, 31 days at most.")
    scope: str = Field("", description="The limit counts operations with this `scope`; empty: all operations.")


class DefinedCapabilities(DefinitionTable):
    """The guarantees of the CRM. Delivery relies on it, so declare no more than holds."""

    enforces_unique_key: bool = Field(
        False,
        description="The CRM itself makes one record of two writes with the same `key`.",
    )
    moves_log: bool = Field(False, description="`update_call_log` attaches a log to another contact.")
    search_lag: float = Field(
        0.0, ge=0, le=3_600, description="Seconds, up to an hour, that a lookup may miss a new contact."
    )
    settle_time: float = Field(
        30.0,
        ge=0,
        le=600,
        description="Seconds, up to 10 minutes, that a write may still take effect after leadline stopped waiting.",
    )
    finds_every_form: bool = Field(
        False,
        description="Lookups find a number however people wrote it, because the CRM compares digits. Unset: only in "
        "the forms that the definition sends, and leadline says so before it creates contacts.",
    )
    searches: Literal["none", "words", "substring"] = Field(
        "none",
        description="The part of a name that `search_contacts` finds: words or their beginnings, or any part, "
        "literally. `none`: nothing is promised.",
    )
    has_company: bool = Field(
        False, description="`create_contact` writes the name of a company, and `contact.company` reads it."
    )
    rates: list[DefinedRate] = Field(default_factory=list, description="The CRM's rate limits for one connection.")


class ContactType(DefinitionTable):
    """A kind of contact."""

    values: dict[Name, str | int] = Field(
        default_factory=dict, description="Values for templates, `type.NAME`, besides `type.name`."
    )
    needs: list[Name] = Field(default_factory=list, description="Variables that must be set for this kind to exist.")


class ContactFields(DefinitionTable):
    """How a contact is read: JMESPath expressions within its record, unless the description says otherwise."""

    id: Path = Field("id", description="JMESPath: its id, a text or a number.")
    name: Path = Field(description="JMESPath: its name.")
    phone_numbers: Path = Field(description="JMESPath: its number or a list of numbers; nulls are ignored.")
    type: Path | None = Field(None, description="JMESPath: its kind, without `separate_types`.")
    email: Path | None = Field(None, description="JMESPath: its e-mail address.")
    company: Path | None = Field(None, description="JMESPath: the company.")
    title: Path | None = Field(None, description="JMESPath: the job title.")
    create_time: Path | None = Field(None, description="JMESPath: when it was created.")
    last_activity_time: Path | None = Field(None, description="JMESPath: when its last activity was.")
    is_placeholder: Path | None = Field(None, description="JMESPath: true for a placeholder that leadline created.")
    url: Text = Field("", description="Template: the address of its page; may use `contact_id` and `type`.")
    attributes: dict[str, Path] = Field(default_factory=dict, description="JMESPath: further values, by name.")
    time_format: str = Field(
        "iso", description="The format of times: `iso`, `epoch`, `epoch_ms`, or a format of strptime, then in UTC."
    )


class CallLogFields(DefinitionTable):
    """How a call's log is written."""

    url: Text = Field("", description="Template: the address of its page; may use `log_id`.")
    html: bool = Field(False, description="Whether `body` is HTML.")
    body_limit: int = Field(32_000, ge=500, le=150_000, description="The most characters of `body`.")
    subject_limit: int = Field(255, ge=20, le=10_000, description="The most characters of `subject`.")


class CallWords(DefinitionTable):
    """The CRM's values for directions and results. Without one, a template sees leadline's word in lower case."""

    direction: dict[Direction, JsonValue] = Field(default_factory=dict, description="The values of `direction`.")
    result: dict[Result, JsonValue] = Field(default_factory=dict, description="The values of `result`.")


class ErrorRule(DefinitionTable):
    """The meaning of an answer that its status does not tell. The first rule that matches counts."""

    status: list[Status] = Field(default_factory=list, description="The statuses that it matches; empty: all.")
    when: Path | None = Field(None, description="JMESPath: true if it matches.")
    means: Literal["unavailable", "rate_limited", "rejected", "auth_failed", "outcome_unknown"] = Field(
        description="The meaning. After a write, `unavailable` means that nothing was done."
    )
    retry_after: Path | None = Field(None, description="JMESPath: the seconds to wait.")


class ErrorText(DefinitionTable):
    """Where the CRM's own words about an error are."""

    body: Path | None = Field(None, description="JMESPath: the words in the answer.")
    header: str = Field("", description="The header with the words.")


class DefinedGaps(DefinitionTable):
    """Data that the CRM does not keep or does not find, by the names of docs/adapters.md."""

    fields: list[str] = Field(default_factory=list, description="Fields of a call that its log does not show.")
    forms: list[str] = Field(default_factory=list, description="Ways to write a number that lookups do not find.")
    texts: list[str] = Field(default_factory=list, description="Kinds of text that the CRM changes.")


class DefinedFact(DefinitionTable):
    """A fact about the CRM that its definition has from documents alone, for `connections check --assumptions`."""

    name: Name = Field(description="Its name.")
    says: str = Field(min_length=1, max_length=300, description="The fact, in a sentence.")
    source: str = Field(min_length=1, max_length=300, description="The document, and when it was read.")
    ask: str = Field("", max_length=300, description="The question for the vendor's support.")
    topic: Topic | None = Field(None, description="The check that shows whether it holds.")


class Limits(DefinitionTable):
    """The limits of one call of leadline."""

    requests: int = Field(100, ge=1, le=1_000, description="The most requests of one lookup or search.")
    pages: int = Field(10, ge=1, le=100, description="The most pages of one lookup. More means: cannot tell.")
    at_once: int = Field(4, ge=1, le=32, description="The most concurrent requests of one lookup.")


class Definition(DefinitionTable):
    """A CRM with a JSON API over HTTP, for leadline's adapter `http`."""

    format: Literal[1] = Field(description="The version of this format.")
    title: str = Field(min_length=1, max_length=80, description="The CRM's name.")
    description: str = Field("", description="Notes for administrators.")
    base_url: Text = Field(description="Template of variables: the https:// address where paths begin.")
    headers: dict[str, Text] = Field(
        default_factory=dict, description="Templates of variables: headers of all requests."
    )
    variables: dict[Name, Variable] = Field(default_factory=dict, description="The settings of a connection, by name.")
    authentication: Authentication = Field(description="How requests are authenticated.")
    capabilities: DefinedCapabilities = Field(default_factory=DefinedCapabilities, description="The CRM's guarantees.")
    types: dict[Name, ContactType] = Field(
        default_factory=dict, description="The kinds of contacts, the default first. Unset: there are no kinds."
    )
    separate_types: bool = Field(
        False,
        description="Whether each kind has separate records. If so, each is looked up, and ids begin with the kind.",
    )
    contact: ContactFields = Field(description="How a contact is read.")
    call_log: CallLogFields = Field(default_factory=CallLogFields, description="How a call's log is written.")
    words: CallWords = Field(default_factory=CallWords, description="The CRM's values for directions and results.")
    errors: list[ErrorRule] = Field(default_factory=list, description="The meaning of answers.")
    error_words: ErrorText = Field(default_factory=ErrorText, description="Where the CRM's words about an error are.")
    limits: Limits = Field(default_factory=Limits, description="The limits of one call of leadline.")
    known_gaps: DefinedGaps = Field(
        default_factory=DefinedGaps, description="Data that the CRM does not keep, for the documents and tests."
    )
    facts: list[DefinedFact] = Field(
        default_factory=list, max_length=50, description="Facts about the CRM that are from documents alone."
    )
    operations: Operations = Field(description="The requests.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of definitions."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "leadline-crm-definition.schema.json",
        **Definition.model_json_schema(),
    }
