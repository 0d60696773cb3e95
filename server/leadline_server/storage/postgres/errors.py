"""Errors of PostgreSQL and of asyncpg as errors of the ledger, translated once, at the edge.

The codes are those of "PostgreSQL Error Codes" in PostgreSQL's manual.
"""

from typing import Final

import asyncpg

from leadline_server.domain.ledger_errors import LedgerFull, LedgerUnavailable

_BUSY_SECONDS: Final = 1.0
_AWAY_SECONDS: Final = 1.0
_BROKEN_SECONDS: Final = 5.0

_NO_SESSION_SETTINGS: Final = "unsupported startup parameter"
"""In PgBouncer's refusal of a connection that brings settings for its session."""

_FENCED: Final = "this ledger is fenced"
"""In the message of the triggers of ledger/copying/postgres_store.py."""

_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # the connection is closed
    asyncpg.InternalClientError,  # it was closed in the middle of a message
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    OSError,
    TimeoutError,
)
_AGAIN: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,  # a migration of another process has changed a table
)
_BUSY: Final = (
    *_AGAIN,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
_FULL: Final = (asyncpg.DiskFullError, asyncpg.ConfigurationLimitExceededError)
_BROKEN: Final = (asyncpg.PostgresSystemError, asyncpg.InternalServerError, asyncpg.OperatorInterventionError)
_REFUSED: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedTableError,
)


class OutcomeUnknown(Exception):
    """A write was sent and its answer did not come: it may have happened, or may still happen."""


class Conflict(Exception):
    """A write did not happen, since another transaction has changed what it depends on."""


def is_lost(error: BaseException) -> bool:
    """Whether the connection is lost or could not be made. A statement that was sent over it may have happened."""
    return isinstance(error, _LOST)


def may_repeat(error: BaseException) -> bool:
    """Whether the transaction failed for another one's sake: nothing happened, and it can be run again at once."""
    return isinstance(error, _AGAIN)


def is_read_only(error: BaseException) -> bool:
    """Whether the server takes no writes: it is a standby, or was made one."""
    return isinstance(error, asyncpg.ReadOnlySQLTransactionError)


def storage_error(error: BaseException) -> LedgerUnavailable | None:
    """The LedgerUnavailable for an error of the database; None for any other error.

    Other errors are violated constraints, which the caller handles, and programming errors. No message has anything of
    PostgreSQL's own, which may repeat what is stored.
    """
    failure: LedgerUnavailable
    if isinstance(error, LedgerUnavailable):
        return error
    if is_read_only(error) and _FENCED in str(error):
        failure = LedgerUnavailable(
            "This ledger takes no writes: it is being copied, or was copied, to another database.", retry_after=30
        )
    elif isinstance(error, _FULL):
        failure = LedgerFull("No space is left for leadline's PostgreSQL database.", retry_after=30)
    elif is_read_only(error) or isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        failure = LedgerUnavailable("leadline's PostgreSQL server is a standby, which takes no writes.", retry_after=1)
    elif isinstance(error, _BUSY):
        failure = LedgerUnavailable("leadline's PostgreSQL database is busy.", retry_after=_BUSY_SECONDS)
    elif isinstance(error, asyncpg.InsufficientResourcesError):
        failure = LedgerUnavailable("leadline's PostgreSQL server has no connection or memory left.", retry_after=1)
    elif is_lost(error):
        failure = LedgerUnavailable(_lost_sentence(error), retry_after=_AWAY_SECONDS)
    elif isinstance(error, _REFUSED):
        failure = LedgerUnavailable(
            f"leadline's PostgreSQL server refuses this: {type(error).__name__}. Check the user, its password and its"
            " rights on the database.",
            retry_after=_BROKEN_SECONDS,
        )
    elif isinstance(error, _BROKEN):
        failure = LedgerUnavailable("leadline's PostgreSQL server failed.", retry_after=_BROKEN_SECONDS)
    else:
        return None
    failure.__cause__ = error
    return failure


def _lost_sentence(error: BaseException) -> str:
    if isinstance(error, asyncpg.ProtocolViolationError) and _NO_SESSION_SETTINGS in str(error):
        return (
            "The setting ledger leads to a pooler, such as PgBouncer, which refuses settings of sessions. Set"
            " ledger_direct to the PostgreSQL server itself."
        )
    return "leadline's PostgreSQL server cannot be reached."
