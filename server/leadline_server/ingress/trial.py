"""The trial of a definition: what it reads in a request's body. Nothing is sent and nothing is written."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from leadline.v1 import call_pb2

from leadline_server.domain.call import Call
from leadline_server.domain.merge import Stamps, merge
from leadline_server.ingress.compiled_definition import CompiledIngress
from leadline_server.ingress.parties import AccountParties
from leadline_server.ingress.reading import BadEvent, EventReader, EventReading
from leadline_server.ingress.webhook import FORM_TYPE, UnreadableBody, Webhook
from leadline_server.replay.account import AccountDetails
from leadline_server.replay.own_numbers import own_numbers
from leadline_server.replay.rules import Rules
from leadline_server.wire.call import CALL


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedEvent:
    """One event, as a definition reads it.

    Attributes:
        kind: the index of its kind; None if none fits, or if the body cannot be read.
        problem: why no report can be made of it; empty if one can, or if it is skipped.
        skipped: why it is skipped; empty if it is not.
        call: the call, if this event were its first; None without one.
    """

    kind: int | None = None
    problem: str = ""
    skipped: str = ""
    call: Call | None = None

    @property
    def message(self) -> call_pb2.Call | None:
        """The call as a message of the contract."""
        return None if self.call is None else CALL.message(self.call)


def try_events(
    definition: CompiledIngress, data: bytes, account: AccountDetails, source: str, claims: Mapping[str, Any]
) -> Iterator[TriedEvent]:
    """The events of a body, as a definition reads them.

    Args:
        definition: the definition.
        data: the body. For a definition that reads forms, it may be JSON with the form's fields.
        account: the account's numbers, extensions and users.
        source: the source that call ids carry.
        claims: the claims of a JWT, for definitions that read them.
    """
    reader = EventReader(definition, source)
    try:
        document = {**_webhook(definition, data).document(definition.definition.body), "claims": claims}
        contexts = reader.events(document)
    except (UnreadableBody, BadEvent) as error:
        yield TriedEvent(problem=str(error))
        return
    parties = _parties(account)
    for context in contexts:
        try:
            yield _tried(reader.read(context, parties))
        except BadEvent as error:
            yield TriedEvent(problem=str(error))


def _tried(reading: EventReading) -> TriedEvent:
    if reading.event is None:
        return TriedEvent(kind=reading.kind, skipped=reading.skipped)
    return TriedEvent(kind=reading.kind, call=merge(None, Stamps(), reading.event).call)


def _webhook(definition: CompiledIngress, data: bytes) -> Webhook:
    if definition.definition.body.format != "form":
        return Webhook(url="", headers={}, body=data)
    try:
        fields = json.loads(data)
    except ValueError:
        fields = None
    body = urlencode(fields).encode() if isinstance(fields, dict) else data
    return Webhook(url="", headers={"content-type": FORM_TYPE}, body=body)


def _parties(account: AccountDetails) -> AccountParties:
    rules = Rules(
        users=account.users,
        numbering=account.numbering,
        own_numbers=own_numbers((), account.numbering, account.own_numbers),
    )
    return AccountParties(rules, lambda party: account.users.get(str(party.get("extension", "")), ""))
