"""Takes `tel:`, `sip:` and `sips:` addresses apart: which part of them is the number.

Sources: RFC 3966 (tel), RFC 3261 sections 19.1 (SIP URIs) and 20.10 (`"Name" <uri>`), RFC 3323 section 4.1.1.3 (the
anonymous URI).
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

_NAME_ADDR = re.compile(r"[^<>]*<([^<>]*)>\s*(?:;.*)?")
_SCHEME = re.compile(r"(sips?|tel):", re.IGNORECASE)
_HOST_ONLY_NUMBER = re.compile(r"[+*#]?\d+")
_ANONYMOUS_HOST = "anonymous.invalid"


@dataclass(frozen=True, slots=True)
class Address:
    """What an address says about its number.

    Attributes:
        user: the number, percent escapes resolved; not necessarily one ("alice").
        extension: the `;ext=` parameter, digits only, or empty.
        context: the digits that `;phone-context=+1` puts before a local number; empty where it is a domain.
        is_private: the address is the one that hides its caller.
    """

    user: str
    extension: str = ""
    context: str = ""
    is_private: bool = False


def take_apart(text: str) -> Address | None:
    """Read an address, or answer None where the text is no address.

    `"Name" <...>` and bare `<...>` are opened first; what they hold may also be a plain number, as Asterisk writes it.
    """
    wrapped = _NAME_ADDR.fullmatch(text)
    inner = wrapped[1].strip() if wrapped else text
    scheme = _SCHEME.match(inner)
    if scheme is None:
        return Address(user=inner) if wrapped else None
    rest = inner[scheme.end() :].lstrip("/")
    return _tel(rest) if scheme[1].lower() == "tel" else _sip(rest)


def _tel(rest: str) -> Address:
    number, *parameters = rest.partition("?")[0].split(";")
    return _subscriber(number, parameters)


def _sip(rest: str) -> Address:
    """A user part may carry `;` and `?` of its own, but `@` is always escaped in it: the first `@` ends it."""
    userinfo, at, location = rest.partition("@")
    if not at:
        host = re.split(r"[;?:]", userinfo, maxsplit=1)[0]
        return Address(user=host if _HOST_ONLY_NUMBER.fullmatch(host) else "?")
    host = re.split(r"[;?:]", location, maxsplit=1)[0].strip()
    number, *parameters = userinfo.partition(":")[0].split(";")
    address = _subscriber(number, parameters)
    if host.casefold() == _ANONYMOUS_HOST:
        return Address(user=address.user, is_private=True)
    return address


def _subscriber(number: str, parameters: list[str]) -> Address:
    """The telephone-subscriber form that both schemes share; other parameters (isub, postd) do not change who it is."""
    named = {name.strip().lower(): unquote(value) for name, _, value in (each.partition("=") for each in parameters)}
    context = named.get("phone-context", "").strip()
    return Address(
        user=unquote(number).strip(),
        extension=_digits(named.get("ext", "")),
        context="+" + _digits(context) if context.startswith("+") and _digits(context) else "",
    )


def _digits(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")
