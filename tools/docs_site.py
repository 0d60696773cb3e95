"""Build the documentation site in build/docs, and check its links. It needs no network.

`docs/` and the documents at the root are copied to build/docs-source, with pages that are generated: the contract, the
public Python modules, all commands and all settings. Links to files that are not on the site become text.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import docs_commands
import docs_protos
import docs_python

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "build" / "docs-source"
SITE: Final = ROOT / "build" / "docs"
ZENSICAL: Final = ROOT / ".venv" / "docs-tools" / "bin" / "zensical"
RENAMED: Final[Mapping[str, str]] = {
    "README.md": "getting-started.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples.md",
    "docs/decisions": "decisions/index.md",
    "protos/leadline/v1": "reference/index.md",
    "protos/leadline/admin/v1": "reference/index.md",
    "protos/leadline/adapter/v1": "reference/index.md",
}
"""Where the documents outside of docs/ are on the site."""

_LINK: Final = re.compile(r"(!?)\[((?:[^\]\[]|\[[^\]]*\])*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_DIAGRAM: Final = "![How leadline decides](images/leadline.svg)"


def main() -> int:
    """Write the source, build the site, check its links; the exit code is 1 if one leads nowhere."""
    for folder in (SOURCE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    assemble()
    built = subprocess.run([ZENSICAL, "build", "--clean"], cwd=ROOT, check=False)
    if built.returncode:
        return built.returncode
    wrong = list(broken_links())
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.relative_to(ROOT)}; {len(wrong)} links lead nowhere.")
    return 1 if wrong else 0


def assemble() -> None:
    """Write build/docs-source."""
    shutil.copytree(ROOT / "docs", SOURCE)
    documents = {f"docs/{path.relative_to(SOURCE)}": path for path in SOURCE.rglob("*.md")}
    documents |= {name: SOURCE / place for name, place in RENAMED.items() if name.endswith(".md")}
    for name, path in documents.items():
        path.write_text(on_site((ROOT / name).read_text(encoding="utf-8"), name), encoding="utf-8")
    _write_index("decisions", "Decisions", sorted((SOURCE / "decisions").glob("[0-9]*.md")))
    reference = SOURCE / "reference"
    reference.mkdir()
    for pages in (docs_commands.pages(), docs_python.pages(), docs_protos.pages()):
        for name, text in pages:
            (reference / name).write_text(text, encoding="utf-8")
    _write_index("reference", "Reference", sorted(reference.glob("*.md")))


def _write_index(folder: str, title: str, pages: list[Path]) -> None:
    lines = [f"# {title}", "", *(f"- [{_title(page)}]({page.name})" for page in pages)]
    (SOURCE / folder / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def on_site(text: str, name: str) -> str:
    """A document as its page of the site: links lead to pages, and lists have the blank lines that they need."""
    fences: list[str] = []

    def kept(found: re.Match[str]) -> str:
        fences.append(_DIAGRAM if found[0].startswith("```mermaid") else found[0])
        return f"\x00{len(fences) - 1}\x00"

    prose = _LINK.sub(lambda found: _link(found, name), _FENCE.sub(kept, text))
    prose = re.sub(r"^(?![-|*#\s]|\d+\. )(.+)\n(?=- |\d+\. )", r"\1\n\n", prose, flags=re.MULTILINE)
    prose = re.sub(r"^  (?=\S)", "    ", prose, flags=re.MULTILINE)  # what continues an item of a list
    return re.sub(r"\x00(\d+)\x00", lambda found: fences[int(found[1])], prose)


def _link(found: re.Match[str], name: str) -> str:
    """A link of the document `name`; its text alone if it leads to a file that is not on the site."""
    mark, words, path, anchor = found[1], found[2], found[3], found[4] or ""
    if not path or re.match(r"[a-z]+:", path):
        return found[0]
    target = os.path.normpath(f"{Path(name).parent}/{path}")
    place = RENAMED.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else "")
    if not place or not (ROOT / target).exists():
        return words
    here = RENAMED.get(name) or name.removeprefix("docs/")
    if words.removeprefix("docs/") == Path(place).name and (ROOT / target).is_file():
        words = _title(ROOT / target)
    return f"{mark}[{words}]({os.path.relpath(place, Path(here).parent)}{anchor})"


def _title(document: Path) -> str:
    """The title of a document, which people read in the place of its file's name."""
    return document.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")


class _Page(HTMLParser):
    """The addresses that a page links to and loads, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the addresses of a tag."""
        values = dict(attrs)
        self.anchors.update(value for value in (values.get("id"), values.get("name")) if value)
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        elif tag in {"img", "script", "link", "iframe"}:
            self.loaded += [value for value in (values.get("src"), values.get("href")) if value]


def broken_links() -> Iterator[str]:
    """A line for each link that leads nowhere, and for each file that a page loads from another host."""
    pages = {path: _parsed(path) for path in SITE.rglob("*.html") if path.name != "404.html"}
    for path, page in pages.items():
        for address in [*page.links, *page.loaded]:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if address in page.loaded:
                    yield f"{path.relative_to(SITE)} loads {address}"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (parts.fragment and target in pages and not _has(pages[target], parts.fragment)):
                yield f"{path.relative_to(SITE)} links to {address}"


def _has(page: _Page, anchor: str) -> bool:
    return unquote(anchor) in page.anchors or anchor.startswith("__")


def _parsed(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


if __name__ == "__main__":
    sys.exit(main())
