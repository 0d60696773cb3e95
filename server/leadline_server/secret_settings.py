"""Secrets in settings: as text, or better, as the file or environment variable that has them."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr


def _read(value: Any) -> Any:
    """The secret itself. If it is from a file, line ends at its end are removed."""
    if not isinstance(value, dict):
        return value
    match value:
        case {"file": str(path)} if len(value) == 1:
            try:
                return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{path} cannot be read ({type(error).__name__})") from error
        case {"env": str(name)} if len(value) == 1:
            if not os.environ.get(name):
                raise ValueError(f"the environment variable {name} is not set")
            return os.environ[name]
        case _:
            raise ValueError('must be a text, { file = "PATH" } or { env = "NAME" }')


Secret = Annotated[SecretStr, BeforeValidator(_read)]
"""A text, `{ file = "PATH" }` or `{ env = "NAME" }`. It is never shown."""
