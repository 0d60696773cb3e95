"""The models of an ingress definition. The published JSON Schema is made from them, and so is the check on loading.

Expressions are JMESPath (jmespath.org). They read this document:

    {"event": one event, "body": the request's body, "query": the fields of the address, "claims": those of a JWT}

In the expressions of legs there is `leg` besides: one item of the list `legs.each`, or the event without such a list.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from leadline_server.definitions.schema import DefinitionTable, Path
from leadline_server.ingress.schemes import Scheme

Direction = Literal["INBOUND", "OUTBOUND", "INTERNAL", ""]
Result = Literal["ANSWERED", "NO_ANSWER", "BUSY", "REJECTED", "CANCELED", "FAILED", "VOICEMAIL", ""]
Verdict = Literal["A", "B", "C", "FAILED", ""]
ExpectedName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
AttributeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Assumable = Literal["direction", "caller", "callee"]


class BodyForm(DefinitionTable):
    """The form of a request's body."""

    format: Literal["json", "form"] = Field("json", description="JSON, or the fields of a form.")
    field: str = Field("", max_length=100, description="The field with the JSON, if the body is a form all the same.")
    percent_encoded: bool = Field(False, description="Whether the texts in the JSON are percent-encoded.")


class Handshake(DefinitionTable):
    """A request that only asks whether this address is leadline's. It authenticates nothing."""

    header: str = Field(
        pattern=r"^[A-Za-z0-9-]{1,64}$", description="The header that is sent back, with the status 200."
    )


class AnswerForm(DefinitionTable):
    """The answer to a request that was taken."""

    status: int = Field(204, ge=200, le=299, description="The HTTP status.")
    content_type: str = Field("text/plain; charset=utf-8", max_length=100, description="The body's media type.")
    body: str = Field("", max_length=10_000, description="The body.")


class EventWords(DefinitionTable):
    """The phone system's words. A word that is not here is read as `calls import` reads it."""

    direction: dict[str, Direction] = Field(default_factory=dict, description="Words for directions.")
    result: dict[str, Result] = Field(
        default_factory=dict, description='Words for results. "": it says only that the leg has ended.'
    )
    attestation: dict[str, Verdict] = Field(default_factory=dict, description="Words for STIR/SHAKEN verdicts.")


class PartyFields(DefinitionTable):
    """One side of a call, or of a leg. Every field is a JMESPath."""

    address: Path | None = Field(
        None, description="JMESPath: a number, an extension, `sip:...`, or `client:NAME`, which is an extension."
    )
    name: Path | None = Field(None, description="JMESPath: the caller-ID name.")
    extension: Path | None = Field(None, description="JMESPath: the extension. One that looks like none is left out.")
    user: Path | None = Field(None, description="JMESPath: the user's id in leadline.")


class CallFields(DefinitionTable):
    """The fields of a call in an event. Every field is a JMESPath, unless the description says otherwise."""

    id: Path | None = Field(None, description="JMESPath: the call's id.")
    id_parts: list[Path] = Field(
        default_factory=list,
        max_length=10,
        description="JMESPaths of values that make up the id, for a phone system that has none.",
    )
    linked_id: Path | None = Field(None, description="JMESPath: the id that ties the calls of a conversation.")
    direction: Path | None = Field(
        None, description="JMESPath: the direction's word. Without one the parties and the context tell it."
    )
    context: Path | None = Field(None, description="JMESPath: the dial plan's context.")
    caller: PartyFields = Field(default_factory=PartyFields, description="Who called.")
    callee: PartyFields = Field(default_factory=PartyFields, description="Who was called.")
    start_time: Path | None = Field(None, description="JMESPath: when the call began.")
    answer_time: Path | None = Field(None, description="JMESPath: when it was answered.")
    end_time: Path | None = Field(None, description="JMESPath: when it ended.")
    duration: Path | None = Field(None, description="JMESPath: seconds from its start to its end.")
    talk_time: Path | None = Field(None, description="JMESPath: seconds from its answer to its end.")
    event_time: Path | None = Field(None, description="JMESPath: when the event happened.")
    result: Path | None = Field(None, description="JMESPath: the result's word.")
    is_final: Path | None = Field(None, description="JMESPath: true in the last event of a call.")
    disposition: Path | None = Field(None, description="JMESPath: the outcome in a person's words.")
    recording_url: Path | None = Field(None, description="JMESPath: the address of the recording.")
    voicemail_url: Path | None = Field(None, description="JMESPath: the address of the voicemail.")
    attestation: Path | None = Field(None, description="JMESPath: the STIR/SHAKEN verdict's word.")
    attributes: dict[AttributeName, Path] = Field(
        default_factory=dict, max_length=32, description="JMESPaths: further values, by name."
    )
    assumed: list[Assumable] = Field(
        default_factory=list,
        description="Fields that this event only makes likely. An event that has them overrides them.",
    )


class LegFields(DefinitionTable):
    """The fields of the call's legs in an event. Every field is a JMESPath, unless the description says otherwise.

    A leg without a party is the call's own channel. The call's result and its end follow from its legs.
    """

    each: Path | None = Field(None, description="JMESPath: the list of legs. Unset: the event has one leg.")
    id: Path = Field(description="JMESPath: the leg's id.")
    party: PartyFields = Field(default_factory=PartyFields, description="The party that the leg reaches.")
    start_time: Path | None = Field(None, description="JMESPath: when it began.")
    answer_time: Path | None = Field(None, description="JMESPath: when it was answered.")
    end_time: Path | None = Field(None, description="JMESPath: when it ended.")
    result: Path | None = Field(None, description="JMESPath: the result's word.")


class EventKind(DefinitionTable):
    """A kind of event."""

    when: Path | None = Field(None, description="JMESPath: true for this kind. Unset: every event.")
    skip: str = Field("", max_length=200, description="Why such events are skipped. Then nothing else is set.")
    call: CallFields | None = Field(None, description="The fields of the call.")
    legs: LegFields | None = Field(None, description="The fields of its legs.")


class SampleRequest(DefinitionTable):
    """A request of a test call, as the phone system would send it."""

    step: Literal["ringing", "answered", "ended"] = Field(description="The step of the call that the request reports.")
    body: dict[str, Any] = Field(
        description="The fields of the body. Texts may have `{call_id}`, `{caller}`, `{caller_name}`, `{callee}`, "
        "`{extension}`, `{start}`, `{answer}`, `{end}`, `{now}`, `{seconds}`, and `{expect.NAME}`."
    )
    claims: dict[str, str] = Field(
        default_factory=dict, description="The claims of the JWT, besides `iat` and the hash of the body."
    )


class IngressDefinition(DefinitionTable):
    """A phone system that reports its calls by webhooks."""

    format: Literal[1] = Field(description="The version of this format.")
    title: str = Field(min_length=1, max_length=80, description="The phone system's name.")
    description: str = Field("", description="Notes for administrators.")
    authentication: Scheme = Field(description="How a request proves that it is the phone system's.")
    handshake: Handshake | None = Field(None, description="A request that asks whether the address is leadline's.")
    body: BodyForm = Field(default_factory=BodyForm, description="The form of the body.")
    expect: dict[ExpectedName, Path] = Field(
        default_factory=dict,
        max_length=8,
        description="JMESPaths by name, whose values a route's `expect` gives: they tell accounts with one key apart.",
    )
    events: Path | None = Field(None, description="JMESPath: the list of events. Unset: the body is one event.")
    kinds: list[EventKind] = Field(
        min_length=1, max_length=32, description="The kinds of events. The first that fits counts."
    )
    words: EventWords = Field(default_factory=EventWords, description="The phone system's words.")
    time_format: str = Field(
        "iso",
        max_length=60,
        description="The form of times: `iso`, `epoch`, `epoch_ms`, `epoch_us`, `rfc2822`, or a format of strptime.",
    )
    adds_plus: bool = Field(False, description="Whether numbers are E.164 without the plus sign, which is added.")
    answer: AnswerForm = Field(default_factory=AnswerForm, description="The answer to a request that was taken.")
    test_call: list[SampleRequest] = Field(
        default_factory=list,
        max_length=16,
        description="The requests of a test call, which `leadline ring --via ROUTE` sends.",
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ingress definitions."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "leadline-ingress-definition.schema.json",
        **IngressDefinition.model_json_schema(),
    }
