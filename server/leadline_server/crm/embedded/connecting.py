"""The embedded CRM as a kind of adapter: one file in the data directory, a book for each account."""

from typing import Final

from leadline_server.crm.connections import (
    AccountView,
    AdapterType,
    Connect,
    ConnectionSettings,
    Losses,
    Surroundings,
)
from leadline_server.crm.embedded.adapter import CAPABILITIES, EmbeddedCrm
from leadline_server.crm.embedded.database import open_crm_database
from leadline_server.crm.embedded.rekeying import rekey_books
from leadline_server.ports.crm import CrmAdapter

FILE: Final = "crm.db"


class EmbeddedSettings(ConnectionSettings):
    """Nothing is to be set."""


async def _open(_: EmbeddedSettings, around: Surroundings) -> Connect:
    """Open the file, made where it is missing. Raises CrmUnavailable, with what to do, if it cannot be used."""
    database = await open_crm_database(around.data_dir / FILE)
    around.closing.push_async_callback(database.close)
    await rekey_books(database, around.numbering)

    def connect(account: AccountView) -> CrmAdapter:
        return EmbeddedCrm(database, account.id, lambda: account.settings().numbering)

    return connect


EMBEDDED = AdapterType(
    name="embedded",
    title="The embedded contact book and call journal",
    settings=EmbeddedSettings,
    open=_open,
    capabilities=CAPABILITIES,
    losses=Losses(fields=frozenset({"caller_extension", "legs"})),
    is_remote=False,
)
