"""An account as the platform administers it, and the connection to a CRM that it may have of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from leadline_server.domain.preferences import AccountSettings


class AccountState(StrEnum):
    """Whether an account is served.

    ACTIVE: it is. DISABLED: its RPCs are refused, and its calls wait. DELETING: its data is being removed; for
    everyone else it does not exist.
    """

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """An account in the ledger.

    Attributes:
        account_id: its id.
        settings: its settings.
        title: its name for people; empty if it has none.
        state: whether it is served.
        connection_revision: changes whenever its own connection changes; 0: it has none.
        create_time: when it was created.
        update_time: when its title or state changed.
        settings_version: the settings version that it was read at.
    """

    account_id: str
    settings: AccountSettings
    title: str = ""
    state: AccountState = AccountState.ACTIVE
    connection_revision: int = 0
    create_time: datetime | None = None
    update_time: datetime | None = None
    settings_version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnConnection:
    """A connection to a CRM that belongs to one account.

    Attributes:
        adapter: the adapter's name, such as `hubspot`.
        options: the adapter's own settings without the secrets.
        secrets: the secrets by their names, such as `token`.
        revision: grows with each change.
        update_time: when it was changed.
    """

    adapter: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_names: tuple[str, ...] = ()
    revision: int = 0
    update_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionCheck:
    """The results of the checks of a connection.

    Attributes:
        connection: the connection's name; an account's own is `account:ID`.
        check_time: when it was last asked.
        success_time: when it last worked; None: never.
        failure_time: when it last failed; None: never.
        error: a sentence about the last failure, also if a later check succeeded; empty: there was none.
    """

    connection: str
    check_time: datetime
    success_time: datetime | None = None
    failure_time: datetime | None = None
    error: str = ""

    @property
    def is_working(self) -> bool:
        """Whether the last check succeeded."""
        return self.success_time == self.check_time
