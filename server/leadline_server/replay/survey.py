"""Facts that only the whole file tells: the order of day and month in its dates, and the zone that its ids fit."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from leadline_server.replay.clock_texts import DateOrder, has_no_time, needs_order, order_told_by, read_clock
from leadline_server.replay.records import UnusableFile
from leadline_server.replay.zones import ZoneEvidence, epoch_of


@dataclass(slots=True)
class Survey:
    """Gathered from the texts of every row, before any of them is sent.

    Attributes:
        needs_zone: whether a record begins at a time without an offset.
        zones: offsets from UTC that the rows show.
    """

    needs_zone: bool = False
    zones: ZoneEvidence = field(default_factory=ZoneEvidence)
    _orders: set[DateOrder] = field(default_factory=set)
    _undecided: str = ""

    def add(self, times: Sequence[str], unique_id: str) -> None:
        """Takes one row: its times, the start first, and the id that may tell when it began."""
        for place, text in enumerate(times):
            if has_no_time(text):
                continue
            try:
                clock = read_clock(text)
            except (ValueError, OverflowError):
                self._add_date(text, is_start=place == 0)
                continue
            if place == 0 and clock.tzinfo is None:
                self.needs_zone = True
                began = epoch_of(unique_id)
                if began is not None:
                    self.zones.add(began, clock)

    def order(self, given: DateOrder | None) -> DateOrder | None:
        """Which of day and month comes first in dates such as 10/5/2026; None where the file has none.

        Raises:
            UnusableFile: nothing tells.
        """
        if given is not None or not (self._orders or self._undecided):
            return given
        if len(self._orders) == 1:
            return next(iter(self._orders))
        why = "the file has dates of both kinds" if self._orders else "no date in the file shows it"
        raise UnusableFile(
            f"cannot tell whether the day or the month comes first in {self._undecided!r}: {why}; "
            "give --date-order dmy or --date-order mdy"
        )

    def _add_date(self, text: str, *, is_start: bool) -> None:
        """A date with slashes, if it is one: its zone is not told either."""
        order = order_told_by(text)
        if order is not None:
            self._orders.add(order)
        if order is not None or needs_order(text):
            self._undecided = self._undecided or text.strip()
            self.needs_zone = self.needs_zone or is_start
