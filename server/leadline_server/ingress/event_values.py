"""The values that a definition's expressions find in one event, as what they are: texts, times, words."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from leadline_server.definitions.templates import read_time
from leadline_server.domain.call import Attestation, CallDirection, CallResult
from leadline_server.ingress.compiled_definition import CompiledFields
from leadline_server.ingress.definition import IngressDefinition
from leadline_server.replay.durations import read_duration
from leadline_server.replay.words import read_direction, read_result

_ATTRIBUTE: Final = 1024  # characters of a value, in the contract
_TIMES: Final = ("start_time", "answer_time", "end_time")


class EventValues:
    """The values of one event, or of one of its legs.

    Args:
        definition: the definition.
        context: the document that the expressions read.
    """

    def __init__(self, definition: IngressDefinition, context: Mapping[str, Any]) -> None:
        self._definition = definition
        self._words = definition.words
        self._context = context

    @property
    def adds_plus(self) -> bool:
        """Whether numbers are E.164 without the plus sign."""
        return self._definition.adds_plus

    def each(self, legs: CompiledFields) -> Iterator["EventValues"]:
        """The values of each leg of the event."""
        path = legs.paths.get("each")
        items = [self._context.get("event")] if path is None else path.items(self._context)
        return (EventValues(self._definition, {**self._context, "leg": item}) for item in items)

    def text(self, table: CompiledFields, name: str) -> str:
        """The text of a field, in one line; empty if there is none."""
        path = table.paths.get(name)
        return "" if path is None else one_line(path.text(self._context))

    def is_true(self, table: CompiledFields, name: str) -> bool:
        """Whether JMESPath takes the field's value for true."""
        path = table.paths.get(name)
        return path is not None and path.is_true(self._context)

    def time(self, table: CompiledFields, name: str) -> datetime | None:
        """The time of a field; None if there is none, or if it cannot be read."""
        path = table.paths.get(name)
        found = None if path is None else path.find(self._context)
        if found is None or isinstance(found, bool) or not str(found).strip("0."):
            return None  # an epoch of 0 is no time
        return read_time(found, self._definition.time_format)

    def times(self, table: CompiledFields) -> dict[str, datetime | None]:
        """Start, answer and end."""
        return {name: self.time(table, name) for name in _TIMES}

    def seconds(self, table: CompiledFields, name: str) -> int | None:
        """The seconds of a field, such as 65 or 1:05."""
        try:
            return read_duration(self.text(table, name))
        except ValueError:
            return None

    def attributes(self, table: CompiledFields) -> dict[str, str]:
        """The attributes that have a text."""
        found = {name: one_line(path.text(self._context))[:_ATTRIBUTE] for name, path in table.attributes.items()}
        return {name: text for name, text in found.items() if text}

    def told(self, word: str) -> CallResult | None:
        """The result that a word tells: by the definition's words, else as call records are read."""
        if word in self._words.result:
            known = self._words.result[word]
            return CallResult[known] if known else None
        return read_result(word).result

    def result(self, table: CompiledFields, answer_time: datetime | None) -> CallResult | None:
        """The result of a call. A word that tells only its end counts as an answer if there was one."""
        word = self.text(table, "result")
        if word in self._words.result or not read_result(word).is_ended:
            return self.told(word)
        return CallResult.NO_ANSWER if answer_time is None else CallResult.ANSWERED

    def direction(self, table: CompiledFields) -> CallDirection | None:
        """The direction that a word tells."""
        word = self.text(table, "direction")
        known = self._words.direction.get(word)
        if known is not None:
            return CallDirection[known] if known else None
        told = read_direction(word) if word else None
        return None if told is None else told[0]

    def attestation(self, table: CompiledFields) -> Attestation | None:
        """The STIR/SHAKEN verdict that a word tells."""
        found = self._words.attestation.get(self.text(table, "attestation"))
        return Attestation[found] if found else None


def one_line(text: str) -> str:
    """The text without control characters."""
    return "".join(character if character.isprintable() else " " for character in text).strip()
