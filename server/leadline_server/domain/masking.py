"""Hides phone numbers, e-mail addresses and secrets in texts for logs, errors and traces.

It is the last guard, not the first: leadline logs no requests and no names. Names have no shape, so they are kept out
of texts instead; see `leadline_server.logs` on exceptions.
"""

import re
from collections.abc import Callable
from typing import Final

from leadline_server.domain.numbers.phone_number import mask_number

_NUMBER: Final = re.compile(r"\+?\(?\d(?:[\s\u00a0()./-]{0,3}\d){6,}")
"""Whatever may be a phone number: seven digits or more, with the usual signs between them."""

_MAIL: Final = re.compile(r"[^\s@<>\"'()]+@[\w-]+(?:\.[\w-]+)+")
_NAMED: Final = re.compile(
    r"(?i)\b(bearer|basic|zoho-oauthtoken|(?:[a-z]+[_-])*(?:token|key|secret|password|signature))\b(\W{1,4})\S+"
)
"""A secret after its name: `Bearer abc`, `access_token=abc`, `"password": "abc"`."""

_SHAPED: Final = re.compile(
    r"eyJ[\w-]{5,}\.[\w-]+\.?[\w-]*"  # a JSON Web Token (RFC 7519)
    r"|(?<=://)[^/\s@]+@"  # user and password in a URL
    r"|\b(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{32,}={0,2}"  # a long key
)
"""A secret without its name."""

_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def masked(text: str, number: Callable[[str], str] = mask_number) -> str:
    """`text` without numbers, addresses and secrets.

    Example: `Token abc rejected for +12025550147` becomes `Token *** rejected for ***47`.

    Args:
        text: the text.
        number: what stands for a phone number.
    """
    text = _NAMED.sub(r"\1\2***", text)
    text = _SHAPED.sub("***", text)
    text = _MAIL.sub("***", text)
    return _NUMBER.sub(lambda found: number(found.group()), text)


def without_values(text: str) -> str:
    """As `masked`, and without what is in quotes: `invalid literal for int(): 'Ada'` becomes `... int(): '***'`."""
    return masked(_QUOTED.sub("'***'", text))
