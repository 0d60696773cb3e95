"""Takes addresses apart: which part of a `tel:` or `sip:` address, of a link or of `user@host` is the number.

Sources: RFC 3966 (tel), RFC 3261 sections 19.1 (SIP URIs) and 20.10 (`"Name" <uri>`), RFC 3323 section 4.1.1.3 (the
anonymous URI), RFC 4694 (`;npdi` and `;rn=`), RFC 5724 (sms), WhatsApp's help page "How to use click to chat" (wa.me).
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from leadline_server.domain.unshown import unshown

_MAY_BE_ADDRESS = re.compile(r"[<@:;/]")
_NAME_ADDR = re.compile(r"[^<>]*<([^<>]*)>\s*(?:;.*)?")
_SIP = re.compile(r"(?:sips?|h323|xmpp):", re.IGNORECASE)
_TEL = re.compile(
    r"(?:(?:urn:)?tel(?:;[^:]*)?|callto|smsto|sms|mmsto|mms|facetime(?:-audio)?|skype|viber|im):", re.IGNORECASE
)
_CHAT_LINK = re.compile(
    r"(?:https?://)?(?:(?:www\.)?wa\.me/|t\.me/(?=\+)|(?:api|web|www)\.whatsapp\.com/send/?\?phone=)\+?(\d+)(?:[/?&].*)?"
    r"|whatsapp://send/?\?phone=\+?(\d+)(?:&.*)?",
    re.IGNORECASE,
)
_USER_AT_HOST = re.compile(r"(?:[^\s@<>]+|[+(\d][\d ().\-]*)@[^\s@<>,]+")
_WITH_PARAMETERS = re.compile(r"[^;:@]+(?:; ?(?:npdi|ob|lr|[a-z][a-z0-9.\-]*=[^;]*))+", re.IGNORECASE)
_HOST_ONLY_NUMBER = re.compile(r"[+*#]?\d+")
_ANONYMOUS_HOST = "anonymous.invalid"


@unshown
@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address that concern its number.

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
    `2025550101@pbx.example` and `+12025550101;npdi` are addresses without their scheme.
    """
    if not _MAY_BE_ADDRESS.search(text):
        return None
    wrapped = _NAME_ADDR.fullmatch(text)
    inner = wrapped[1].strip() if wrapped else text
    return _of_scheme(inner) or _without_scheme(inner) or (Address(user=inner) if wrapped else None)


def _of_scheme(text: str) -> Address | None:
    if scheme := _SIP.match(text):
        return _sip(text[scheme.end() :].lstrip("/"))
    if scheme := _TEL.match(text):
        return _tel(text[scheme.end() :].lstrip("/"))
    if link := _CHAT_LINK.fullmatch(text):
        return Address(user="+" + (link[1] or link[2]))  # these links have the country code, without the plus
    return None


def _without_scheme(text: str) -> Address | None:
    if _USER_AT_HOST.fullmatch(text):
        return _sip(text)
    return _tel(text) if _WITH_PARAMETERS.fullmatch(text) else None


def _tel(rest: str) -> Address:
    number, *parameters = rest.partition("?")[0].split(";")
    return _subscriber(number.partition(":")[0], parameters)  # "smsto:NUMBER:TEXT"


def _sip(rest: str) -> Address:
    """A user part may carry `;` and `?` of its own, but `@` is always escaped in it: the first `@` ends it."""
    userinfo, at, location = rest.partition("@")
    if not at:
        host = re.split(r"[;?:]", userinfo, maxsplit=1)[0]
        if host.casefold() == _ANONYMOUS_HOST:
            return Address(user="", is_private=True)
        return Address(user=host if _HOST_ONLY_NUMBER.fullmatch(host) else "?")
    host = re.split(r"[;?:]", location, maxsplit=1)[0].strip()
    number, *parameters = userinfo.partition(":")[0].split(";")
    address = _subscriber(number, parameters)
    if host.casefold() == _ANONYMOUS_HOST:
        return Address(user=address.user, is_private=True)
    return address


def _subscriber(number: str, parameters: list[str]) -> Address:
    """The telephone-subscriber form that both schemes share; other parameters (isub, npdi) do not change who it is."""
    named = {name.strip().lower(): unquote(value) for name, _, value in (each.partition("=") for each in parameters)}
    context = named.get("phone-context", "").strip()
    return Address(
        user=unquote(number).strip(),
        extension=_digits(named.get("ext", "")),
        context="+" + _digits(context) if context.startswith("+") and _digits(context) else "",
    )


def _digits(text: str) -> str:
    return "".join(char for char in text if char in "0123456789")
