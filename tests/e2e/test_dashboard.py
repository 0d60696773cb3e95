"""deploy/grafana/leadline.json: every metric and label that it names is one of a server's /metrics."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.servers import ServerProcess, leadline, server_process

ROOT: Final = Path(__file__).resolve().parents[2]
DASHBOARD: Final = json.loads((ROOT / "deploy" / "grafana" / "leadline.json").read_text())


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in DASHBOARD["templating"]["list"]:
        if isinstance(variable["query"], dict):
            yield variable["query"]["query"]


def monitors_key(server: ServerProcess) -> str:
    """A key that may read the metrics."""
    file = server.data_dir.parent / "first.key"
    made = leadline("keys", "bootstrap", "--file", file, "--data-dir", server.data_dir)
    assert made.returncode == 0, made.stderr
    settings = {"LEADLINE_API_KEY": file.read_text().strip()}
    issued = leadline("keys", "issue", "--role", "monitor", "--server", server.address, settings=settings)
    assert issued.returncode == 0, issued.stderr
    return issued.stdout.strip()


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The families that a new server shows, by their names with the suffix of counters."""
    settings = {"LEADLINE_HTTP_LISTEN": "127.0.0.1:0", "LEADLINE_AUTHENTICATION": "true"}
    with server_process(tmp_path_factory.mktemp("dashboard") / "data", settings=settings) as server:
        asked = urllib.request.Request(
            f"http://{server.metrics_address}/metrics", headers={"Authorization": f"Bearer {monitors_key(server)}"}
        )
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - as above
            text = answer.read().decode()
    families = list(text_string_to_metric_families(text))
    return {f"{family.name}_total" if family.type == "counter" else family.name: family for family in families}


def test_every_metric_that_the_dashboard_names_exists(exposed: dict[str, Any]) -> None:
    named = {name for text in expressions() for name in re.findall(r"leadline_\w+", text)}
    plain = {re.sub(r"_(bucket|count|sum)$", "", name) for name in named}
    assert plain - exposed.keys() == set()
    assert len(plain) > 15


def test_every_metric_is_in_the_documents(exposed: dict[str, Any]) -> None:
    documents = (ROOT / "docs" / "operations.md").read_text()
    assert [name for name in exposed if name not in documents] == []


def test_panels_have_names_and_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] for panel in panels)
