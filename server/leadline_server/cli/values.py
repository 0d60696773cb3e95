"""What people type, read: points in time, KEY=VALUE, FIELD=VALUE."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:  # what these bring along would slow the start of every command
    from datetime import datetime

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0"})


def time(option: str, text: str, now: "datetime | None" = None) -> "datetime":
    """A point in time: ISO 8601, local where it has no offset; `now`; or how long ago, such as `90s`, `2h`, `7d`.

    Raises:
        typer.BadParameter: it is none of these.
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
            f"{option} {text!r} is no time; write 2026-03-01T14:30, 2026-03-01, now, or how long ago: 90s, 15m, 2h, 7d"
        ) from None


def report_time(option: str, text: str) -> "Timestamp":
    """As `time`; empty is the contract's way to clear a time.

    Raises:
        typer.BadParameter: it is no time.
    """
    from google.protobuf.timestamp_pb2 import Timestamp

    moment = Timestamp()
    if text:
        moment.FromDatetime(time(option, text))
    return moment


def pairs(option: str, texts: Iterable[str], expected: str = "KEY=VALUE") -> dict[str, str]:
    """KEY=VALUE, several of them.

    Raises:
        typer.BadParameter: one has no key or no equals sign, or a key comes twice.
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
    """Set the field at `path` (`placeholder_name`, `defaults.excluded_results`) to what was typed.

    Lists are separated by commas, and empty text is the empty list. Enum values are named without prefix.

    Raises:
        typer.BadParameter: there is no such field, or it cannot have this value.
    """
    owner, field = locate(message, path)
    if field.is_repeated:
        values = getattr(owner, field.name)
        del values[:]
        values.extend(_value(field, path, part) for part in _listed(text))
    elif field.message_type is not None:  # a list in a message of its own, so that empty differs from absent
        wrapper = getattr(owner, field.name)
        wrapper.SetInParent()
        inner = wrapper.DESCRIPTOR.fields_by_name["values"]
        del wrapper.values[:]
        wrapper.values.extend(_value(inner, path, part) for part in _listed(text))
    else:
        setattr(owner, field.name, _value(field, path, text))


def locate(message: "Message", path: str) -> tuple[Any, Any]:
    """The message that owns the field at `path`, and the field.

    Raises:
        typer.BadParameter: there is none that could be set.
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
    """The paths of all fields that can be set."""
    paths: list[str] = []
    for field in message.DESCRIPTOR.fields:
        if _has_fields(field):
            paths += [f"{field.name}.{path}" for path in field_paths(getattr(message, field.name))]
        else:
            paths.append(field.name)
    return paths


def _has_fields(field: Any) -> bool:
    """Whether it is a message of several fields, not one that wraps a list."""
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
    return text


def _enum_number(field: Any, path: str, text: str) -> int:
    values = field.enum_type.values_by_name
    prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
    found = values.get(prefix + text.strip().upper().replace("-", "_").removeprefix(prefix))
    if found is None or not found.number:
        known = ", ".join(name.removeprefix(prefix) for name, value in values.items() if value.number)
        raise typer.BadParameter(f"{path} cannot be {text!r}; known are {known}")
    return int(found.number)
