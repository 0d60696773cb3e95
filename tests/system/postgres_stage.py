"""Servers that share a PostgreSQL ledger, with the faulty CRM behind them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes.process import FakeProcess
from faults.http_crm.stage import serving
from support.servers import ServerProcess


def on_postgres(folder: Path, ledger: str) -> dict[str, str]:
    """The settings of servers on a PostgreSQL ledger. The launcher puts the faulty CRM in HubSpot's place."""
    file = folder / "leadline.toml"
    options: Mapping[str, str] = {"adapter": "hubspot", "token": "t", "api_url": "http://127.0.0.1:9"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
    file.write_text("\n".join(["[connections.crm]", *lines, "[accounts.demo]", 'connection = "crm"']))
    return {"LEADLINE_CONFIG": str(file), "LEADLINE_LEDGER": ledger, "LEADLINE_CHECK_CONNECTIONS": "false"}


@contextmanager
def sharing(
    folder: Path, crm: FakeProcess, ledger: str, size: int, settings: Mapping[str, str] | None = None, **promises: Any
) -> Iterator[list[ServerProcess]]:
    """Run `size` servers on one ledger."""
    variables = on_postgres(folder, ledger) | dict(settings or {})
    with serving(folder / "data", crm, size=size, settings=variables, **promises) as servers:
        yield servers
