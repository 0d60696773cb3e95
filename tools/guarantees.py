"""Write the tables of `docs/guarantees.md` from what the adapters declare, or say with `--check` that they are stale.

The parts between the marks of that file are generated; people write the rest.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from adapters import ADAPTERS as DECLARED
from leadline_server.ports.crm_guarantees import Capabilities
from marked import with_parts, write_or_check

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "guarantees.md"

TOOL: Final = "guarantees.py"

ADAPTERS: Final[Mapping[str, Capabilities]] = {
    name: facts.capabilities for name, facts in DECLARED.items() if facts.capabilities
}
"""The adapters that come with leadline, and what each declares; without those where an administrator declares it."""

_NOTHING: Final = Capabilities(finds_log_by_key=False, enforces_unique_key=False, moves_log=False)
_LATE: Final = replace(_NOTHING, settle_time=timedelta(seconds=2), search_lag=timedelta(seconds=5))

EXAMPLES: Final[Mapping[str, Capabilities]] = {
    "unique keys": replace(_LATE, enforces_unique_key=True),
    "no unique keys, finds logs by key": replace(_LATE, finds_log_by_key=True),
    "no unique keys, finds no logs": _LATE,
}
"""Kinds of CRM, by what they declare; the times are examples."""

_HEAD: Final = """| {what} | Contacts | Call logs | After a crash, a contact waits |
|---|---|---|---|"""


def of_contacts(crm: Capabilities) -> str:
    """The guarantee for contacts, such as "exactly once, if writes settle within 60 s"."""
    if crm.in_ledger:
        return "exactly once, in one transaction with the call"
    if crm.enforces_unique_key:
        return "exactly once"
    conditions = [f"writes settle {_within(crm.settle_time)}"]
    if crm.search_lag:
        conditions.append(f"the index shows them {_within(crm.search_lag)}")
    return f"exactly once, if {' and '.join(conditions)}"


def of_logs(crm: Capabilities) -> str:
    """The guarantee for call logs, such as "at least once"."""
    if crm.in_ledger:
        return "exactly once, in one transaction with the call"
    if crm.enforces_unique_key:
        return "exactly once"
    if crm.finds_log_by_key:
        return f"exactly once, if writes settle {_within(crm.settle_time)}"
    return "at least once"


def takeover(crm: Capabilities) -> str:
    """How long a call waits after a crash while its contact was created, from the end of the lease."""
    if crm.in_ledger:
        return "not: there is nothing to recover"
    if crm.enforces_unique_key:
        return "not: the same key again"
    waits = crm.settle_time + crm.search_lag
    return f"{_seconds(waits)}, then looks again" if waits else "not: it looks again"


def table(what: str, crms: Mapping[str, Capabilities]) -> str:
    """A row for each of `crms`."""
    rows = [f"| {name} | {of_contacts(crm)} | {of_logs(crm)} | {takeover(crm)} |" for name, crm in crms.items()]
    return "\n".join([_HEAD.format(what=what), *rows])


def generated(document: str) -> str:
    """The document with its tables as they ought to be."""
    tables = {
        "adapters": table("Adapter", ADAPTERS),
        "kinds": table("A CRM with", EXAMPLES),
    }
    return with_parts(document, tables, TOOL)


def _within(time: timedelta) -> str:
    return f"within {_seconds(time)}" if time else "before they are given up"


def _seconds(time: timedelta) -> str:
    return f"{time.total_seconds():g} s"


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
