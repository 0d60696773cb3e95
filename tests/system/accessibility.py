"""The faults that axe-core finds in a document."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Frame, Page

_AXE: Final = Path(__file__).parents[2] / "clients" / "console" / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"


def violations(document: Page | Frame) -> list[str]:
    """The violations, each with the first element that has it."""
    document.evaluate(_AXE.read_text())
    found = document.evaluate(f"axe.run({{runOnly: {_RULES}}})")
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]
