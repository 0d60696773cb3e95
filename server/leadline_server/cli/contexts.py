"""Named contexts: how the commands reach servers. They are kept in a file that only its owner can read.

    current = "office"

    [contexts.office]
    server = "leadline.example.com:50051"
    account = "acme"
    api_key = "leadline_..."
    tls = true
    tls_ca = "/home/ann/ca.pem"

The file is `leadline/contexts.toml` in XDG_CONFIG_HOME, which is ~/.config by default (XDG Base Directory
Specification).
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

MOST_CONTEXTS: Final = 1_000

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_BYTES: Final = 1_000_000
_OTHERS: Final = 0o077


class BadContexts(Exception):
    """The contexts, or one of them, cannot be used. The message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """How to reach a server.

    Attributes:
        server: its address; empty: the default one.
        account: the account; empty: the default one.
        api_key: the API key; empty: none. It is left out of `repr`.
        tls: whether the connection has TLS.
        tls_ca, tls_cert, tls_key: files, absolute; empty: none.
        tls_name: the name in the server's certificate, if it is not the address's; empty: it is.
    """

    server: str = ""
    account: str = ""
    api_key: str = field(default="", repr=False)
    tls: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_name: str = ""


@dataclass(frozen=True, slots=True)
class Contexts:
    """All contexts by their names, and the name of the one in use; empty: none is."""

    named: Mapping[str, Context] = field(default_factory=dict)
    current: str = ""

    def get(self, name: str) -> Context:
        """A context. Raises BadContexts if there is none of this name."""
        if name not in self.named:
            raise BadContexts(f"there is no context {name!r}; see them: leadline context list")
        return self.named[name]


def contexts_file() -> Path:
    """Where the contexts are kept."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(folder) if folder else _home() / ".config") / "leadline" / "contexts.toml"


def _home() -> Path:
    """The user's home folder; one that has no files if the user has none, as in a container."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")  # the name that Debian gives users without a home


def load_contexts(file: Path | None = None) -> Contexts:
    """The contexts; none if there is no file.

    Raises:
        BadContexts: the file is not valid, or others can read the API keys in it.
    """
    path = file or contexts_file()
    try:
        with path.open("rb") as stream:
            is_private = not os.fstat(stream.fileno()).st_mode & _OTHERS
            document = tomllib.loads(stream.read(_MOST_BYTES).decode())
    except FileNotFoundError:
        return Contexts()
    except (OSError, ValueError) as error:  # of TOML and of UTF-8 are ValueErrors
        raise BadContexts(f"{path} cannot be used: {error}") from error
    found = _read(document, path)
    if not is_private and any(context.api_key for context in found.named.values()):
        raise BadContexts(f"others can read the API keys in {path}; run: chmod 600 {path}")
    return found


def save_contexts(contexts: Contexts) -> Path:
    """Put a new file, of mode 0600, in the place of the old one.

    Raises:
        BadContexts: it cannot be written.
    """
    path = contexts_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as new:  # its mode is 0600
            new.write(_written(contexts))
            new.flush()
            os.fsync(new.fileno())
        Path(new.name).replace(path)
    except OSError as error:
        raise BadContexts(f"{path} cannot be written: {error.strerror}") from error
    return path


def check_name(name: str) -> str:
    """A name that a context can have. Raises BadContexts."""
    if not _NAME.fullmatch(name):
        raise BadContexts("a context's name has letters, digits, dots, hyphens and underscores, 64 at most")
    return name


def _read(document: Mapping[str, Any], path: Path) -> Contexts:
    tables, current = document.get("contexts", {}), document.get("current", "")
    if not isinstance(tables, dict) or not isinstance(current, str) or len(tables) > MOST_CONTEXTS:
        raise BadContexts(f"{path}: contexts must be tables [contexts.NAME], and current a name")
    return Contexts({name: _context(name, table, path) for name, table in tables.items()}, current)


def _context(name: str, table: Any, path: Path) -> Context:
    types = {one.name: bool if one.name == "tls" else str for one in fields(Context)}
    for key, value in table.items() if isinstance(table, dict) else [("", table)]:
        if not isinstance(value, types.get(key, type(None))):
            raise BadContexts(f"{path}: contexts.{name}.{key} is not known, or has a wrong value")
    return Context(**table)


def _written(contexts: Contexts) -> str:
    lines = [f"current = {_text(contexts.current)}"]
    for name, context in contexts.named.items():
        lines += ["", f"[contexts.{_text(name)}]"]
        lines += [f"{one.name} = {_text(value)}" for one in fields(context) if (value := getattr(context, one.name))]
    return "\n".join(lines) + "\n"


def _text(value: str | bool) -> str:  # noqa: FBT001 - a value of the file
    """A value in TOML: JSON writes texts and booleans as TOML reads them, if every character is printable."""
    if isinstance(value, str) and not value.isprintable():
        raise BadContexts("a value of a context has characters that cannot be printed")
    return json.dumps(value, ensure_ascii=False)
