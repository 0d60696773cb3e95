"""A report of a call, as `domain/progress.py` merges it into the call's log."""

from dataclasses import dataclass
from typing import Final

from leadline_server.domain.call_log_states import LogTrigger
from leadline_server.domain.fast_init import fast_init, maker
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.unshown import unshown


@fast_init
@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """One `LogCall` request.

    Attributes:
        contact_id: the contact that a person chose; empty: none.
        source: the phone system that reports; empty: the account's only one. Calls of two sources never join.
        replay_id: the replay that the past call belongs to; empty: a live call.
        reporters: the principals with the role `reporter` that report.
        only_of: the user whose log it has to be, if the log exists; empty: anyone's.
    """

    account_id: str
    user_id: str
    event: CallEvent
    trigger: LogTrigger = LogTrigger.AUTOMATIC
    contact_id: str = ""
    source: str = ""
    replay_id: str = ""
    reporters: tuple[str, ...] = ()
    only_of: str = ""


new_call_report: Final = maker(CallReport)
