"""Write the tables of `docs/adapters.md` from what the adapters declare, or say with `--check` that they are stale."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from leadline_server.crm.registry import BUILT_IN, adapter_type
from leadline_server.testing.tables import Facts, capability_table, field_table, form_table, text_table
from marked import with_parts, write_or_check

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "adapters.md"
TOOL: Final = "adapters.py"


def known(name: str) -> Facts:
    """What an adapter that comes with leadline declares."""
    kind = adapter_type(name)
    return Facts(
        capabilities=kind.capabilities,
        lost_fields=kind.losses.fields,
        lost_forms=kind.losses.forms,
        lost_texts=kind.losses.texts,
    )


ADAPTERS: Final[Mapping[str, Facts]] = {f"`{name}`": known(name) for name in BUILT_IN if name != "remote"}
"""The adapters that come with leadline, by their word; without the one whose CRM is another adapter's matter."""


def generated(document: str) -> str:
    """The document with its tables as they ought to be."""
    parts = {
        "capabilities": capability_table(ADAPTERS),
        "fields": field_table(ADAPTERS),
        "forms": form_table(ADAPTERS),
        "texts": text_table(ADAPTERS),
    }
    return with_parts(document, parts, TOOL)


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
