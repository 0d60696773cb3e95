"""Pages of all commands and all settings for the documentation site, from the program itself."""

import re
from collections.abc import Iterator
from typing import Any

import typer
from leadline_server.cli import app
from leadline_server.config import Settings


def pages() -> Iterator[tuple[str, str]]:
    """The name and the text of each page."""
    yield "commands.md", "\n\n".join(["# All commands", *_commands("leadline", typer.main.get_command(app))]) + "\n"
    yield "settings.md", "\n\n".join(["# All settings", *_settings()]) + "\n"


def _commands(name: str, command: Any) -> Iterator[str]:
    yield f"## {name}"
    yield _plain(command.help or "")
    rows = [
        f"| `{' '.join([*parameter.opts, *parameter.secondary_opts]) or parameter.name}` | {_cell(parameter)} |"
        for parameter in command.params
        if "--help" not in parameter.opts and not getattr(parameter, "hidden", False)
    ]
    if rows:
        yield "\n".join(["| Option or argument | Meaning |", "|---|---|", *rows])
    for key, part in sorted(getattr(command, "commands", {}).items()):
        if not part.hidden:
            yield from _commands(f"{name} {key}", part)


def _cell(parameter: Any) -> str:
    return " ".join(_plain(getattr(parameter, "help", None) or "").split()).replace("|", "\\|")


def _settings() -> Iterator[str]:
    yield "Names are those of the settings file. [settings.md](../settings.md) has flags, accounts and connections."
    rows = [
        f"| `{name}` | `LEADLINE_{name.upper()}` | `{_default(field)}` | {_plain(field.description or '')} |"
        for name, field in Settings.model_fields.items()
    ]
    yield "\n".join(["| Setting | Variable | Default | Meaning |", "|---|---|---|---|", *rows])


def _default(field: Any) -> str:
    return str(field.default) if field.default_factory is None and str(field.default) else "empty"


def _plain(text: str) -> str:
    return re.sub(r"\[/?[a-z ]+\]", "", text).replace("<", "&lt;").strip()
