"""GET /v1/caller-name: the caller's name as one line of text, for dialplans.

Asterisk's CURL(), FreeSWITCH's mod_cidlookup and 3CX take the answer's body as the name, whatever the status is. So an
answer other than 200 has an empty body, and the name has no character that a dialplan would interpret.

    GET /v1/caller-name?account_id=demo&number=%2B12025550101     200 "Jane Roe"
    ... a number that no contact has, or several                  200 ""
    ... without a credential, where the server wants one          401 ""
    ... the CRM cannot tell, or not in time                       503 ""
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from leadline.v1.contact_service_pb2 import FindContactRequest, FindContactResponse

from leadline_server.http.gate import Receive, Scope, Send, answer
from leadline_server.http.rpcs import call, context_of
from leadline_server.transport.served_methods import ServedMethod

SECONDS: Final = 2.0
"""How long a dialplan waits for a name, in seconds. The call does not ring until then."""

MAX_CHARACTERS: Final = 80
"""The most characters of a name. Phone systems have shorter limits."""

_MAX_QUERY: Final = 1024
_FORBIDDEN: Final = frozenset('${},;"\\')
_STATUSES: Final = {
    Code.INVALID_ARGUMENT: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
}


class CallerName:
    """Answers with the name of the one contact that has a number.

    Args:
        find_contact: FindContact, which may answer from remembered answers.
    """

    def __init__(self, find_contact: ServedMethod) -> None:
        self._find_contact = find_contact

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        del receive
        if scope["method"] != "GET":
            await answer(send, 405, b"")
            return
        request = _request(scope["query_string"])
        if request is None:
            await answer(send, 400, b"")
            return
        try:
            found = await call(self._find_contact, request, context_of(scope, SECONDS))
        except ConnectError as error:
            await answer(send, _STATUSES.get(error.code, 503), b"")
            return
        name = _name(found) if isinstance(found, FindContactResponse) else ""
        await answer(send, 200, name.encode())


def _request(query: bytes) -> FindContactRequest | None:
    """The lookup that a query string asks for; None if it is malformed."""
    if len(query) > _MAX_QUERY:
        return None
    try:
        fields = parse_qs(query.decode("ascii"), max_num_fields=8, errors="strict")
    except ValueError:
        return None
    account_id, number = _single(fields.get("account_id")), _single(fields.get("number"))
    if account_id is None or number is None:
        return None
    # A `+` that was not escaped arrives as a blank.
    number = f"+{number[1:]}" if number.startswith(" ") else number
    return FindContactRequest(account_id=account_id, phone_numbers=[number])


def _single(values: Sequence[str] | None) -> str | None:
    return values[0] if values is not None and len(values) == 1 else None


def _name(found: FindContactResponse) -> str:
    """The contact's name; empty if no contact matched, or if several matched equally well."""
    strongest = min((match.kind for match in found.matches), default=0)
    contacts = {match.contact.id: match.contact for match in found.matches if match.kind == strongest}
    people = {key: contact for key, contact in contacts.items() if not contact.is_placeholder}
    contacts = people or contacts
    if len(contacts) != 1:
        return ""
    [contact] = contacts.values()
    return one_line(contact.name)


def one_line(name: str) -> str:
    """The name in one line, at most MAX_CHARACTERS, without characters that a dialplan would interpret."""
    kept = "".join(character if _is_kept(character) else " " for character in name)
    return " ".join(kept.split())[:MAX_CHARACTERS].rstrip()


def _is_kept(character: str) -> bool:
    return character.isprintable() and character not in _FORBIDDEN
