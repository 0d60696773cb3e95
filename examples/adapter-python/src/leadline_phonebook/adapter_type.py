"""The adapter type that leadline loads: its name, its settings, and how it is opened."""

from pathlib import Path

from leadline_server.crm.toolkit import (
    AccountView,
    AdapterContext,
    AdapterType,
    Connect,
    ConnectionSettings,
)
from leadline_server.ports.crm import CrmAdapter
from pydantic import Field

from leadline_phonebook.adapter import CAPABILITIES, PhonebookCrm
from leadline_phonebook.book import Book


class PhonebookSettings(ConnectionSettings):
    """The settings of a connection, besides `adapter = "phonebook"`."""

    file: Path = Field(description="The SQLite file; created if it is missing.")


async def _open(settings: PhonebookSettings, _: AdapterContext) -> Connect:
    book = Book(settings.file)
    await book.prepare()

    def connect(account: AccountView) -> CrmAdapter:
        return PhonebookCrm(book, account.id)

    return connect


PHONEBOOK = AdapterType(
    name="phonebook",
    title="A phone book in an SQLite file",
    settings=PhonebookSettings,
    open=_open,
    capabilities=CAPABILITIES,
    is_remote=False,
)
