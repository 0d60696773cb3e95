"""Pages of the public Python modules for the documentation site: docstrings and signatures of what they export."""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
LISTED: Final = re.compile(r"^\| `(leadline[\w.]*)` \| (?:clients|authors)", re.MULTILINE)


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of each page, such as `leadline.errors.md`. The contract has its own pages."""
    sys.path[:0] = [str(ROOT / "clients" / "python"), str(ROOT / "server")]
    for name in LISTED.findall((ROOT / "docs" / "public-api.md").read_text(encoding="utf-8")):
        if not name.endswith(".v1"):
            yield f"{name}.md", "\n\n".join(_module(name, import_module(name))) + "\n"


def _module(name: str, module: ModuleType) -> Iterator[str]:
    yield f"# {name}"
    yield _text(module)
    for exported, thing in _exported(name, module):
        yield from _thing(exported, thing)


def _exported(name: str, module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The names of `__all__`; without it the classes and functions that the module itself defines."""
    if hasattr(module, "__all__"):
        names = list(module.__all__)
    else:
        names = [key for key, thing in vars(module).items() if getattr(thing, "__module__", None) == name]
    for exported in names:
        thing = getattr(module, exported)
        if not exported.startswith("_") and (inspect.isclass(thing) or inspect.isroutine(thing)):
            yield exported, thing


def _thing(name: str, thing: Any) -> Iterator[str]:
    yield f"## {name}"
    yield f"```python\n{_signature(name, thing)}\n```"
    yield _text(thing)
    if inspect.isclass(thing):
        for key, member in vars(thing).items():
            routine = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            if not key.startswith("_") and inspect.isroutine(routine) and routine.__doc__:
                yield f"### {name}.{key}"
                yield f"```python\n{_signature(key, routine)}\n```"
                yield _text(routine)


def _signature(name: str, thing: Any) -> str:
    word = "class" if inspect.isclass(thing) else "async def" if inspect.iscoroutinefunction(thing) else "def"
    try:
        signature = str(inspect.signature(thing))
    except (TypeError, ValueError):
        signature = ""
    plain = re.sub(r"(?:[a-z_]\w*\.)+(?=[A-Z])", "", signature)  # modules of types
    return f"{word} {name}{re.sub(r'<[^>]*>', '...', plain)}"


def _text(thing: Any) -> str:
    """A docstring as Markdown: its sections and examples keep their lines."""
    text = inspect.cleandoc(thing.__doc__ or "")
    parts = re.split(r"\n\n|\n(?=(?:Args|Attributes|Returns|Raises|Yields):\n)", text)
    return "\n\n".join(_part(part) for part in parts).replace("<", "&lt;") if "```" not in text else text


def _part(part: str) -> str:
    head, _, rest = part.partition("\n")
    if head in {"Args:", "Attributes:", "Returns:", "Raises:", "Yields:"}:
        items = re.split(r"\n(?=    \S)", "\n" + rest)[1:] if rest.startswith("    ") else [rest]
        return f"**{head}**\n\n" + "\n".join("- " + " ".join(item.split()) for item in items)
    return part
