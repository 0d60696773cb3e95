"""FreeSWITCH's call records: the templates of mod_cdr_csv, and the documents of mod_json_cdr.

The template `example` of cdr_csv.conf.xml has caller_id_name, caller_id_number, destination_number, context,
start_stamp, answer_stamp, end_stamp, duration, billsec, hangup_cause, uuid, bleg_uuid, accountcode, read_codec,
write_codec, without a header. `sql`, `snom` and `linksys` begin with the same columns. The template `asterisk` is read
as Asterisk's. A document of mod_json_cdr has `variables` and a `callflow` with the caller's profile.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from leadline_server.domain.call import CallDirection
from leadline_server.replay.asterisk_columns import is_time
from leadline_server.replay.lines import readable
from leadline_server.replay.records import BadRow
from leadline_server.replay.words import read_direction, read_result

_COLUMNS: Final = (
    *("caller_name", "caller_number", "callee_number", "context", "start_time", "answer_time", "end_time"),
    *("duration", "talk_time", "result", "channel", "peer_channel", "attribute:accountcode"),
)
_START, _UUID = _COLUMNS.index("start_time"), _COLUMNS.index("channel")
_MOST_COLUMNS: Final = 64
_SQL: Final = re.compile(r"\s*INSERT\s+INTO\s+\S+\s+VALUES\s*\((?P<row>.*)\);?\s*", re.IGNORECASE | re.DOTALL)
_is_short = re.compile(r"[0-9]{2,6}").fullmatch
_VOICEMAIL: Final = "voicemail"
_NOT_ANSWERED: Final = "NO_ANSWER"
_AGENT_SIDE: Final = "agent"
# These answer a call by themselves: without a second channel no person has talked to the caller.
_MACHINE_APPS: Final = frozenset({"answer", "callcenter", "fifo", "ivr", "playback", "play_and_get_digits", "sleep"})


def without_sql(text: str) -> str:
    """The cells of a row of the template `sql`: what stands in the brackets of `INSERT INTO cdr VALUES (...);`."""
    match = _SQL.fullmatch(text) if text[:6].upper() == "INSERT" else None
    return match["row"] if match is not None else text


def is_freeswitch_row(cells: Sequence[str]) -> bool:
    """Whether cells are a row of mod_cdr_csv: with a time where the start belongs, and an id where the uuid does."""
    return len(_COLUMNS) <= len(cells) <= _MOST_COLUMNS and is_time(cells[_START]) and "-" in cells[_UUID]


def positional_values(cells: Sequence[str]) -> Mapping[str, str]:
    """The values of a row of mod_cdr_csv. Codecs and what other templates add behind them are left out on purpose.

    Raises:
        BadRow: it has too few columns.
    """
    if not len(_COLUMNS) <= len(cells) <= _MOST_COLUMNS:
        raise BadRow(f"{len(cells)} columns; expected {len(_COLUMNS)} or more")
    row = [readable(cell).strip().removeprefix('"').removesuffix('"') for cell in cells]
    values = dict(zip(_COLUMNS, row, strict=False))
    return {**values, "id": values["channel"]}


def document_values(document: Mapping[str, Any]) -> Mapping[str, str]:
    """The values of a document of mod_json_cdr.

    Times are the variables' epochs, which need no zone. The caller and the dialled number come from the first
    profile; transfers put others before it.

    Raises:
        BadRow: it has no variables.
    """
    variables = document.get("variables")
    if not isinstance(variables, dict):
        raise BadRow("no variables; not a document of mod_json_cdr")
    told = _Document(variables, document.get("callflow"))
    values = {**_sides(told), **_times(told), **_legs(told)}
    return {name: value for name, value in values.items() if value}


def _legs(told: "_Document") -> dict[str, str]:
    """Which call and leg it is. A leg that mod_callcenter rang has no originator; it names the caller's channel."""
    member = told.of("cc_member_session_uuid") if told.of("cc_side") == _AGENT_SIDE else ""
    return {
        "id": member or told.of("call_uuid") or told.of("originator") or told.of("uuid"),
        "leg_id": told.of("uuid"),
        "is_piece": "yes" if told.of("originator") or member else "",
        "channel": told.of("uuid"),
        "peer_channel": told.of("bridge_uuid"),
        "attribute:accountcode": told.of("accountcode"),
        "attribute:domain": told.of("domain_name"),
    }


def _sides(told: "_Document") -> dict[str, str]:
    return {
        "direction": _direction(told.of("call_direction")),
        "context": told.of_profile("context") or told.of("user_context"),
        "caller_name": told.of_profile("caller_id_name") or told.of("caller_id_name"),
        "caller_number": told.of_profile("caller_id_number") or told.of("caller_id_number") or told.of("sip_from_user"),
        "callee_number": told.of_profile("destination_number") or told.of("destination_number"),
        "callee_extension": told.extension(),
    }


def _times(told: "_Document") -> dict[str, str]:
    return {
        "start_time": told.time("start"),
        "answer_time": told.time("answer"),
        "end_time": told.time("end"),
        "duration": told.of("duration"),
        "talk_time": told.of("billsec"),
        "result": _result(told),
    }


def _result(told: "_Document") -> str:
    app, cause = told.of("last_app"), told.of("hangup_cause")
    if app == _VOICEMAIL:
        return _VOICEMAIL
    is_machine = app in _MACHINE_APPS and not told.of("bridge_uuid")
    return _NOT_ANSWERED if is_machine and (not cause or read_result(cause).is_ended) else cause


class _Document:
    """The variables of a document, and its first caller profile; values are URL-encoded unless configured not to be."""

    def __init__(self, variables: Mapping[str, Any], callflow: Any) -> None:
        self._variables = variables
        profiles = [each.get("caller_profile") for each in _list(callflow) if isinstance(each, dict)]
        known = [profile for profile in profiles if isinstance(profile, dict)]
        self._profile: Mapping[str, Any] = known[-1] if known else {}
        self._last_profile: Mapping[str, Any] = known[0] if known else {}

    def of(self, name: str) -> str:
        """The text of a variable."""
        return _text(self._variables.get(name))

    def of_profile(self, name: str) -> str:
        """The text of a field of the first profile."""
        return _text(self._profile.get(name))

    def extension(self) -> str:
        """The extension that a dialled number led to in the end, if it led to another number that is that short."""
        dialled = self.of_profile("destination_number")
        last = (_text(self._last_profile.get(name)) for name in ("callee_id_number", "destination_number"))
        found = (self.of("dialed_user"), self.of("last_sent_callee_id_number"), *last)
        return next((text for text in found if _is_short(text) and text != dialled), "")

    def time(self, name: str) -> str:
        """A time: the epoch, in seconds or microseconds, else what the clock showed. An epoch of 0 is none."""
        for text in (self.of(f"{name}_uepoch"), self.of(f"{name}_epoch")):
            if text.strip("0"):
                return text
        return self.of(f"{name}_stamp")


def _direction(word: str) -> str:
    """FusionPBX's `call_direction`; other words are no direction of the call."""
    told = read_direction(word)
    return told[0].name if told is not None and told[0] in CallDirection else ""


def _list(callflow: Any) -> list[Any]:
    return callflow if isinstance(callflow, list) else [callflow]


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    text = str(value)
    return unquote(text).strip() if "%" in text else text.strip()
