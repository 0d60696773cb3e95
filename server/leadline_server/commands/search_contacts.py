"""SearchContacts: contacts by name, for a person to choose from."""

from dataclasses import dataclass

from leadline_server.accounts.registry import AccountRegistry
from leadline_server.commands.paging import DEFAULT_PAGE_SIZE, PageTokens
from leadline_server.domain.contact import Contact
from leadline_server.domain.errors import CrmInvalidCursor, FieldViolation, InvalidPageToken


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSearch:
    """A part of a name, and which page of the contacts that have it."""

    account_id: str
    user_id: str
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

    def __init__(self, registry: AccountRegistry, page_tokens: PageTokens) -> None:
        self._registry = registry
        self._page_tokens = page_tokens

    async def execute(self, search: ContactSearch) -> ContactList:
        """Answer the search.

        Raises:
            AccountNotFound: there is no such account.
            InvalidPageToken: the token is of another search, or of another CRM.
            CrmError: cannot tell.
        """
        account = await self._registry.get(search.account_id)
        selection = f"{search.account_id}\n{search.name}"
        cursor = self._page_tokens.read(selection, search.page_token) if search.page_token else ""
        try:
            page = await account.crm.search_contacts(search.name, search.page_size or DEFAULT_PAGE_SIZE, cursor)
        except CrmInvalidCursor as error:
            raise InvalidPageToken([FieldViolation("page_token", "was made for another CRM")]) from error
        following = self._page_tokens.make(selection, page.next_cursor) if page.next_cursor else ""
        return ContactList(page.contacts, following)
