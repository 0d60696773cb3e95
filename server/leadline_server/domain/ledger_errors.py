"""The errors of leadline's own storage, and of its keys."""

from collections.abc import Sequence
from typing import ClassVar

from leadline_server.domain.errors import ErrorReason, LeadlineError


class LedgerUnavailable(LeadlineError):
    """leadline's own storage cannot be read or written at the moment; nothing was accepted."""

    reason = ErrorReason.LEDGER_UNAVAILABLE


class LedgerFull(LedgerUnavailable):
    """No space is left for leadline's own storage; nothing was accepted."""

    reason = ErrorReason.LEDGER_FULL


class SettingsChanged(LedgerUnavailable):
    """A change depends on an account as it was before its settings changed; nothing was accepted. Read it again."""

    def __init__(self) -> None:
        super().__init__("The account's settings have just changed. Try again.", retry_after=0)


class StandbyLedger(LedgerUnavailable):
    """The ledger is a restored copy, and not the live one."""

    SENTENCE: ClassVar[str] = (
        "This server has a restored copy: it writes to no CRM and presents no refresh token until"
        " `leadline restore --live`."
    )

    def __init__(self) -> None:
        super().__init__(self.SENTENCE)


class KeyMissing(LedgerUnavailable):
    """Documents are encrypted with keys that were not restored. `key_ids` identifies them."""

    def __init__(self, key_ids: Sequence[str]) -> None:
        super().__init__(f"The key {', '.join(key_ids)} is missing. `leadline restore --keys FILE` puts it back.")
        self.key_ids = tuple(key_ids)


class SecretDamaged(LedgerUnavailable):
    """An encrypted document of an owner, such as `connection:sales`, was changed, or is another's."""

    def __init__(self, owner: str) -> None:
        super().__init__(
            f"What is encrypted of {owner} cannot be opened: it was changed, or is another's. Grant access again."
        )
        self.owner = owner
