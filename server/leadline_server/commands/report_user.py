"""Finds the user of a report that names none."""

from dataclasses import replace

from leadline_server.accounts.registry import Account
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.directory import described
from leadline_server.domain.errors import FieldViolation, InvalidRequest
from leadline_server.ports.ledger import CallKey, CallLogs


async def with_user(account: Account, report: CallReport, call_logs: CallLogs) -> CallReport:
    """The report with its user: by its parties, else the user of the call's earlier reports, else the default user.

    Raises:
        InvalidRequest: nothing names a user.
    """
    user_id = account.directory.user_of(report.event, account.rules)
    if not user_id:
        known = await call_logs.get(CallKey(account.id, report.event.call_id))
        user_id = account.settings.default_user_id if known is None else known.user_id
    if not user_id:
        looked_for = described(report.event)
        raise InvalidRequest(
            [
                FieldViolation(
                    "user_id",
                    f"Required, since the directory has no user for this call. Looked for: {looked_for}. Give user_id,"
                    " add the user to the directory, or set the account's default_user_id.",
                )
            ]
        )
    return replace(report, user_id=user_id)
