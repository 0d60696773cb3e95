"""A webhook as it arrived, and the document that expressions read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from leadline_server.domain.unshown import unshown
from leadline_server.ingress.definition import BodyForm

MAX_BODY: Final = 512 * 1024
"""The most bytes of a request's body. FreeSWITCH's records are the largest, with some 60 KB."""

MAX_FIELDS: Final = 1_000
"""The most fields of a form, and of a query."""

FORM_TYPE: Final = "application/x-www-form-urlencoded"


class UnreadableBody(Exception):
    """A body that is not what the definition says. The message says why, and has nothing of the body."""


@unshown
@dataclass(frozen=True)
class Webhook:
    """One request.

    Attributes:
        url: the whole address that the sender used, as far as leadline knows it: `public_url`, path and query.
        headers: the headers by name in lower case. A header that came twice is empty.
        body: the body's bytes.
        query: the query without the question mark.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""

    @property
    def is_form(self) -> bool:
        """Whether the body is a form."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM_TYPE

    @cached_property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The fields of the form, in order. Raises UnreadableBody."""
        return _pairs(self.body.decode(errors="surrogateescape"))

    def document(self, form: BodyForm) -> dict[str, Any]:
        """The document that expressions read: `body` and `query`. Raises UnreadableBody."""
        return {"body": self._body(form), "query": dict(reversed(_pairs(self.query)))}

    def _body(self, form: BodyForm) -> Any:
        if not self.is_form:
            if form.format == "form":
                raise UnreadableBody("the body is not a form")
            return _decoded(_json(self.body), form)
        fields = dict(reversed(self.fields))  # of a field that comes twice, the first counts
        if form.format == "form":
            return _decoded(fields, form)
        if form.field not in fields:
            raise UnreadableBody("the body is a form, and the definition reads JSON")
        return _decoded(_json(fields[form.field].encode(errors="replace")), form)


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise UnreadableBody(f"the form has more than {MAX_FIELDS} fields") from None


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        said = type(error).__name__
        raise UnreadableBody(f"the body is not JSON ({said})") from None


def _decoded(value: Any, form: BodyForm) -> Any:
    return _percent_decoded(value) if form.percent_encoded else value


def _percent_decoded(value: Any) -> Any:
    """JSON whose texts are percent-encoded, as FreeSWITCH writes them unless it is configured not to."""
    if isinstance(value, str):
        return unquote(value) if "%" in value else value
    if isinstance(value, list):
        return [_percent_decoded(item) for item in value]
    if isinstance(value, dict):
        return {key: _percent_decoded(item) for key, item in value.items()}
    return value
