"""The CRM's own words, made fit for an error's message."""

import re
from collections.abc import Iterable
from typing import Final

_NUMBER: Final = re.compile(r"\+?\(?\d(?:[\s()./-]{0,3}\d){6,}")  # seven digits or more, however they are set apart
_SECRET_WORD: Final = re.compile(r"(?i)\b(bearer|basic|zoho-oauthtoken|token|key|secret|password)\b(\W{1,4})\S+")


def in_its_words(text: str, limit: int = 300, secrets: Iterable[str] = ()) -> str:
    """What a CRM said, on one line, without what a message must not have: secrets, and callers' numbers.

    Args:
        text: the CRM's, as it came.
        limit: the characters that are kept: a sentence or two, not a page.
        secrets: the adapter's credentials, which careless CRMs repeat.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = _SECRET_WORD.sub(r"\1\2***", " ".join(text.split()))
    text = _NUMBER.sub("(a number)", text)
    return text if len(text) <= limit else f"{text[:limit]}..."
