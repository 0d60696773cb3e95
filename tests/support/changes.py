"""Changes of call logs that no ledger has."""

from dataclasses import dataclass

from leadline_server.domain.call_log import CallLog


@dataclass(frozen=True)
class Changed:
    """A ledger.Change to a call log."""

    sequence: int
    call_log: CallLog

    @property
    def account_id(self) -> str:
        return self.call_log.account_id

    @property
    def user_id(self) -> str:
        return self.call_log.user_id

    @property
    def call_id(self) -> str:
        return self.call_log.call_id

    @property
    def size(self) -> int:
        return 1_000
