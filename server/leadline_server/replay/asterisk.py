"""Reads a row of Asterisk's call records: who is on its two sides, which way it went, what it came to."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.replay.clock_texts import has_no_time
from leadline_server.replay.lines import readable, size_of, without_cut_character
from leadline_server.replay.records import RawRow, Record, attributes_of, with_one_leg
from leadline_server.replay.rules import Rules, Target
from leadline_server.replay.times import Hints, Span
from leadline_server.replay.values import Values, is_damaged
from leadline_server.replay.words import Told, read_result
from leadline_server.replay.zones import epoch_of, whole_offset

TIME_FIELDS: Final = ("start", "answer", "end")
ID_FIELD: Final = "uniqueid"

_CUT_LENGTH: Final = 79  # bytes of a text that Asterisk keeps, a closing zero besides (AST_MAX_EXTENSION is 80)

_VOICEMAIL_APPS: Final = frozenset({"voicemail", "minivmrecord"})
# These answer a call by themselves: without a second channel no person has talked to the caller.
_MACHINE_APPS: Final = frozenset({"queue", "background", "waitexten", "playback", "musiconhold"})

_CALLER_ID: Final = re.compile(r'\s*"?(?P<name>.*?)"?\s*<(?P<number>[^<>]*)>\s*')
_CUT_CALLER_ID: Final = re.compile(
    r'\s*(?:"(?P<quoted>.*?)(?:"\s*(?:<[^<>]*)?)?|(?P<bare>[^"<>]*[^\W\d_][^"<>]*)<[^<>]*)'
)
_LOCAL_HALF: Final = re.compile(r"Local/(?P<device>[^@]+)@.*;[12]", re.IGNORECASE)
_DEVICE: Final = re.compile(
    r"(?:SIP|PJSIP|IAX2|SCCP|Skinny|Agent|DAHDI)/(?P<device>[^/@]+?)(?:-[0-9a-f]+)?|sofia/[^/]+/(?P<sofia>[^/@:]+)(?:[@:].*)?",
    re.IGNORECASE,
)
_MAILBOX: Final = re.compile(r"[usb]?(?P<mailbox>\d+)")
_NOTE_NAMES: Final = {"talk_time": "billsec", "answer_time": "answer", "end_time": "end"}


def read_record(row: RawRow, rules: Rules) -> Record:
    """The record of a row.

    Raises:
        BadRow: its start cannot be read, or its times run backwards.
    """
    values = Values({**row.values, **_times(row.values)}, _NOTE_NAMES)
    sides = _Sides(row.values, values, rules)
    is_half = _LOCAL_HALF.fullmatch(values.text("channel")) is not None
    unique_id = _usable_id(values)
    names_its_call = is_half and values.text("linkedid") not in {"", unique_id}
    call = _call(values, sides, rules, unique_id)
    call_id = (call.linked_id if names_its_call else unique_id) or f"cdr-{_digest(row.values)}"
    user_id = rules.user_of(*sides.own_extensions)
    return Record(
        line=row.line,
        size=row.size,
        call=with_one_leg(replace(call, id=call_id), _leg_id(row.values, unique_id, call.start_time), user_id),
        user_id=user_id,
        extension=next(iter(sides.own_extensions), ""),
        is_piece=is_half,
        names_its_call=names_its_call,
        channel=values.text("channel"),
        peer_channel=values.text("dstchannel"),
        dials_own_number=sides.dials_own_number,
        shown_number=sides.shown_number,
        notes=tuple(values.notes),
    )


def _call(values: Values, sides: "_Sides", rules: Rules, unique_id: str) -> Call:
    """The call, as far as the row alone tells it."""
    result = _result(values, sides.direction)
    span, is_absolute = _span(values, rules, result)
    return Call(
        id=unique_id,
        linked_id=values.text("linkedid") or None,
        direction=sides.direction,
        caller=sides.caller(),
        callee=sides.callee(),
        start_time=span.start,
        answer_time=span.answer if result is CallResult.ANSWERED else None,
        end_time=span.end,
        result=result,
        event_time=_event_time(unique_id, span, is_absolute=is_absolute),
        attributes=_attributes(values, sides.target),
    )


def readable_cdr(values: Mapping[str, str]) -> dict[str, str]:
    """The texts of a row of Master.csv, with the bytes that are not UTF-8 read.

    Asterisk keeps 79 bytes of a caller ID. Where that cut a character in two, what is left of it goes.
    """
    clid = values.get("clid", "")
    whole = without_cut_character(clid) if size_of(clid) == _CUT_LENGTH else clid
    return {name: readable(text) for name, text in {**values, "clid": whole}.items()}


class _Sides:
    """Who is on the two sides of a row, and which way it went."""

    def __init__(self, cdr: Mapping[str, str], values: Values, rules: Rules) -> None:
        self._rules = rules
        self._dst, self._callee_name = values.text("dst"), values.text("dst_cnam")
        name, clid_number = read_caller_id(values.text("clid"))
        self._name = name or values.text("cnam")
        self._number = values.text("src") or clid_number or values.text("cnum")
        self.shown_number = clid_number or self._number
        self.target = rules.target(self._dst)
        self.dials_own_number = self.target is Target.NUMBER and self._dst in rules.own_numbers
        device = _device(values.text("channel"), allow_local=False)
        self._caller_extension = self._first_extension(self._number, device, values.text("cnum"))
        self._rung = self._first_extension(_device(values.text("dstchannel")), self._dst, *_mailbox(values))
        self.direction = rules.direction(
            cdr.get("dcontext", ""),
            caller_is_ours=bool(self._caller_extension) or self._number in rules.own_numbers,
            # A number that rang an extension is one of ours, dialled from outside.
            callee_is_ours=self.target is not Target.NUMBER
            or self.dials_own_number
            or (bool(self._rung) and not self._caller_extension),
        )
        for side, number in (("caller", self._number), ("callee", self._dst)):
            if is_damaged(number):
                values.note(f"the {side}'s number {number[:40]!r} was damaged by a spreadsheet")

    @property
    def own_extensions(self) -> list[str]:
        """The extensions of ours that this leg is about, best first."""
        if self.direction is CallDirection.INBOUND:
            found = [self._rung, self._dst]
        elif self.direction is CallDirection.INTERNAL:
            found = [self._caller_extension, self._rung]
        else:
            found = [self._caller_extension]
        return [extension for extension in dict.fromkeys(found) if self._rules.is_extension(extension)]

    def caller(self) -> Party:
        """Inbound: the number, however it looks. Else ours: the extension, with the number that it showed outside."""
        if self.direction is CallDirection.INBOUND or not self._caller_extension:
            return Party(phone_number=self._number or None, name=self._name or None)
        shows_number = self.direction is CallDirection.OUTBOUND and self._number != self._caller_extension
        return Party(
            phone_number=(self._number or None) if shows_number else None,
            name=self._name or None,
            extension=self._caller_extension,
            user_id=self._rules.user_of(self._caller_extension),
        )

    def callee(self) -> Party:
        """Outbound: what was dialled, as it stands. Else ours: the extension that rang."""
        dialled = self._dst if self.target in {Target.NUMBER, Target.FEATURE_CODE} else None
        name = self._callee_name or None
        if self.direction is CallDirection.OUTBOUND:
            return Party(phone_number=self._dst or None, name=name)
        user_id = self._rules.user_of(self._rung, self._dst)
        return Party(phone_number=dialled, name=name, extension=self._rung or None, user_id=user_id)

    def _first_extension(self, *candidates: str) -> str:
        known = (candidate for candidate in candidates if candidate in self._rules.users)
        return next(known, "") or next((one for one in candidates if self._rules.is_extension(one)), "")


def read_caller_id(clid: str) -> tuple[str, str]:
    """Name and number of a caller ID such as `"Ada Example" <2125550123>`; empty where it has none.

    Without angle brackets it is a number alone where it has a digit, else a name alone. Where it was cut off, the name
    is kept as far as it goes, and a number that was cut is none. Whether a name names a person is for the server to
    judge.
    """
    match = _CALLER_ID.fullmatch(clid)
    if match is not None:
        return match["name"].strip(), match["number"].strip()
    cut = _CUT_CALLER_ID.fullmatch(clid)
    if cut is not None and any(character.isalpha() for character in cut["quoted"] or cut["bare"] or ""):
        return (cut["quoted"] or cut["bare"]).strip(), ""
    text = clid.strip().strip('"')
    return ("", text) if any(character.isdigit() for character in text) else (text, "")


def _times(cdr: Mapping[str, str]) -> dict[str, str]:
    names = {"start_time": "start", "answer_time": "answer", "end_time": "end", "talk_time": "billsec"}
    return {field: cdr.get(name, "") for field, name in names.items()}


def _device(channel: str, *, allow_local: bool = True) -> str:
    """The device of a channel's name: 101 of PJSIP/101-0000002a, and of Local/101@from-queue-00000003;1."""
    local = _LOCAL_HALF.fullmatch(channel) if allow_local else None
    if local is not None:
        return local["device"]
    match = _DEVICE.fullmatch(channel)
    return (match["device"] or match["sofia"]) if match is not None else ""


def _mailbox(values: Values) -> Iterator[str]:
    is_voicemail = values.text("lastapp").lower() in _VOICEMAIL_APPS
    match = _MAILBOX.match(values.text("lastdata")) if is_voicemail else None
    if match is not None:
        yield match["mailbox"]


def _result(values: Values, direction: CallDirection | None) -> CallResult | None:
    """Disposition to result. Voicemail is told by the application, which Asterisk itself counts as an answer."""
    application = values.text("lastapp").lower()
    result = _told(values)
    if direction is not CallDirection.OUTBOUND and application in _VOICEMAIL_APPS:
        return CallResult.VOICEMAIL
    is_machine = application in _MACHINE_APPS and not values.text("dstchannel")
    return CallResult.NO_ANSWER if is_machine and result is CallResult.ANSWERED else result


def _told(values: Values) -> CallResult | None:
    word = values.text("disposition")
    told: Told = read_result(word)
    if told.is_ended:
        has_talk = not has_no_time(values.text("answer")) or bool(values.seconds("talk_time"))
        return CallResult.ANSWERED if has_talk else CallResult.NO_ANSWER
    if not told.is_known:
        values.note(f"unknown disposition {word[:40]!r}")
    return told.result


def _span(values: Values, rules: Rules, result: CallResult | None) -> tuple[Span, bool]:
    """The times, the end and the answer worked out from the durations where the file has no column for them."""
    duration, talk_time = values.seconds("duration"), values.seconds("talk_time")
    hints = Hints(
        duration=duration,
        talk_time=talk_time if values.text("answer_time") else None,
        began=epoch_of(values.text("uniqueid")),
    )
    span, is_absolute = values.span(rules, hints)
    answer, end = span.answer, span.end
    if end is None and duration is not None:
        end = span.start + timedelta(seconds=duration)
    if answer is None and end is not None and talk_time and result is CallResult.ANSWERED:
        answer = max(span.start, end - timedelta(seconds=talk_time))
    return Span(span.start, answer, end), is_absolute


def _event_time(unique_id: str, span: Span, *, is_absolute: bool) -> datetime | None:
    """When the record was written, where that does not depend on the zone: a second run in another zone corrects all.

    Without it a report counts as newer than all before it.
    """
    written = span.end or span.start
    if is_absolute:
        return written
    began = epoch_of(unique_id)
    shift = whole_offset(span.start, began) if began is not None else None
    return written - shift if shift is not None else None


def _usable_id(values: Values) -> str:
    written = values.text("uniqueid")
    if not is_damaged(written):
        return written
    values.note(f"the uniqueid {written[:40]!r} was damaged by a spreadsheet")
    return ""


def _attributes(values: Values, target: Target) -> Mapping[str, str]:
    word = values.text("disposition")
    return attributes_of(
        asterisk_context=values.text("dcontext"),
        asterisk_disposition="" if read_result(word).is_known else word,
        asterisk_dst="" if target is Target.NUMBER else values.text("dst"),
        accountcode=values.text("accountcode"),
        userfield=values.text("userfield"),
        did=values.text("did"),
        recording_file=values.text("recordingfile"),
        ring_group=values.text("ring_group"),
    )


def _leg_id(cdr: Mapping[str, str], unique_id: str, start: datetime | None) -> str:
    """Identifies the leg by what a listener knows, too, so that both tell of one: the channels, else the application.

    An application's record is told from others by the seconds after its channel came up, which no zone changes.
    """
    peer, began = cdr.get("dstchannel", ""), epoch_of(unique_id)
    if unique_id and peer:
        return f"leg-{_hash(unique_id, peer)}"
    shift = whole_offset(start, began) if start is not None and began is not None else None
    if start is None or began is None or shift is None:
        return f"leg-{_digest(cdr)}"
    return f"leg-{_hash(unique_id, cdr.get('lastapp', '').lower(), str(int((start - began - shift).total_seconds())))}"


def _digest(cdr: Mapping[str, str]) -> str:
    """Identifies the row by what no later export of the same record changes."""
    names = ("uniqueid", "sequence", "src", "dst", "channel", "dstchannel", "start", "end")
    return _hash(*(cdr.get(name, "") for name in names))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode(errors="replace")).hexdigest()[:20]
