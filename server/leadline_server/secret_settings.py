"""Secrets in settings: as text, or better, as the file or environment variable that has them."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, SecretStr, ValidationInfo

BY_API: Final = "by_api"
"""The context of a validation of settings that come by API: they must not read files and variables of the server."""


def _read(value: Any, info: ValidationInfo) -> Any:
    """The secret itself. If it is from a file, line ends at its end are removed."""
    if not isinstance(value, dict):
        return value
    if (info.context or {}).get(BY_API):
        raise ValueError("must be a text")
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
