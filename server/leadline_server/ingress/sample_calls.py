"""The requests of a test call, as a phone system would send them, made from the `test_call` of its definition.

A text such as `"CA{call_id}"` becomes `"CAring-1f0c"`. Times are written in the definition's `time_format`.
"""

import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from leadline_server.definitions.templates import write_time
from leadline_server.domain.unshown import unshown
from leadline_server.ingress.definition import IngressDefinition, SampleRequest
from leadline_server.ingress.webhook import FORM_TYPE

JSON_TYPE: Final = "application/json"

_NAME: Final = re.compile(r"\{([a-z_]+(?:\.\w+)?)\}")
_TIMES: Final = ("start", "answer", "end", "now")
_TEXTS: Final = ("call_id", "caller", "caller_name", "callee", "extension", "seconds")
_EXPECT: Final = "expect."


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCall:
    """The facts that the requests of a test call tell.

    Attributes:
        call_id: the phone system's id of the call.
        caller: the number that calls.
        caller_name: the caller-ID name.
        callee: the number that is called.
        extension: the extension that is called; empty: none.
        start: when it began to ring.
        answer: when it was answered.
        end: when it ended.
        expect: the values that tell accounts with one key apart.
    """

    call_id: str
    caller: str
    caller_name: str
    callee: str
    extension: str
    start: datetime
    answer: datetime
    end: datetime
    expect: Mapping[str, str] = field(default_factory=dict)


def request_body(definition: IngressDefinition, request: SampleRequest, call: SampleCall, now: datetime) -> bytes:
    """The body of a request of a test call."""
    filled = _filled(request.body, _values(definition, call, now))
    if definition.body.format == "form":
        return urlencode(filled).encode()
    return json.dumps(filled).encode()


def request_claims(
    definition: IngressDefinition, request: SampleRequest, call: SampleCall, now: datetime
) -> dict[str, str]:
    """The claims of a request of a test call, for phone systems that sign with a JWT."""
    claims: dict[str, str] = _filled(request.claims, _values(definition, call, now))
    return claims


def content_type(definition: IngressDefinition) -> str:
    """The media type of the phone system's bodies."""
    return FORM_TYPE if definition.body.format == "form" else JSON_TYPE


def unknown_names(request: SampleRequest, expect: Container[str]) -> list[str]:
    """The names in braces that are no value of a test call."""
    found = _NAME.findall(json.dumps([request.body, request.claims]))
    return [name for name in found if name not in (*_TIMES, *_TEXTS) and not _is_expected(name, expect)]


def _is_expected(name: str, expect: Container[str]) -> bool:
    return name.startswith(_EXPECT) and name.removeprefix(_EXPECT) in expect


def _values(definition: IngressDefinition, call: SampleCall, now: datetime) -> dict[str, str]:
    times = {"start": call.start, "answer": call.answer, "end": call.end, "now": now}
    written = {name: write_time(time, definition.time_format) for name, time in times.items()}
    sides = {"caller": call.caller, "callee": call.callee}
    if definition.adds_plus:
        sides = {name: number.removeprefix("+") for name, number in sides.items()}
    return {
        **written,
        **sides,
        "call_id": call.call_id,
        "caller_name": call.caller_name,
        "extension": call.extension,
        "seconds": str(int((call.end - call.answer).total_seconds())),
        **{f"{_EXPECT}{name}": value for name, value in call.expect.items()},
    }


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _NAME.sub(lambda found: values.get(found[1], ""), value)
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    return value
