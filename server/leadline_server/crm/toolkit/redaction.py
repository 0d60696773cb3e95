"""Makes a CRM's own words fit for an error message."""

import re
from collections.abc import Iterable
from typing import Final

_NUMBER: Final = re.compile(r"\+?\(?\d(?:[\s()./-]{0,3}\d){6,}")  # seven digits or more, with or without separators
_SECRET_WORD: Final = re.compile(r"(?i)\b(bearer|basic|zoho-oauthtoken|token|key|secret|password)\b(\W{1,4})\S+")


def in_its_words(text: str, limit: int = 300, secrets: Iterable[str] = ()) -> str:
    """A CRM's text on one line, without secrets and callers' numbers.

    Example: `Token abc rejected for +12025550147` becomes `Token *** rejected for (a number)`.

    Args:
        text: the text as the CRM sent it.
        limit: the most characters to keep: a sentence or two.
        secrets: the adapter's credentials, since some CRMs repeat them.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = _SECRET_WORD.sub(r"\1\2***", " ".join(text.split()))
    text = _NUMBER.sub("(a number)", text)
    return text if len(text) <= limit else f"{text[:limit]}..."
