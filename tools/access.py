"""Write the table of roles in `docs/access.md` from the server's own, or say with `--check` that it is stale."""

from pathlib import Path
from typing import Final

from leadline_server.domain.access.table import ACCESS, MEANINGS, ROLES
from marked import with_parts, write_or_check

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "access.md"
TOOL: Final = "access.py"


def roles() -> str:
    """The table: a row for each RPC, a column for each role."""
    head = ["RPC", *(f"`{role}`" for role in ROLES)]
    rows = [[rpc, *(str(extents[role]) for role in ROLES)] for rpc, extents in ACCESS.items()]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('*', chr(92) + '*') for cell in line)} |" for line in lines)


def meanings() -> str:
    """The meaning of each sign in the table."""
    rows = [f"| {str(extent).replace('*', chr(92) + '*')} | {meaning} |" for extent, meaning in MEANINGS.items()]
    return "\n".join(["| Sign | For whom |", "|---|---|", *rows])


def generated(document: str) -> str:
    """The document with its tables as they ought to be."""
    return with_parts(document, {"roles": roles(), "signs": meanings()}, TOOL)


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
