"""A CRM adapter whose texts are safe to store, to log and to show."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar, cast

from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.clean_text import cleaned, cleaned_id, cleaned_lines
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError, CrmTooMuch
from leadline_server.domain.directory import CrmUser
from leadline_server.ports.crm import ContactPage, CrmLog, CrmUserPage
from leadline_server.ports.crm_guarantees import CrmMethod

P = ParamSpec("P")
T = TypeVar("T")


class CleanTextsCrm(CrmWrapper):
    """`inner`, whose names, ids, addresses and words of errors have no harmful characters (`domain.clean_text`).

    It stands next to the adapter, so every other part of leadline sees clean texts alone.
    """

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        del method
        try:
            answer = await work(*args, **kwargs)
        except CrmError as error:
            _clean_error(error)
            raise
        return cast("T", _clean(answer))


def _clean(answer: Any) -> Any:
    """The answer of any method."""
    match answer:
        case Contact():
            return clean_contact(answer)
        case list() | tuple():
            return [clean_contact(contact) for contact in answer]
        case CrmLog():
            return CrmLog(cleaned_id(answer.id), cleaned(answer.url), cleaned_id(answer.contact_id))
        case ContactPage():
            return ContactPage(tuple(map(clean_contact, answer.contacts)), _sendable(answer.next_cursor))
        case CrmUserPage():
            return CrmUserPage(tuple(map(_clean_user, answer.users)), _sendable(answer.next_cursor))
        case _:
            return answer


def clean_contact(contact: Contact) -> Contact:
    """The contact with clean texts: the same object if they are clean already, as most are."""
    if all(map(str.isprintable, _texts(contact))):
        return contact
    return replace(
        contact,
        id=cleaned_id(contact.id),
        name=cleaned(contact.name),
        phone_numbers=tuple(map(cleaned, contact.phone_numbers)),
        type=cleaned(contact.type),
        email=cleaned(contact.email),
        company=cleaned(contact.company),
        title=cleaned(contact.title),
        url=cleaned(contact.url),
        attributes={cleaned(name): cleaned_lines(value) for name, value in contact.attributes.items()},
    )


def _clean_user(user: CrmUser) -> CrmUser:
    return replace(user, id=cleaned_id(user.id), name=cleaned(user.name), email=cleaned(user.email))


def _sendable(cursor: str) -> str:
    """A cursor with UTF-8. Nothing else changes in it, since the adapter gets it back."""
    return cursor.encode(errors="replace").decode()


def _texts(contact: Contact) -> Iterator[str]:
    yield from (contact.id, contact.name, contact.type, contact.email, contact.company, contact.title, contact.url)
    yield from contact.phone_numbers
    if contact.attributes:
        yield from contact.attributes
        yield from contact.attributes.values()


def _clean_error(error: CrmError) -> None:
    error.message = cleaned(error.message)
    error.args = (error.message,)
    error.metadata = {name: cleaned(value) for name, value in error.metadata.items()}
    if isinstance(error, CrmTooMuch):
        error.read = [clean_contact(contact) for contact in error.read]
