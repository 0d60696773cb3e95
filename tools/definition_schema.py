"""Write the JSON Schemas of definitions to `docs/schema/`, or say with `--check` that one is stale."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from leadline_server.crm.declarative import definition as crm
from leadline_server.ingress import definition as ingress
from marked import write_or_check

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "schema"
SCHEMAS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "leadline-crm-definition.schema.json": crm.json_schema,
    "leadline-ingress-definition.schema.json": ingress.json_schema,
}
TOOL: Final = "definition_schema.py"


def generated(schema: Mapping[str, Any]) -> str:
    """The document of a schema."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, schema in SCHEMAS.items():
        write_or_check(FOLDER / name, lambda _, schema=schema: generated(schema()), __doc__, TOOL)  # type: ignore[misc] # bound now
