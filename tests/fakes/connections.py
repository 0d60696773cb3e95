"""How leadline is connected to each fake: the options of a `[connections.NAME]` table, without its `adapter`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fakes.misbehaviour import GOOD_TOKEN

_UNLIMITED: Final = 1_000_000

OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "hubspot": {
        "token": GOOD_TOKEN,
        "api_url": "{url}",
        "requests_per_10_seconds": _UNLIMITED,
        "searches_per_second": _UNLIMITED,
    },
}
"""By the adapter's word, which is the fake's too; `{url}` stands for the fake's address."""


def options_of(vendor: str, url: str) -> dict[str, Any]:
    """The options, for a fake that is served at `url`."""
    return {
        name: value.replace("{url}", url) if isinstance(value, str) else value
        for name, value in OPTIONS[vendor].items()
    }


def write_toml(path: Path, vendor: str, url: str, **more: Any) -> Path:
    """A configuration file with one account, `demo`, connected to a fake; `more` are further options."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in (options_of(vendor, url) | more).items()]
    head = ["[accounts.demo]", 'connection = "crm"', "[connections.crm]", f'adapter = "{vendor}"']
    path.write_text("\n".join([*head, *lines]))
    return path
