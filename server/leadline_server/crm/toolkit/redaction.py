"""Makes a CRM's own words fit for an error message."""

from collections.abc import Iterable

from leadline_server.domain.masking import masked


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
    text = masked(" ".join(text.split()), lambda _: "(a number)")
    return text if len(text) <= limit else f"{text[:limit]}..."
