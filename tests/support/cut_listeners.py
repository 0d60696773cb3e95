"""Listeners without their sockets, whose connection is cut in the middle of a session, and the session's records."""

import csv
import io
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from fakes.asterisk import ChannelList
from fakes.asterisk_script import START, encoded
from fakes.freeswitch import LegList
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.listen import asterisk_calls, freeswitch_events
from leadline_server.listen.ami_frames import FrameParser
from leadline_server.listen.asterisk_events import AsteriskEvents
from leadline_server.listen.ended_calls import ended_calls
from leadline_server.listen.esl_frames import json_texts
from leadline_server.listen.freeswitch_events import FreeSwitchEvents
from leadline_server.listen.live_calls import LiveCall
from leadline_server.replay.detection import RecordFormat
from leadline_server.replay.own_numbers import own_numbers
from leadline_server.replay.rules import Rules

from support import asterisk_sessions, freeswitch_sessions
from support.merged_reports import MergedReports

_NUMBERING: Final = NumberingRules("US")
RULES: Final = Rules(
    users=asterisk_sessions.USERS, numbering=_NUMBERING, own_numbers=own_numbers(["2025550999"], _NUMBERING)
)
LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class CutListener(MergedReports, ABC):
    """The parts of both phone systems' listeners; the calls are as a server merges the reports.

    Attributes:
        now: the time by its clock.
    """

    now: datetime = field(default_factory=lambda: datetime.fromtimestamp(START, UTC))

    @abstractmethod
    def time_of(self, event: Mapping[str, str]) -> datetime:
        """When an event happened."""

    @abstractmethod
    def miss(self, event: Any) -> None:
        """Let the phone system do what an event tells."""

    @abstractmethod
    def hear(self, events: Iterable[Any]) -> None:
        """Take events from the connection."""

    @abstractmethod
    def connect(self) -> None:
        """Connect anew, and read which channels there are."""

    @abstractmethod
    def goes_on(self, call_id: str) -> bool:
        """Whether a call has not ended."""


@dataclass
class AsteriskListener(CutListener):
    """A listener to Asterisk."""

    def __post_init__(self) -> None:
        self._events = AsteriskEvents(lambda: self.now)
        self._channels = ChannelList()

    def time_of(self, event: Mapping[str, str]) -> datetime:
        return datetime.fromtimestamp(float(event["Timestamp"]), UTC)

    def miss(self, event: Any) -> None:
        self._channels.happen(event)

    def hear(self, events: Iterable[Any]) -> None:
        parser = FrameParser()
        for event in events:
            for frame in parser.feed(encoded(event)):
                self._events.apply(frame)
            for conversation in self._events.table.changed():
                self.report(asterisk_calls.live_calls(conversation, RULES))

    def connect(self) -> None:
        self._events.table.connected()
        self.hear(self._channels.frames())

    def goes_on(self, call_id: str) -> bool:
        return self._events.table.goes_on(call_id)


@dataclass
class FreeSwitchListener(CutListener):
    """A listener to FreeSWITCH."""

    def __post_init__(self) -> None:
        self._events = FreeSwitchEvents(lambda: self.now)
        self._legs = LegList()

    def time_of(self, event: Mapping[str, str]) -> datetime:
        return datetime.fromtimestamp(int(event["Event-Date-Timestamp"]) / 1_000_000, UTC)

    def miss(self, event: Any) -> None:
        self._legs.happen(event)

    def hear(self, events: Iterable[Any]) -> None:
        for event in events:
            self._events.apply(event)
            self._report_changes()

    def connect(self) -> None:
        self._events.table.connected()
        for uuid in self._events.listed(self._legs.rows()):
            self._events.apply(json_texts(self._legs.dump(uuid).encode()) or {})
        self._events.table.listed()
        self._report_changes()

    def goes_on(self, call_id: str) -> bool:
        return self._events.table.goes_on(call_id)

    def _report_changes(self) -> None:
        for conversation in self._events.table.changed():
            self.report(freeswitch_events.live_calls(conversation, RULES))


def asterisk_records(script: Any, folder: Path) -> list[LiveCall]:
    """The calls of a session's records, read from `Master.csv`, which this writes."""
    stream = io.StringIO()
    csv.writer(stream).writerows(script.rows)
    path = folder / "Master.csv"
    path.write_text(stream.getvalue())
    return ended_calls(path, RecordFormat.ASTERISK, RULES, LONG_AGO)


def freeswitch_records(script: Any, folder: Path) -> list[LiveCall]:
    """The calls of a session's records, read from a folder of mod_json_cdr, which this writes."""
    for number, document in enumerate(script.documents):
        path = folder / f"{document['variables']['uuid']}.cdr.json"
        path.write_text(json.dumps(document, indent=1))
        os.utime(path, (START + number, START + number))
    return ended_calls(folder, RecordFormat.FREESWITCH, RULES, LONG_AGO)


@dataclass(frozen=True)
class PhoneSystem:
    """A phone system whose events are listened to.

    Attributes:
        listener: makes a listener.
        records: writes a session's records to a folder, and reads the calls from there.
        sessions: makes each session, by its name.
        missed: the session of a call that nobody took.
    """

    listener: Callable[[], CutListener]
    records: Callable[[Any, Path], list[LiveCall]]
    sessions: Mapping[str, Callable[[], Any]]
    missed: Callable[[], Any]

    def lived_through(self, script: Any, first: int, lost: int, records: Iterable[LiveCall]) -> CutListener:
        """A listener after a session of which it missed `lost` events, from number `first` on."""
        listener = self.listener()
        for event in script.events[: first + lost]:
            listener.miss(event)
        listener.hear(script.events[:first])
        last = script.events[min(first + lost, len(script.events)) - 1]
        listener.now = listener.time_of(last) + timedelta(seconds=1)
        listener.connect()
        listener.hear(script.events[first + lost :])
        listener.report(live for live in records if not listener.goes_on(live.call.id))
        return listener


SYSTEMS: Final = {
    "asterisk": PhoneSystem(AsteriskListener, asterisk_records, asterisk_sessions.SESSIONS, asterisk_sessions.missed),
    "freeswitch": PhoneSystem(
        FreeSwitchListener, freeswitch_records, freeswitch_sessions.FREESWITCH_SESSIONS, freeswitch_sessions.missed
    ),
}


def all_sessions() -> list[tuple[str, str]]:
    """The name of each phone system with that of each of its sessions."""
    return [(system, name) for system, phones in SYSTEMS.items() for name in phones.sessions]
