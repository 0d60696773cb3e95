"""Reads Asterisk's `Master.csv`, as its module cdr_csv writes it.

Columns by position, without a header: accountcode, src, dst, dcontext, clid, channel, dstchannel, lastapp, lastdata,
start, answer, end, duration, billsec, disposition, amaflags; then uniqueid (`loguniqueid`), userfield
(`loguserfield`), and peeraccount, linkedid, sequence (`newcdrcolumns`), each where cdr.conf asks for it. Source: the
Asterisk documentation, "CDR Specification" and the comments of cdr.conf.sample.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.replay.records import BadRow, Ignored, Record, Row, Skipped, attributes_of, with_one_leg
from leadline_server.replay.rules import Rules, Target
from leadline_server.replay.times import Hints, Span, read_span

_BASE_NAMES = (
    *("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata"),
    *("start", "answer", "end", "duration", "billsec", "disposition", "amaflags"),
)
_BASE_COLUMNS = len(_BASE_NAMES)
_NEW_COLUMNS = 3

_RESULTS = {
    "ANSWERED": CallResult.ANSWERED,
    "NO ANSWER": CallResult.NO_ANSWER,
    "BUSY": CallResult.BUSY,
    "FAILED": CallResult.FAILED,
    "CONGESTION": CallResult.FAILED,
    "CANCEL": CallResult.CANCELED,
}
_VOICEMAIL_APPS = frozenset({"voicemail", "minivmrecord"})
# These answer a call by themselves: without a second channel nobody has talked to the caller.
_MACHINE_APPS = frozenset({"queue", "background", "waitexten", "playback", "musiconhold"})

_UNIQUE_ID = re.compile(r"(?:.*-)?(?P<epoch>\d{9,11})\.\d+")
_CALLER_ID = re.compile(r'\s*"?(?P<name>.*?)"?\s*<(?P<number>[^<>]*)>\s*')
_LOCAL_HALF = re.compile(r"Local/(?P<device>[^@]+)@.*;[12]", re.IGNORECASE)
_DEVICE = re.compile(r"(?:SIP|PJSIP|IAX2|SCCP|Skinny|Agent)/(?P<device>[^/@]+?)(?:-[0-9a-f]+)?", re.IGNORECASE)
_MAILBOX = re.compile(r"[usb]?(?P<mailbox>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdr:
    """One row, its columns by name; all text, columns that the file lacks empty."""

    accountcode: str
    src: str
    dst: str
    dcontext: str
    clid: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    start: str
    answer: str
    end: str
    duration: str
    billsec: str
    disposition: str
    amaflags: str
    uniqueid: str = ""
    userfield: str = ""
    linkedid: str = ""
    sequence: str = ""


def read_asterisk(lines: Iterable[str], rules: Rules) -> Iterator[Row]:
    """The rows of a Master.csv, in order. A row that cannot be read is handed on as Skipped, and reading goes on.

    Asterisk writes a row on one line, so a quote that is never closed spoils its own line only.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        size = len(line.encode())
        try:
            yield _record(_columns(line), rules, number, size)
        except BadRow as bad:
            yield Skipped(line=number, size=size, reason=str(bad))
        except _InnerHalf as inner:
            yield Ignored(line=number, size=size, reason=str(inner))


class _InnerHalf(Exception):
    """A Local channel's own row, whose call is told by another one."""


def _columns(line: str) -> Cdr:
    try:
        row = next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise BadRow(f"not a CSV row: {error}") from None
    row = [cell.strip() for cell in row]
    extra = row[_BASE_COLUMNS:]
    values = dict(zip(_BASE_NAMES, row, strict=False))
    if len(row) < _BASE_COLUMNS or len(extra) > _NEW_COLUMNS + 2:
        raise BadRow(f"{len(row)} columns; expected 16 to 21")
    if len(extra) >= _NEW_COLUMNS:
        values["linkedid"], values["sequence"] = extra[-2], extra[-1]
        extra = extra[:-_NEW_COLUMNS]
    # One extra column can be either; only unique ids look like "1764060000.12".
    if len(extra) == 1 and not _UNIQUE_ID.fullmatch(extra[0]):
        extra = ["", *extra]
    return Cdr(**values, **dict(zip(("uniqueid", "userfield"), extra, strict=False)))


def _record(cdr: Cdr, rules: Rules, line: int, size: int) -> Record:
    is_half = _LOCAL_HALF.fullmatch(cdr.channel) is not None
    is_piece = is_half and cdr.linkedid not in {"", cdr.uniqueid}
    sides = _Sides(cdr, rules)
    if is_half and not is_piece and sides.direction in {CallDirection.INBOUND, CallDirection.INTERNAL}:
        raise _InnerHalf("inner half of a Local channel; the call is in the row of its caller's channel")
    span = _span(cdr, rules)
    result = _result(cdr, sides.direction)
    user_id = rules.user_of(*sides.own_extensions)
    call = Call(
        id=(cdr.linkedid if is_piece else cdr.uniqueid) or f"cdr-{_digest(cdr)}",
        linked_id=cdr.linkedid or None,
        direction=sides.direction,
        caller=sides.caller(),
        callee=sides.callee(),
        start_time=span.start,
        answer_time=span.answer if result is CallResult.ANSWERED else None,
        end_time=span.end,
        result=result,
        attributes=attributes_of(
            asterisk_context=cdr.dcontext,
            asterisk_dst="" if sides.target is Target.NUMBER else cdr.dst,
            accountcode=cdr.accountcode,
            userfield=cdr.userfield,
        ),
    )
    return Record(
        line=line,
        size=size,
        call=with_one_leg(call, f"leg-{_digest(cdr)}", user_id),
        user_id=user_id,
        extension=next(iter(sides.own_extensions), ""),
        is_piece=is_piece,
    )


class _Sides:
    """Who is on the two sides of a row, and which way it went."""

    def __init__(self, cdr: Cdr, rules: Rules) -> None:
        self._cdr = cdr
        self._rules = rules
        self._name, clid_number = read_caller_id(cdr.clid)
        self._number = cdr.src or clid_number
        self.target = rules.target(cdr.dst)
        self._caller_extension = self._first_extension(self._number, _device(cdr.channel, allow_local=False))
        self._rung = self._first_extension(_device(cdr.dstchannel), cdr.dst, *_mailbox(cdr))
        self.direction = rules.direction(
            cdr.dcontext,
            caller_is_ours=bool(self._caller_extension),
            # A number that rang an extension is one of ours, dialled from outside.
            callee_is_ours=self.target is not Target.NUMBER or (bool(self._rung) and not self._caller_extension),
        )

    @property
    def own_extensions(self) -> list[str]:
        """The extensions of ours that this leg is about, best first."""
        if self.direction is CallDirection.INBOUND:
            found = [self._rung, self._cdr.dst]
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
        """Outbound: the number dialled. Else ours: the extension that rang."""
        dialled = self._cdr.dst if self.target in {Target.NUMBER, Target.FEATURE_CODE} else None
        if self.direction is CallDirection.OUTBOUND:
            return Party(phone_number=self._cdr.dst or None)
        return Party(
            phone_number=dialled, extension=self._rung or None, user_id=self._rules.user_of(self._rung, self._cdr.dst)
        )

    def _first_extension(self, *candidates: str) -> str:
        known = (candidate for candidate in candidates if candidate in self._rules.users)
        return next(known, "") or next((one for one in candidates if self._rules.is_extension(one)), "")


def read_caller_id(clid: str) -> tuple[str, str]:
    """Name and number of a caller ID such as `"Ada Example" <2125550123>`; empty where it has none.

    Without angle brackets it is a number alone where it has a digit, else a name alone. Whether a name names anybody
    is for the server to judge.
    """
    match = _CALLER_ID.fullmatch(clid)
    if match is not None:
        return match["name"].strip(), match["number"].strip()
    text = clid.strip().strip('"')
    return ("", text) if any(character.isdigit() for character in text) else (text, "")


def _device(channel: str, *, allow_local: bool = True) -> str:
    """The device of a channel's name: 101 of PJSIP/101-0000002a, and of Local/101@from-queue-00000003;1."""
    match = (_LOCAL_HALF.fullmatch(channel) if allow_local else None) or _DEVICE.fullmatch(channel)
    return match["device"] if match is not None else ""


def _mailbox(cdr: Cdr) -> Iterator[str]:
    match = _MAILBOX.match(cdr.lastdata) if cdr.lastapp.lower() in _VOICEMAIL_APPS else None
    if match is not None:
        yield match["mailbox"]


def _result(cdr: Cdr, direction: CallDirection | None) -> CallResult:
    """Disposition to result. Voicemail is told by the application, which Asterisk itself counts as an answer."""
    result = _RESULTS.get(cdr.disposition.upper())
    if result is None:
        raise BadRow(f"unknown disposition {cdr.disposition[:40]!r}")
    if direction is not CallDirection.OUTBOUND and cdr.lastapp.lower() in _VOICEMAIL_APPS:
        return CallResult.VOICEMAIL
    is_machine = cdr.lastapp.lower() in _MACHINE_APPS and not cdr.dstchannel
    return CallResult.NO_ANSWER if is_machine and result is CallResult.ANSWERED else result


def _span(cdr: Cdr, rules: Rules) -> Span:
    match = _UNIQUE_ID.fullmatch(cdr.uniqueid)
    hints = Hints(
        duration=_seconds(cdr.duration, "duration"),
        talk_time=_seconds(cdr.billsec, "billsec") if cdr.answer else None,
        began=datetime.fromtimestamp(int(match["epoch"]), UTC) if match else None,
    )
    return read_span(cdr.start, cdr.answer, cdr.end, rules.time_zone, hints)


def _seconds(text: str, column: str) -> int | None:
    if not text:
        return None
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        raise BadRow(f"{column} {text[:40]!r} is no number of seconds") from None


def _digest(cdr: Cdr) -> str:
    """Identifies the row by what no later export of the same record changes."""
    identity = (cdr.uniqueid, cdr.sequence, cdr.src, cdr.dst, cdr.channel, cdr.dstchannel, cdr.start, cdr.end)
    return hashlib.sha256("\x1f".join(identity).encode()).hexdigest()[:20]
