"""Every `toml` block of the documents is valid: settings, or the definition of a CRM or of a phone system."""

import re
import tomllib
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

import pytest
from leadline_server.config_loading import load_settings
from leadline_server.crm import adapter_registry
from leadline_server.crm.declarative.definition_files import parse_definition
from leadline_server.ingress.definition_files import parse_ingress
from support.webhook_events import TELNYX_PUBLIC_KEY as PUBLIC_KEY
from unit.test_docs import ROOT

PACKAGE: Final = ROOT / "examples" / "adapter-python"
DOCUMENTS: Final = [
    str(path.relative_to(ROOT))
    for folder in (".", "docs", "examples", "examples/*")
    for path in sorted(ROOT.glob(f"{folder}/*.md"))
]


def _blocks(text: str) -> list[str]:
    """The `toml` blocks of a text, without the indentation of the steps that they belong to."""
    found = re.findall(r"^( *)```toml\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


BLOCKS: Final = [
    pytest.param(block, id=f"{document}:{number}")
    for document in DOCUMENTS
    for number, block in enumerate(_blocks((ROOT / document).read_text(encoding="utf-8")), 1)
]


@pytest.fixture
def _example_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter of examples/adapter-python, as if it were installed."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    offered = project["entry-points"][adapter_registry.GROUP]
    entries = [EntryPoint(name, place, adapter_registry.GROUP) for name, place in offered.items()]

    def found(*, group: str, name: str | None = None) -> Sequence[EntryPoint]:
        return [*(entry for entry in entries if name in (None, entry.name)), *entry_points(group=group)]

    monkeypatch.syspath_prepend(str(PACKAGE / "src"))
    monkeypatch.setattr(adapter_registry, "entry_points", found)


def test_every_document_that_has_toml_is_read() -> None:
    texts = [(ROOT / document).read_text(encoding="utf-8") for document in DOCUMENTS]
    assert len(BLOCKS) == sum(len(re.findall(r"^ *`{3,} *toml", text, re.MULTILINE)) for text in texts)
    assert {"README.md", "docs/crms.md", "docs/settings.md"} <= {str(block.id).split(":")[0] for block in BLOCKS}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.usefixtures("_example_package")
def test_every_toml_block_is_accepted(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "operations" in tomllib.loads(block):
        parse_definition(block)
        return
    if "kinds" in tomllib.loads(block):
        parse_ingress(block)
        return
    if "test_call" in tomllib.loads(block):  # the end of the definition above it
        parse_ingress(f"{_definition('[[kinds]]')}\n{block}")
        return
    for name in re.findall(r'env = "(\w+)"', block):
        monkeypatch.setenv(name, PUBLIC_KEY)  # it serves as any secret
    for name in re.findall(r'definition = "([\w-]+\.toml)"', block):
        mark = "[[kinds]]" if ".ingress." in block else "[operations."
        (tmp_path / name).write_text(_definition(mark), encoding="utf-8")
    (tmp_path / "leadline.toml").write_text(block, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"config": tmp_path / "leadline.toml"})
    named = {account.connection for account in settings.accounts.values()} - {"embedded"}
    assert named <= settings.connections.keys()
    assert settings.accounts or settings.connections


def _definition(mark: str) -> str:
    """The one that a document shows, for the settings that it shows below."""
    [definition] = [str(block.values[0]) for block in BLOCKS if mark in str(block.values[0])]
    return definition
