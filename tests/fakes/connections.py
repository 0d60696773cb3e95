"""How leadline is connected to each fake: the options of a `[connections.NAME]` table."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fakes import salesforce_people, zoho_people
from fakes.misbehaviour import GOOD_TOKEN
from fakes.zoho import KEY_FIELD

_UNLIMITED: Final = 1_000_000


def _hubspot(url: str) -> dict[str, Any]:
    limits = {"requests_per_10_seconds": _UNLIMITED, "searches_per_second": _UNLIMITED}
    return {"token": GOOD_TOKEN, "api_url": url, **limits}


def _pipedrive(url: str) -> dict[str, Any]:
    limits = {"requests_per_2_seconds": _UNLIMITED, "searches_per_2_seconds": _UNLIMITED}
    return {"company_domain": "company", "api_token": GOOD_TOKEN, "api_url": url, **limits}


def _espocrm(url: str) -> dict[str, Any]:
    return {"adapter": "http", "definition": "espocrm", "base_url": url, "api_key": GOOD_TOKEN}


def _bottlecrm(url: str) -> dict[str, Any]:
    return {"adapter": "http", "definition": "bottlecrm", "base_url": url, "token": GOOD_TOKEN}


def _zoho(url: str) -> dict[str, Any]:
    return zoho_people.options(url, call_key_field=KEY_FIELD)


OPTIONS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "bottlecrm": _bottlecrm,
    "espocrm": _espocrm,
    "hubspot": _hubspot,
    "pipedrive": _pipedrive,
    "salesforce": salesforce_people.options,
    "zoho": _zoho,
}
"""By the fake: the options for one that is served at an address. `adapter` is the fake's word where it is not said."""


def write_toml(path: Path, vendor: str, url: str, **more: Any) -> Path:
    """A configuration file with one account, `demo`, connected to a fake; `more` are further options."""
    options = {"adapter": vendor} | OPTIONS[vendor](url) | more
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    head = ["[accounts.demo]", 'connection = "crm"', "[connections.crm]"]
    path.write_text("\n".join([*head, *lines]))
    return path
