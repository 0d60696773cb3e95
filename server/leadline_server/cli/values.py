"""Values as people type them: times, KEY=VALUE, FIELD=VALUE."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:  # importing these would slow the start of every command
    from datetime import datetime

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_YES: Final = frozenset({"true", "yes", "on", "1"})
_MOST_DIGITS: Final = 9  # what always fits into 32 bits
_NO: Final = frozenset({"false", "no", "off", "0"})


def time(option: str, text: str, now: "datetime | None" = None) -> "datetime":
    """A time: ISO 8601 (local if it has no offset), `now`, or how long ago, such as `90s`, `2h`, `7d`.

    Raises:
        typer.BadParameter: the text is none of these.
    """
    from datetime import UTC, datetime, timedelta

    now = now or datetime.now(UTC)
    try:
        if text == "now":
            return now
        if text[:-1].isdigit() and text[-1] in _UNITS:
            return now - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, IndexError):
        raise typer.BadParameter(
            f"{option} {text!r} is not a time; write 2026-03-01T14:30, 2026-03-01, now, or how long ago: 15m, 2h, 7d"
        ) from None


def report_time(option: str, text: str) -> "Timestamp":
    """A time in a report. Empty text is the empty Timestamp, which clears the field.

    Raises:
        typer.BadParameter: the text is not a time.
    """
    from google.protobuf.timestamp_pb2 import Timestamp

    moment = Timestamp()
    if text:
        moment.FromDatetime(time(option, text))
    return moment


def pairs(option: str, texts: Iterable[str], expected: str = "KEY=VALUE") -> dict[str, str]:
    """The keys and values of texts such as `queue=sales`.

    Raises:
        typer.BadParameter: a text has no key or no equals sign, or a key is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not (key and equals):
            raise typer.BadParameter(f"{option} {text!r}: expected {expected}")
        if key in found:
            raise typer.BadParameter(f"{option}: {key} is given twice")
        found[key] = value
    return found


def assign(message: "Message", path: str, text: str) -> None:
    """Set the field at `path`, such as `placeholder_name` or `defaults.excluded_results`.

    Commas separate the items of a list; empty text is the empty list. Enum values need no prefix: `busy,no_answer`.

    Raises:
        typer.BadParameter: the message has no such field, or the value is invalid.
    """
    owner, field = locate(message, path)
    if field.is_repeated:
        values = getattr(owner, field.name)
        del values[:]
        values.extend(_value(field, path, part) for part in _listed(text))
    elif field.message_type is not None:  # a list wrapped in a message, so that empty differs from absent
        wrapper = getattr(owner, field.name)
        wrapper.SetInParent()
        inner = wrapper.DESCRIPTOR.fields_by_name["values"]
        del wrapper.values[:]
        wrapper.values.extend(_value(inner, path, part) for part in _listed(text))
    else:
        setattr(owner, field.name, _value(field, path, text))


def locate(message: "Message", path: str) -> tuple[Any, Any]:
    """The message that has the field at `path`, and the field's descriptor.

    Raises:
        typer.BadParameter: no such field can be set.
    """
    known = field_paths(message)
    if path not in known:
        raise typer.BadParameter(f"there is no field {path!r} to set; known are {', '.join(known)}")
    *parents, name = path.split(".")
    owner: Any = message
    for parent in parents:
        owner = getattr(owner, parent)
    return owner, owner.DESCRIPTOR.fields_by_name[name]


def field_paths(message: "Message") -> Sequence[str]:
    """The paths of all fields that can be set, such as `defaults.auto_log_calls`."""
    paths: list[str] = []
    for field in message.DESCRIPTOR.fields:
        if _has_fields(field):
            paths += [f"{field.name}.{path}" for path in field_paths(getattr(message, field.name))]
        else:
            paths.append(field.name)
    return paths


def _has_fields(field: Any) -> bool:
    """Whether the field is a message of several fields, not one that wraps a list."""
    kind = field.message_type
    return kind is not None and [inner.name for inner in kind.fields] != ["values"]


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _value(field: Any, path: str, text: str) -> Any:
    if field.enum_type is not None:
        return _enum_number(field, path, text)
    if field.cpp_type == field.CPPTYPE_BOOL:
        if text.lower() not in _YES | _NO:
            raise typer.BadParameter(f"{path} is true or false, not {text!r}")
        return text.lower() in _YES
    if field.cpp_type == field.CPPTYPE_INT32:
        if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
            raise typer.BadParameter(f"{path} is a number, not {text!r}")
        return int(text)
    return text


def _enum_number(field: Any, path: str, text: str) -> int:
    values = field.enum_type.values_by_name
    prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
    found = values.get(prefix + text.strip().upper().replace("-", "_").removeprefix(prefix))
    if found is None or not found.number:
        known = ", ".join(name.removeprefix(prefix) for name, value in values.items() if value.number)
        raise typer.BadParameter(f"{path} cannot be {text!r}; known are {known}")
    return int(found.number)
