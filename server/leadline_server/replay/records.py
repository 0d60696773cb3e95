"""What the readers hand on: one row of a file, understood or left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from leadline_server.domain.call import Call, CallLeg, CallResult


class BadRow(Exception):
    """A row that cannot be read. The message is the reason, in words for the person who replays the file."""


class UnusableFile(Exception):
    """A file that is no call record file at all; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row: what it says of a call, and of the one leg that it describes.

    Attributes:
        line: where the row begins in the file, counted from 1.
        size: bytes of the row, for progress.
        call: what the row alone says of its call; its `legs` hold exactly this row's leg. Without a direction where
            neither the dial plan's context nor the two sides tell it.
        user_id: the account's user on this leg, None where its extension maps to nobody.
        extension: the extension that was looked for among the users; empty where the row shows none.
        is_piece: an inner half of the call (a Local channel's own record); it adds a leg and says nothing else.
    """

    line: int
    size: int
    call: Call
    user_id: str | None = None
    extension: str = ""
    is_piece: bool = False

    @property
    def leg(self) -> CallLeg:
        """The leg that this row describes."""
        return self.call.legs[0]

    @property
    def is_answered(self) -> bool:
        """Whether a person took this leg."""
        return self.leg.result is CallResult.ANSWERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A row that should have been a call, or part of one, and is not."""

    line: int
    size: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A row that is rightly no call of its own."""

    line: int
    size: int
    reason: str


Row = Record | Skipped | Ignored


def with_one_leg(call: Call, leg_id: str, user_id: str | None) -> Call:
    """The call with its own times and result as its only leg, leading to the callee."""
    leg = CallLeg(
        id=leg_id,
        user_id=user_id,
        party=replace(call.callee, user_id=None),
        start_time=call.start_time,
        answer_time=call.answer_time,
        end_time=call.end_time,
        result=call.result,
    )
    return replace(call, legs=(leg,))


def attributes_of(**values: str) -> Mapping[str, str]:
    """Attributes that are not empty, cut to the contract's 1024 characters."""
    return {key: value[:1024] for key, value in values.items() if value}
