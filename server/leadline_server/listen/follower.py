"""Follows a file of call records: each call is reported when its record is written."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leadline_server.listen.followed_file import FollowedFile, Piece, load_bookmark, save_bookmark
from leadline_server.listen.live_calls import UNKNOWN_USER, LiveCall, of_record
from leadline_server.listen.reporter import CallReporter
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import ReplayCall, group
from leadline_server.replay.records import Skipped, UnusableFile
from leadline_server.replay.rules import Rules

MOST_CONTEXT: Final = 1024 * 1024
"""Bytes of records that are remembered, because later records may belong to the same calls."""

_MOST_SAID: Final = 20
_WITH_HEADER: Final = "a file with a header cannot be followed; import it without --follow"

LoadRules = Callable[[], Awaitable[Rules]]


@dataclass(slots=True)
class FollowCounts:
    """How many rows could not be read."""

    skipped: int = 0


class Follower:
    """Reports the calls of a file that grows.

    Args:
        path: the file.
        bookmark: the file that keeps how far it was read. It moves on when the server has the calls on disk.
        record_format: the form of its records; each has a line.
        load_rules: the account's rules; loaded again for each piece.
        reporter: gets the calls.
        say: prints a line for people.
        poll_seconds: between two looks at the file.

    Raises:
        BadBookmark: the bookmark cannot be read.
    """

    def __init__(
        self,
        path: Path,
        bookmark: Path,
        record_format: RecordFormat,
        load_rules: LoadRules,
        reporter: CallReporter,
        say: Callable[[str], None],
        *,
        poll_seconds: float = 1.0,
    ) -> None:
        self._path, self._bookmark, self._format = path, bookmark, record_format
        self._load_rules, self._reporter, self._say = load_rules, reporter, say
        self._poll_seconds = poll_seconds
        self._file = FollowedFile(path, load_bookmark(bookmark), {bookmark, bookmark.with_name(f"{bookmark.name}.new")})
        self._context = self._file.before(MOST_CONTEXT)
        self._lost = 0
        self.counts = FollowCounts()

    async def run(self) -> None:
        """Follow until it is cancelled.

        Raises:
            UnusableFile: the file has a header, or no records.
        """
        while True:
            piece = await self._next()
            if piece is None:
                await asyncio.sleep(self._poll_seconds)
                continue
            rules = await self._load_rules()
            for live in await asyncio.to_thread(self._calls, piece, rules):
                await self._reporter.report(live)
            await self._reporter.idle()
            await asyncio.to_thread(save_bookmark, self._bookmark, piece.bookmark)

    async def _next(self) -> Piece | None:
        try:
            piece = await asyncio.to_thread(self._file.next)
        except OSError as error:
            self._say(f"{self._path} cannot be read ({type(error).__name__}); trying again")
            return None
        if self._file.lost > self._lost:
            self._lost = self._file.lost
            self._say(f"{self._path} was rotated, and what it was is gone; import its records from a copy")
        return piece

    def _calls(self, piece: Piece, rules: Rules) -> list[LiveCall]:
        """The calls of which a piece has records, with their records before it."""
        known = self._context.count(b"\n")
        data = self._context + piece.data
        records = RecordFile(io.BytesIO(data), self._format)
        if records.columns is not None:
            raise UnusableFile(_WITH_HEADER)
        self._context = data if len(data) <= MOST_CONTEXT else data[-MOST_CONTEXT:].partition(b"\n")[2]
        found = []
        for item in group(records.rows(rules), rules.default_user or UNKNOWN_USER):
            if isinstance(item, ReplayCall) and max(item.lines) > known:
                found.append(of_record(item))
            elif isinstance(item, Skipped) and item.line > known:
                self._skip(item)
        return found

    def _skip(self, row: Skipped) -> None:
        self.counts.skipped += 1
        if self.counts.skipped <= _MOST_SAID:
            self._say(f"a record is left out: {row.reason}")
