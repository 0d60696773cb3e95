"""SearchContacts: finds contacts by name, so that a person can choose one."""

from dataclasses import dataclass

from leadline_server.accounts.registry import Account
from leadline_server.commands.paging import DEFAULT_PAGE_SIZE, PageTokens
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmInvalidCursor
from leadline_server.domain.errors import FieldViolation, InvalidPageToken
from leadline_server.domain.unshown import unshown


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSearch:
    """A part of a name, and which page of the contacts that have it."""

    name: str
    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class ContactList:
    """One page of contacts, and the token of the next; empty on the last."""

    contacts: tuple[Contact, ...]
    next_page_token: str


class SearchContacts:
    """Searches by name; never writes."""

    def __init__(self, page_tokens: PageTokens) -> None:
        self._page_tokens = page_tokens

    async def execute(self, account: Account, search: ContactSearch) -> ContactList:
        """Answer the search.

        Raises:
            InvalidPageToken: the token is of another search, or of another CRM.
            CrmError: cannot tell.
        """
        selection = f"{account.id}\n{search.name}"
        cursor = self._page_tokens.read(selection, search.page_token) if search.page_token else ""
        try:
            page = await account.crm.search_contacts(search.name, search.page_size or DEFAULT_PAGE_SIZE, cursor)
        except CrmInvalidCursor as error:
            raise InvalidPageToken([FieldViolation("page_token", "was made for another CRM")]) from error
        following = self._page_tokens.make(selection, page.next_cursor) if page.next_cursor else ""
        return ContactList(page.contacts, following)
