"""`leadline calls import FILE --follow`: reports each call when its record is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from leadline_server.cli.listening import Reporting, report_until_stopped, say

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.listen.listener import LoadRules
    from leadline_server.listen.reporter import CallReporter
    from leadline_server.replay.detection import RecordFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A file that is followed.

    Attributes:
        bookmark: the file that keeps how far it was read; None: a hidden one beside it.
    """

    path: Path
    bookmark: Path | None
    record_format: "RecordFormat"
    reporting: Reporting


def follow(following: Following) -> None:
    """Follow a file until SIGTERM or Ctrl-C. A file that cannot be followed is wrong usage."""
    import asyncio

    from leadline_server.listen.followed_file import BadBookmark
    from leadline_server.replay.records import UnusableFile

    try:
        asyncio.run(_follow(following))
    except (BadBookmark, UnusableFile) as error:
        raise typer.BadParameter(str(error)) from None


async def _follow(following: Following) -> None:
    from leadline_server.listen.follower import Follower

    path = following.path
    bookmark = following.bookmark or path.with_name(f".{path.name}.bookmark")

    def follower(reporter: "CallReporter", load: "LoadRules") -> Follower:
        return Follower(path, bookmark, following.record_format, load, reporter, say)

    say(f"following {path}; {bookmark} keeps how far it was read")
    await report_until_stopped(follower, following.reporting)
