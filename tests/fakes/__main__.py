"""A fake CRM as a process.

    python -m fakes VENDOR PATH PORT CONTROL_PORT [OPTIONS]

serves the fake of VENDOR, with what it keeps at PATH, on 127.0.0.1:PORT; see `serving.serve_process` for the other
port. OPTIONS, as JSON, are given to the fake's class.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fakes.base import FakeCrm
from fakes.serving import serve_process

FAKES: Final[Mapping[str, str]] = {
    "faulty": "faults.http_crm.server:FaultyCrm",
    "bottlecrm": "fakes.bottlecrm:FakeBottleCrm",
    "espocrm": "fakes.espocrm:FakeEspoCrm",
    "hubspot": "fakes.hubspot:FakeHubSpot",
    "pipedrive": "fakes.pipedrive:FakePipedrive",
    "salesforce": "fakes.salesforce:FakeSalesforce",
    "zoho": "fakes.zoho:FakeZoho",
}
"""Where the fakes are, by vendor: a module and its class."""


def make(vendor: str, path: Path, options: str = "{}") -> FakeCrm:
    """The fake of a vendor."""
    module, _, name = FAKES[vendor].partition(":")
    crm: FakeCrm = getattr(importlib.import_module(module), name)(path, **json.loads(options))
    return crm


def main() -> None:
    """Serve the fake that the command line names."""
    asyncio.run(_serve(*sys.argv[1:]))


async def _serve(vendor: str, path: str, port: str, control_port: str, *options: str) -> None:
    """Serve until the process is ended."""
    await serve_process(make(vendor, Path(path), *options), int(port), int(control_port))


if __name__ == "__main__":
    main()
