"""Write the tables of `docs/adapters.md` from what the adapters declare, or say with `--check` that they are stale."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from leadline_server.crm.adapter_registry import BUILT_IN, adapter_type
from leadline_server.crm.toolkit.adapter_type import KnownGaps
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.testing.tables import Facts, capability_table, field_table, form_table, text_table
from marked import with_parts, write_or_check

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "adapters.md"
TOOL: Final = "adapters.py"


def known(name: str) -> Iterator[tuple[str, Facts]]:
    """The declarations of one of leadline's adapters, such as `hubspot` by default and with two properties set."""
    kind = adapter_type(name)
    if not kind.variants:
        yield f"`{name}`", _facts(kind.capabilities, kind.known_gaps)
    for how, declared in kind.variants.items():
        yield f"`{name}` {how}", _facts(declared.capabilities, declared.known_gaps)


def _facts(capabilities: Capabilities | None, gaps: KnownGaps) -> Facts:
    return Facts(
        capabilities=capabilities,
        lost_fields=gaps.fields,
        lost_forms=gaps.forms,
        lost_texts=gaps.texts,
    )


OTHERS_MATTER: Final = frozenset({"remote"})
"""Adapters that lead to others, which declare for themselves."""

ADAPTERS: Final[Mapping[str, Facts]] = dict(
    column for name in BUILT_IN if name not in OTHERS_MATTER for column in known(name)
)
"""The adapters that come with leadline."""


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
