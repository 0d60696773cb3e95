"""docs/public-api.md: the public modules exist, and programs of others need no other. The start page is whole."""

import re
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest
from unit.test_outside_adapter_types import ADAPTER, CLIENT

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "public-api.md").read_text(encoding="utf-8")
MODULES: Final = re.findall(r"^\| `(leadline[\w.]*)` \| (?:clients|authors)", PAGE, re.MULTILINE)
IMPORTED: Final = re.compile(
    r"^\s*(?:from (leadline(?:_server)?\b[\w.]*) import|import (leadline(?:_server)?\b[\w.]*))", re.MULTILINE
)
EMBEDDED: Final = "leadline_server.crm.embedded"
"""An example opens it in the place of the author's own CRM."""


def imported(text: str) -> set[str]:
    """The modules of leadline that a program imports; for generated ones their package."""
    found = {one or other for one, other in IMPORTED.findall(text)}
    return {re.sub(r"(\.v1)\.\w+$", r"\1", name) for name in found}


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_exists_says_what_it_is_for_and_has_what_it_exports(name: str) -> None:
    module = import_module(name)
    if not name.endswith(".v1"):
        assert module.__doc__
    assert all(hasattr(module, exported) for exported in getattr(module, "__all__", ()))


def test_the_page_lists_the_modules_of_clients_and_of_adapters() -> None:
    assert {"leadline", "leadline.v1", "leadline_server.ports.crm", "leadline_server.crm.toolkit"} <= set(MODULES)


@pytest.mark.parametrize(
    "text",
    [ADAPTER, CLIENT, *(path.read_text("utf-8") for path in (ROOT / "examples" / "adapter-python").rglob("*.py"))],
)
def test_outside_programs_import_public_modules_alone(text: str) -> None:
    assert imported(text) <= set(MODULES)


@pytest.mark.parametrize("page", ["adapters-writing.md", "clients.md", "remote-adapters.md"])
def test_the_documents_show_public_modules_alone(page: str) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL))
    assert imported(code) - {EMBEDDED} <= set(MODULES)


def test_the_contract_imports_nothing_but_itself_and_google_protobuf() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "protos" / "leadline" / "v1").glob("*.proto")]
    files = re.findall(r'^import "(.*)";', "\n".join(texts), re.MULTILINE)
    assert {name.rpartition("/")[0] for name in files} == {"google/protobuf", "leadline/v1"}


def test_the_start_page_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (ROOT / "docs" / "index.md").read_text("utf-8")))
    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
