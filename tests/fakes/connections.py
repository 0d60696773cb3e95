"""How leadline is connected to each fake: the options of a `[connections.NAME]` table, without its `adapter`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fakes import salesforce_people
from fakes.misbehaviour import GOOD_TOKEN

_UNLIMITED: Final = 1_000_000


def _hubspot(url: str) -> dict[str, Any]:
    limits = {"requests_per_10_seconds": _UNLIMITED, "searches_per_second": _UNLIMITED}
    return {"token": GOOD_TOKEN, "api_url": url, **limits}


OPTIONS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "hubspot": _hubspot,
    "salesforce": salesforce_people.options,
}
"""By the adapter's word, which is the fake's too: the options for a fake that is served at an address."""


def write_toml(path: Path, vendor: str, url: str, **more: Any) -> Path:
    """A configuration file with one account, `demo`, connected to a fake; `more` are further options."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in (OPTIONS[vendor](url) | more).items()]
    head = ["[accounts.demo]", 'connection = "crm"', "[connections.crm]", f'adapter = "{vendor}"']
    path.write_text("\n".join([*head, *lines]))
    return path
