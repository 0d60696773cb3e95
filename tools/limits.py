"""Write the tables of `docs/limits.md` from the constants in the code, or say with `--check` that they are stale.

To add a limit, add a line to LIMITS of `limit_tables.py`: the constant, its unit, what it bounds, and what happens
beyond it. Every constant of `domain/limits.py` must be there.
"""

from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Final

from limit_tables import LIMITS, PACKAGE, Limit
from marked import with_parts, write_or_check

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "limits.md"
TOOL: Final = "limits.py"
_HEAD: Final = "| What | At most | Beyond it | Constant |\n|---|---|---|---|"

_SIZES: Final = ((1024 * 1024, "MiB"), (1024, "KiB"))
_TIMES: Final = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"))


def figure(limit: Limit) -> str:
    """The value with its unit: `1 MiB`, `7 days`, `100 records a number`."""
    value = limit.value
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if limit.unit == "bytes":
        return _bytes(value)
    return _seconds(value) if limit.unit == "seconds" else f"{value:,} {limit.unit}"


def _bytes(value: int) -> str:
    for size, name in _SIZES:
        if value >= size and value % size == 0:
            return f"{value // size:,} {name}"
    return f"{value:,} bytes"


def _seconds(value: float) -> str:
    for size, name in _TIMES:
        if value > size and value % size == 0:
            return f"{value / size:g} {name}s"
    return f"{value:g} s"


def table(limits: Sequence[Limit]) -> str:
    """A row for each limit."""
    rows = [f"| {limit.bounds} | {figure(limit)} | {limit.beyond} | {_place(limit)} |" for limit in limits]
    return "\n".join([_HEAD, *rows])


def _place(limit: Limit) -> str:
    module, _, name = limit.constant.partition(":")
    return f"`{module}.{name}`"


def missing() -> list[str]:
    """The constants of `domain/limits.py` that no table has."""
    listed = {limit.constant for limits in LIMITS.values() for limit in limits}
    names = [name for name in vars(import_module(f"{PACKAGE}.domain.limits")) if name.isupper()]
    return [name for name in names if f"domain.limits:{name}" not in listed]


def generated(document: str) -> str:
    """The document with its tables as they ought to be."""
    if missing():
        raise SystemExit(f"tools/limit_tables.py has no line for {', '.join(missing())} of domain/limits.py.")
    return with_parts(document, {name: table(limits) for name, limits in LIMITS.items()}, TOOL)


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
