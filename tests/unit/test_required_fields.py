"""Fields that a CRM requires and leadline does not fill: named by `connections check`, filled by the settings."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.base import FakeCrm
from fakes.connections import OPTIONS, write_toml
from fakes.espocrm import FakeEspoCrm
from fakes.hubspot import FakeHubSpot
from fakes.pipedrive import FakePipedrive
from fakes.salesforce import FakeSalesforce
from fakes.serving import fake_server
from fakes.zoho import FakeZoho
from leadline_server.app import open_app
from leadline_server.cli import app as program
from leadline_server.config import Settings
from leadline_server.domain.call_log_states import CallLogState
from leadline_server.domain.preferences import UnknownContactAction
from support.apps import STRANGER, Harness, SettableClock
from typer.testing import CliRunner

CUSTOM: Final = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor's fake.

    Attributes:
        fake: makes it.
        person: the kind of record of a new placeholder, and a field that is required of it.
        call: the kind of record of a call, and a field that is required of it; None: the vendor does not tell.
    """

    fake: Callable[[], FakeCrm]
    person: tuple[str, str]
    call: tuple[str, str] | None


VENDORS: Final[Mapping[str, Vendor]] = {
    "salesforce": Vendor(FakeSalesforce, ("Lead", "Industry__c"), ("Task", "Channel__c")),
    "zoho": Vendor(FakeZoho, ("Leads", "Branch"), ("Calls", "Channel")),
    "hubspot": Vendor(FakeHubSpot, ("contacts", "region"), ("calls", "channel")),
    "pipedrive": Vendor(FakePipedrive, ("persons", CUSTOM), None),
    "espocrm": Vendor(FakeEspoCrm, ("Contact", "cRegion"), ("Call", "cChannel")),
}


def _kept(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**record, **record.get("custom_fields", {})}


async def _check(*words: str) -> tuple[int, dict[str, Any], str]:
    """The exit code of `connections check`, its document, and what it says to people."""
    as_json, told = [
        await asyncio.to_thread(CliRunner().invoke, program, ["connections", "check", *words, *more])
        for more in (["--json"], [])
    ]
    return as_json.exit_code, json.loads(as_json.stdout or "{}"), told.stdout


@pytest.mark.parametrize("name", VENDORS)
async def test_a_required_field_is_named_and_failed_calls_are_delivered_once_it_is_set(
    name: str, tmp_path: Path
) -> None:
    vendor = VENDORS[name]
    fake = vendor.fake()
    kind, field = vendor.person
    fake.required = {kind: {field: "Its label"}}
    if vendor.call is not None:
        fake.required[vendor.call[0]] = {vendor.call[1]: "Its other label"}
    async with fake_server(fake) as server:
        url = server.url
        config = write_toml(tmp_path / "leadline.toml", name, url)
        words = ("crm", "--config", str(config), "--data-dir", str(tmp_path / "data"))
        code, document, told = await _check(*words)
        missing = {(each["setting"], each["name"]) for each in document["missing"]}
        wanted = {("placeholder_fields", field)} | ({("call_fields", vendor.call[1])} if vendor.call else set())
        assert (code, missing) == (1, wanted)
        assert f"{field} (Its label) is required" in told or name == "espocrm"  # whose metadata have no labels
        async with _served(tmp_path, name, url, {}) as harness:
            await harness.prefer(unknown_contact_action=UnknownContactAction.CREATE_PLACEHOLDER)
            assert (await harness.log("call-1")).state is CallLogState.FAILED
        own = {"placeholder_fields": {field: "South"}}
        if vendor.call is not None:
            own["call_fields"] = {vendor.call[1]: "{{ call.caller.number }}"}
        async with _served(tmp_path, name, url, own) as harness:
            retried = await harness.retry("call-1")
            assert retried.state is CallLogState.LOGGED, retried.last_error
        lines = [config.read_text()]
        lines += [f"[connections.crm.{table}]\n{next(iter(values))} = 'x'" for table, values in own.items()]
        config.write_text("\n".join(lines))
        code, document, told = await _check(*words)
        assert (code, document["missing"]) == (0, []), told
        assert "Connection crm works." in told
        [person] = [_kept(record.fields) for record in fake.records.all(kind)]
        assert person[field] == "South"
        if vendor.call is not None:
            [call] = [record.fields for record in fake.records.all(vendor.call[0])]
            assert call[vendor.call[1]] == STRANGER


def _served(folder: Path, name: str, url: str, own: Mapping[str, Any]) -> Any:
    from contextlib import asynccontextmanager

    table = {"adapter": name, **OPTIONS[name](url), **own}
    settings = Settings.model_validate(
        {
            "data_dir": folder / "data",
            "secrets_key_file": folder / "secrets.key",  # the commands find it there, beside their settings
            "connections": {"crm": table},
            "accounts": {"demo": {"connection": "crm"}},
        }
    )

    @asynccontextmanager
    async def opened() -> Any:
        clock = SettableClock()
        async with open_app(settings, clock=clock) as app:
            yield Harness(app, clock)

    return opened()
