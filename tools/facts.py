"""Write the table of documented facts in `docs/crms.md`, or say with `--check` that it is stale."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from leadline_server.crm.declarative.definition_files import load_definition, shipped_names
from leadline_server.crm.hubspot.facts import FACTS as HUBSPOT
from leadline_server.crm.pipedrive.facts import FACTS as PIPEDRIVE
from leadline_server.crm.salesforce.facts import FACTS as SALESFORCE
from leadline_server.crm.toolkit.assumptions import DocumentedFact
from leadline_server.crm.zoho.facts import FACTS as ZOHO
from marked import with_parts, write_or_check

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "crms.md"
TOOL: Final = "facts.py"

FACTS: Final[Mapping[str, Sequence[DocumentedFact]]] = {
    "HubSpot": HUBSPOT,
    "Salesforce": SALESFORCE,
    "Pipedrive": PIPEDRIVE,
    "Zoho": ZOHO,
    **{
        compiled.definition.title: [DocumentedFact(**fact.model_dump()) for fact in compiled.definition.facts]
        for compiled in map(load_definition, shipped_names())
    },
}
"""The facts by CRM."""


def generated(document: str) -> str:
    """The document with its table as it ought to be."""
    return with_parts(document, {"facts": "\n".join(_rows())}, TOOL)


def _rows() -> Iterator[str]:
    yield "| CRM | What leadline assumes | By | Tried by | Ask the vendor's support |"
    yield "|---|---|---|---|---|"
    for crm, facts in FACTS.items():
        for fact in facts:
            by = f"`{fact.topic}`" if fact.topic else "" if fact.ask else "itself"
            yield f"| {crm} | {fact.says} | {fact.source} | {by} | {fact.ask} |"


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
