"""The tables of docs/declarative-adapter.md have every key of a definition, and the names that no variable may have."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from definition_tables import DOCUMENT, keys, undocumented
from leadline_server.crm.declarative.definition import json_schema
from leadline_server.crm.declarative.definition_check import RESERVED

SCHEMA: Final[dict[str, Any]] = json_schema()
TEXT: Final = Path(DOCUMENT).read_text(encoding="utf-8")


def test_every_key_of_the_schema_has_a_row() -> None:
    assert undocumented(TEXT, SCHEMA) == []


@pytest.mark.parametrize("key", ["LoginAuthentication.path", "Definition.headers", "GetContactOperation.method"])
def test_a_missing_row_is_noticed(key: str) -> None:
    name = key.partition(".")[2]
    without = re.sub(rf"^\| `{name}` \|.*\n", "", keys(), flags=re.MULTILINE)
    assert key in undocumented(without, SCHEMA)


def test_every_name_that_is_listed_as_reserved_is_refused_and_no_other() -> None:
    listed = re.search(r"<!-- reserved: gen.*?-->\n(.*?)\n<!--", TEXT, re.DOTALL)
    assert listed
    assert set(re.findall(r"`(\w+)`", listed[1])) == RESERVED
    assert {"adapter", "definition", "timeout"} <= RESERVED
