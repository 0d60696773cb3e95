"""Write the JSON Schema of CRM definitions to `docs/schema/`, or say with `--check` that it is stale."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from leadline_server.crm.http.definition import json_schema

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "schema" / "leadline-crm-definition.schema.json"


def main() -> None:
    """Write the schema, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the schema is stale")
    is_check = parser.parse_args().check
    wanted = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == wanted:
        return
    if is_check:
        sys.exit(f"{DOCUMENT} is stale; run tools/definition_schema.py.")
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(wanted, encoding="utf-8")
    print(f"{DOCUMENT} written.")


if __name__ == "__main__":
    main()
