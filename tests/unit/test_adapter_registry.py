"""Choosing a CRM: settings name connections, connections name adapters, and errors name their location."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from leadline_server.config import Settings
from leadline_server.config_loading import BadSettings, load_settings
from leadline_server.crm import adapter_registry
from leadline_server.crm.adapter_registry import NoSuchAdapter, adapter_names, adapter_type
from leadline_server.crm.toolkit.adapter_type import AdapterContext, AdapterType, Connect, ConnectionSettings
from leadline_server.crm.toolkit.url_settings import Origin
from leadline_server.secret_settings import Secret
from pydantic import BaseModel, ValidationError


class Sample(ConnectionSettings):
    base_url: Origin
    token: Secret


async def _open(_: Sample, __: AdapterContext) -> Connect:
    raise NotImplementedError


OUTSIDE = AdapterType(name="outside", title="An outside CRM", settings=Sample, open=_open)
NO_ADAPTER = "something else"


@pytest.fixture(autouse=True)
def _entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"outside": "OUTSIDE", "embedded": "OUTSIDE", "no_adapter": "NO_ADAPTER", "broken": "nothing_there"}
    entries = [EntryPoint(name, f"{__name__}:{place}", adapter_registry.GROUP) for name, place in places.items()]
    monkeypatch.setitem(__import__("sys").modules, __name__, __import__("types").SimpleNamespace(**globals()))

    def entry_points(*, group: str, name: str | None = None) -> Sequence[EntryPoint]:
        assert group == "leadline.adapters"
        return [entry for entry in entries if name in (None, entry.name)]

    monkeypatch.setattr(adapter_registry, "entry_points", entry_points)


def load(tmp_path: Path, toml: str) -> Settings:
    file = tmp_path / "leadline.toml"
    file.write_text(toml)
    return load_settings({"config": file})


def test_leadlines_own_adapters_come_first_and_cannot_be_replaced() -> None:
    assert adapter_names()[0] == "embedded"
    assert adapter_type("embedded") is not OUTSIDE
    assert adapter_type("outside") is OUTSIDE


@pytest.mark.parametrize(
    ("name", "message"),
    [("nobody", "There are: embedded"), ("no_adapter", "is not an AdapterType"), ("broken", "cannot be loaded")],
)
def test_an_adapter_that_cannot_be_had_is_named(name: str, message: str) -> None:
    with pytest.raises(NoSuchAdapter, match=message):
        adapter_type(name)


def test_a_kind_of_adapter_asks_over_a_network_unless_it_says_otherwise() -> None:
    assert OUTSIDE.is_remote
    assert [name for name in adapter_registry.BUILT_IN if not adapter_type(name).is_remote] == ["embedded"]


def test_what_was_checked_stays_as_it_was() -> None:
    settings = Sample.model_validate({"base_url": "https://crm.example.com", "token": "t"})
    with pytest.raises(ValidationError):
        settings.base_url = "http://elsewhere.example.com"  # type: ignore[misc] # that is what is tested


@pytest.mark.parametrize("name", adapter_registry.BUILT_IN)
def test_every_adapter_of_leadlines_own_has_the_name_it_is_chosen_by(name: str) -> None:
    kind = adapter_type(name)
    assert kind.name == name
    assert kind.title


def test_a_connection_is_checked_by_its_adapter(tmp_path: Path) -> None:
    toml = """
        [connections.sales]
        adapter = "outside"
        base_url = "https://crm.example.com/"
        token = "t"
        [accounts.acme]
        connection = "sales"
        [accounts.other]
    """
    settings = load(tmp_path, toml)
    assert settings.connection_of("acme") == "sales"
    assert settings.connection_of("other") == "embedded"
    assert settings.connection_of("taken out of the file") is None


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ('[accounts.acme]\nconnection = "nowhere"', "accounts.acme.connection: there is no [connections.nowhere]"),
        ("[connections.sales]", "connections.sales.adapter: is required"),
        ('[connections.sales]\nadapter = "nobody"', "connections.sales.adapter: 'nobody' is not an adapter."),
        (
            '[connections.sales]\nadapter = "outside"\ntoken = "t"\nbase_url = "http://crm.example.com"',
            "connections.sales.base_url: must begin with https://, since secrets and personal data are sent there",
        ),
        (
            '[connections.sales]\nadapter = "outside"\nbase_url = "https://c.example"\ntoken = "t"\ncolour = "red"',
            "connections.sales.colour: no such setting",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, toml: str, problem: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load(tmp_path, toml)
    assert [line for line in caught.value.problems if line.startswith(problem)]


class Secrets(BaseModel):
    token: Secret


def test_a_secret_may_be_in_a_file_or_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("from a file\n")
    monkeypatch.setenv("CRM_TOKEN", "from the environment")
    given: dict[str, Any] = {
        "plain": "plain",
        "from a file": {"file": str(tmp_path / "token")},
        "from the environment": {"env": "CRM_TOKEN"},
    }
    for expected, value in given.items():
        secret = Secrets(token=value).token
        assert secret.get_secret_value() == expected
        assert expected not in f"{secret} {secret!r}"


@pytest.mark.parametrize("value", [{"file": "/nowhere"}, {"env": "NOT_SET_ANYWHERE"}, {"file": "a", "env": "b"}, 7, {}])
def test_a_secret_that_is_not_there_is_an_error(value: Any) -> None:
    with pytest.raises(ValidationError):
        Secrets(token=value)


class Addresses(BaseModel):
    address: Origin


@pytest.mark.parametrize(
    "address", ["https://crm.example.com", "https://crm.example.com/base", "http://127.0.0.1:8080", "http://[::1]:1"]
)
def test_an_address_is_taken(address: str) -> None:
    assert Addresses(address=f"{address}/").address == address


@pytest.mark.parametrize(
    "address",
    [
        "http://crm.example.com",
        "ftp://crm.example.com",
        "crm.example.com",
        "https://",
        "https://user:password@crm.example.com",
        "https://crm.example.com?x=1",
        "https://crm.example.com#x",
        "http://127.0.0.1.example.com",
    ],
)
def test_an_address_that_gives_secrets_away_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        Addresses(address=address)
