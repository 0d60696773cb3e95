"""The results of the readers: a row that is a record, a row that is left out, or lines without a record."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from leadline_server.domain.call import Call, CallLeg, CallResult
from leadline_server.domain.unshown import unshown

_MAX_ATTRIBUTE: Final = 1024  # characters of a value, in the contract


class BadRow(Exception):
    """A row that cannot be read. The message is the reason, in words for the person who imports the file."""


class UnusableFile(Exception):
    """A file that is no call record file at all; the message says what is wrong with it."""


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """The texts of one row by the names of their fields, such as `start_time`. Fields without a text are absent.

    Attributes:
        line: where the row begins in the file, counted from 1.
        size: bytes of the row in the file.
        values: the texts by field.
    """

    line: int
    size: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row: what it says of a call, and of the one leg that it describes.

    Attributes:
        line: where the row begins in the file, counted from 1.
        size: bytes of the row, for progress.
        call: what the row alone says of its call; its `legs` hold exactly this row's leg. Without a direction where
            neither the dial plan's context nor the two sides tell it.
        user_id: the account's user on this leg, None where its extension maps to no user.
        extension: the extension that was looked for among the users; empty where the row shows none.
        is_piece: an inner half of the call (a Local channel's own record); it adds a leg and says nothing else.
        names_its_call: an inner half that says by its linked id which call it belongs to.
        channel: name of the channel that placed this leg, such as PJSIP/trunk-00000016; empty where it is not told.
        peer_channel: name of the channel that this leg rang.
        dials_own_number: the leg rang one of the account's own numbers, such as an employee's mobile.
        shown_number: the number that the leg showed to the called side.
        notes: values of the row that could not be taken, each as a sentence's beginning: "duration 'x' is ...".
    """

    line: int
    size: int
    call: Call
    user_id: str | None = None
    extension: str = ""
    is_piece: bool = False
    names_its_call: bool = False
    channel: str = ""
    peer_channel: str = ""
    dials_own_number: bool = False
    shown_number: str = ""
    notes: tuple[str, ...] = ()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRecord:
    """Lines that hold no record: blank ones, the header, a title above it. `what` names the kind."""

    line: int
    size: int
    what: str


Row = Record | Skipped | Ignored | NoRecord


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
    return {key: value[:_MAX_ATTRIBUTE] for key, value in values.items() if value}
