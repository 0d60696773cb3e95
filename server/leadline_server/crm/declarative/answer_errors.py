"""What answers mean: the rules of the definition first, then what their status says (RFC 9110)."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from leadline_server.crm.declarative.compiled_definition import CompiledDefinition
from leadline_server.crm.declarative.definition import ErrorRule
from leadline_server.crm.toolkit.http_answers import HttpAnswer, standard_failure
from leadline_server.crm.toolkit.redaction import in_its_words
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.domain.errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)

_SAYINGS: Final[Mapping[str, str]] = {
    "unavailable": "The CRM cannot do this now",
    "rate_limited": "The CRM asks to slow down",
    "rejected": "The CRM refuses this",
    "auth_failed": "The CRM refuses leadline's credentials",
    "outcome_unknown": "The CRM does not say what became of this",
}


class AnswerErrors:
    """Tells the error that an answer means.

    Args:
        ready: the definition.
        secrets: gives what no message may show.
    """

    def __init__(self, ready: CompiledDefinition, secrets: Callable[[], tuple[str, ...]]) -> None:
        self._ready = ready
        self._secrets = secrets

    def __call__(self, answer: HttpAnswer) -> CrmError | None:
        """See web.answers.Failure."""
        document = _document(answer) if self._ready.rules else None
        for rule, when, retry_after in self._ready.rules:
            if _fits(rule, when, answer, document):
                return self._error(rule, retry_after, answer, document)
        return standard_failure(answer, self._words)

    def _error(self, rule: ErrorRule, path: AnswerPath | None, answer: HttpAnswer, document: Any) -> CrmError:
        said = self._words(answer)
        message = f"{_SAYINGS[rule.means]} (HTTP {answer.status})" + (f": {said}" if said else ".")
        delay = path.seconds(document) if path else None
        delay = answer.retry_after if delay is None else delay
        match rule.means:
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
        """What the CRM says for itself, without secrets and numbers."""
        said = answer.headers.get(self._ready.definition.error_words.header, "")
        if not said and self._ready.words is not None:
            found = self._ready.words.find(_document(answer))
            said = found if isinstance(found, str) else msgspec.json.encode(found).decode() if found else ""
        return in_its_words(said, secrets=self._secrets())


def _document(answer: HttpAnswer) -> Any:
    """The answer as JSON; None if it is none."""
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _fits(rule: ErrorRule, when: AnswerPath | None, answer: HttpAnswer, document: Any) -> bool:
    if rule.status and answer.status not in rule.status:
        return False
    return when is None or when.holds(document)
