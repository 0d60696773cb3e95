"""The adapter of an account that is connected to no CRM."""

from collections.abc import Sequence
from typing import Final, NoReturn

from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, CrmLog, CrmUserPage, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities

NOT_CONNECTED: Final = "The settings connect this account to no CRM."

_NO_CAPABILITIES: Final = Capabilities(finds_log_by_key=False, enforces_unique_key=False, moves_log=False)


class UnconnectedCrm:
    """A CrmAdapter that raises CrmUnavailable: if an account is removed from the settings, its calls wait.

    Args:
        reason: why there is no CRM: a sentence for people.
    """

    def __init__(self, reason: str = NOT_CONNECTED) -> None:
        self._reason = reason

    @property
    def capabilities(self) -> Capabilities:
        """It guarantees nothing."""
        return _NO_CAPABILITIES

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:  # noqa: ARG002 - the port's
        """Raise CrmUnavailable, as do the methods below."""
        self._refuse()

    async def get_contact(self, contact_id: str) -> Contact | None:  # noqa: ARG002 - the port's
        """Raise."""
        self._refuse()

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:  # noqa: ARG002 - the port's
        """Raise."""
        self._refuse()

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:  # noqa: ARG002 - the port's
        """Raise."""
        self._refuse()

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:  # noqa: ARG002 - the port's
        """Raise."""
        self._refuse()

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:  # noqa: ARG002 - the port's
        """Raise."""
        self._refuse()

    async def find_call_log(self, key: str) -> CrmLog | None:  # noqa: ARG002 - the port's
        """Raise."""
        self._refuse()

    async def check(self) -> None:
        """Raise."""
        self._refuse()

    async def list_users(self, cursor: str) -> CrmUserPage:  # noqa: ARG002 - the port's
        """Raise."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise CrmUnavailable(self._reason)
