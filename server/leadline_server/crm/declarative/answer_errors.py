"""The errors that answers stand for: by the definition's rules, or else by status (RFC 9110)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledRule
from leadline_server.crm.toolkit import HttpAnswer, in_its_words, standard_failure
from leadline_server.crm.toolkit.delays import read_seconds
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmTooMuch,
    CrmUnavailable,
)

_SENTENCES: Final[Mapping[str, str]] = {
    "unavailable": "The CRM cannot do this now",
    "rate_limited": "The CRM asks to slow down",
    "rejected": "The CRM refuses this",
    "auth_failed": "The CRM refuses leadline's credentials",
    "outcome_unknown": "The CRM does not say whether it did this",
}


class AnswerErrors:
    """Returns the error that an answer stands for.

    Args:
        definition: the definition.
        secrets: returns the texts that no message may show.
    """

    def __init__(self, definition: CompiledDefinition, secrets: Callable[[], tuple[str, ...]]) -> None:
        self._definition = definition
        self._secrets = secrets

    def __call__(self, answer: HttpAnswer) -> CrmError | None:
        """The error by the first rule that matches; None for a success."""
        try:
            return self._stands_for(answer)
        except CrmTooMuch as error:  # of a rule's expression
            return answer.unusable("takes too long to read") if answer.is_write else error

    def _stands_for(self, answer: HttpAnswer) -> CrmError | None:
        document = _document(answer) if self._definition.rules else None
        for rule in self._definition.rules:
            if _matches(rule, answer, document):
                return self._error(rule, answer, document)
        return standard_failure(answer, self._words)

    def _error(self, compiled: CompiledRule, answer: HttpAnswer, document: Any) -> CrmError:
        means, said = compiled.rule.means, self._words(answer)
        message = f"{_SENTENCES[means]} (HTTP {answer.status})" + (f": {said}" if said else ".")
        delay = read_seconds(compiled.retry_after.find(document), "retry_after") if compiled.retry_after else None
        delay = answer.retry_after if delay is None else delay
        match means:
            case "rate_limited":
                return CrmRateLimited(message, retry_after=delay)
            case "rejected":
                return CrmRejected(message)
            case "auth_failed":
                return CrmAuthFailed(message)
            case "outcome_unknown" if answer.is_write:
                return CrmOutcomeUnknown(message)
        return CrmUnavailable(message, retry_after=delay)

    def _words(self, answer: HttpAnswer) -> str:
        """The CRM's own words, without secrets and numbers."""
        said = answer.headers.get(self._definition.definition.error_words.header, "")
        if not said and self._definition.error_text is not None:
            found = self._definition.error_text.find(_document(answer))
            said = found if isinstance(found, str) else _as_text(found) if found else ""
        return in_its_words(said, secrets=self._secrets())


def _document(answer: HttpAnswer) -> Any:
    """The answer as JSON; None if it is not JSON."""
    try:
        return answer.json()
    except CrmError:
        return None


def _as_text(found: Any) -> str:
    """The value as JSON; empty if it is nested too deeply."""
    try:
        return msgspec.json.encode(found).decode()
    except RecursionError:
        return ""


def _matches(compiled: CompiledRule, answer: HttpAnswer, document: Any) -> bool:
    if compiled.rule.status and answer.status not in compiled.rule.status:
        return False
    return compiled.when is None or compiled.when.holds(document)
