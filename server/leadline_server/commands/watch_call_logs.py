"""WatchCallLogs: the calls of an account as they change."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from leadline_server.contacts.directory import AccountDirectory
from leadline_server.delivery.feed import ChangeFeed
from leadline_server.domain import tokens
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.errors import FieldViolation, InvalidResumeToken, ResumeTokenExpired
from leadline_server.ports.ledger import CallLogs


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What to watch: an account's calls, or one user's; from now on, or from where another watch ended (its token)."""

    account_id: str
    user_id: str
    resume_token: str


@dataclass(frozen=True, slots=True)
class WatchItem:
    """A call that changed (None: only the position is told), and the token to go on from after it."""

    call_log: CallLog | None
    resume_token: str


class WatchCallLogs:
    """Streams changes, at least once each, in the order of their commits."""

    def __init__(self, directory: AccountDirectory, call_logs: CallLogs, feed: ChangeFeed, secret: bytes) -> None:
        self._directory = directory
        self._call_logs = call_logs
        self._feed = feed
        self._secret = secret

    async def execute(self, watch: Watch) -> AsyncIterator[WatchItem]:
        """Yield the position at once, then every change until the watcher leaves.

        Raises:
            AccountNotFound: there is no such account.
            InvalidResumeToken: the token is of another watch.
            ResumeTokenExpired: the ledger does not reach back, or not yet forward, to the token.
        """
        await self._directory.get(watch.account_id)
        with self._feed.watching():
            position = await self._start(watch)
            yield WatchItem(None, self._token(watch, position))
            while True:
                for change in await self._feed.after(position):
                    position = change.sequence
                    if _concerns(watch, change.call_log):
                        yield WatchItem(change.call_log, self._token(watch, position))

    async def _start(self, watch: Watch) -> int:
        last = await self._call_logs.last_sequence()
        if not watch.resume_token:
            return last
        payload = tokens.verify(self._secret, "watch", _selection(watch), watch.resume_token)
        if payload is None:
            raise InvalidResumeToken([FieldViolation("resume_token", "was not made for this watch")])
        if int(payload) > last:
            raise ResumeTokenExpired("The token is of a later state of the ledger. List the calls, and watch from now.")
        return int(payload)

    def _token(self, watch: Watch, position: int) -> str:
        return tokens.sign(self._secret, "watch", _selection(watch), str(position))


def _concerns(watch: Watch, log: CallLog) -> bool:
    return log.account_id == watch.account_id and watch.user_id in ("", log.user_id)


def _selection(watch: Watch) -> str:
    return f"{watch.account_id}\n{watch.user_id}"
