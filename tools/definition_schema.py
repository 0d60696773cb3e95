"""Write the JSON Schema of CRM definitions to `docs/schema/`, or say with `--check` that it is stale."""

import json
from pathlib import Path
from typing import Final

from leadline_server.crm.declarative.definition import json_schema
from marked import write_or_check

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "schema" / "leadline-crm-definition.schema.json"
TOOL: Final = "definition_schema.py"


def generated(_: str) -> str:
    """The schema as it ought to be."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
