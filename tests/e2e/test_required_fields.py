"""A CRM with a required field, as an administrator meets it: failed calls, a check, a setting, a bulk retry."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from fakes.connections import write_toml
from fakes.process import FakeProcess, fake_process
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import capabilities_pb2
from support.scripted_adapters import says, scripted_adapter
from support.servers import ServerProcess, leadline, server_process

CALLERS = ["+12025550147", "+12025550148"]


@contextmanager
def serving(folder: Path, crm: FakeProcess, own: str = "") -> Iterator[ServerProcess]:
    """`leadline serve` with account `demo` connected to the fake; `own` are further lines of its connection."""
    config = write_toml(folder / "leadline.toml", crm.vendor, crm.url)
    config.write_text(f"{config.read_text()}\n{own}")
    with server_process(folder / "data", settings={"LEADLINE_CONFIG": str(config)}) as server:
        yield server


def check(folder: Path, name: str = "crm", *words: str) -> CompletedProcess[str]:
    """`leadline connections check`, with the server's settings."""
    files = ("--config", folder / "leadline.toml", "--data-dir", folder / "data")
    return leadline("connections", "check", name, *files, *words)


def test_failed_calls_are_delivered_after_the_missing_field_has_a_value(tmp_path: Path) -> None:
    with fake_process("espocrm", tmp_path / "crm") as crm:
        crm.control("PUT", "/required", {"Contact": {"cRegion": "Region"}})
        with serving(tmp_path, crm) as server:
            at = ("--server", server.address)
            leadline("account", "set", "defaults.unknown_contact_action=create_placeholder", *at)
            for index, caller in enumerate(CALLERS):
                words = ("--user", "alice", "--id", f"call-{index}", "--direction", "inbound", "--caller", caller)
                assert leadline("calls", "log", *words, *at).returncode == 1
            checked = check(tmp_path)
            assert checked.returncode == 1
            assert "contact: cRegion is required and has no value." in checked.stdout
            assert "[connections.crm.placeholder_fields]" in checked.stdout
            still = leadline("calls", "retry", "--state", "failed", *at)
            assert (still.returncode, still.stdout) == (1, "Retried 2 calls: 2 FAILED.\n")
            assert "cRegion" in still.stderr
        with serving(tmp_path, crm, '[connections.crm.placeholder_fields]\ncRegion = "South"\n') as server:
            at = ("--server", server.address)
            assert check(tmp_path).returncode == 0
            done = leadline("calls", "retry", "--state", "failed", *at)
            assert (done.returncode, done.stdout) == (0, "Retried 2 calls: 2 LOGGED.\n"), done.stderr
            assert leadline("calls", "retry", "--state", "failed", *at).stdout == "Retried 0 calls.\n"
        people = crm.records("Contact").values()
        assert [person["cRegion"] for person in people] == ["South"] * len(CALLERS)
        assert len(crm.records("Call")) == len(CALLERS)


async def test_an_adapter_in_another_process_tells_its_required_fields(tmp_path: Path) -> None:
    needed = pb.RequiredFields(contact=[pb.RequiredField(name="region", label="Region")])
    can = capabilities_pb2.Capabilities(writes_fields=True)
    async with scripted_adapter() as adapter:
        adapter.answers["Describe"] = says(pb.DescribeResponse(capabilities=can, required_fields=needed))
        toml = f'[connections.crm]\nadapter = "remote"\naddress = "{adapter.address}"\n'
        for own, code, said in [
            ("", 1, "contact: region (Region) is required and has no value."),
            ('placeholder_fields = { region = "South" }\n', 0, "Connection crm works."),
        ]:
            (tmp_path / "leadline.toml").write_text(toml + own)
            checked = await asyncio.to_thread(check, tmp_path)
            assert (checked.returncode, said in checked.stdout) == (code, True), checked.stderr


@pytest.mark.parametrize(
    ("faults", "name", "code", "said"),
    [
        ({"mode": "unavailable"}, "crm", 4, "The CRM"),
        ({"token": "another"}, "crm", 1, "refuses leadline's credentials"),
        ({}, "other", 3, "There is no connection other. There are: crm, embedded."),
    ],
)
def test_a_check_that_cannot_be_made_says_why(
    tmp_path: Path, faults: dict[str, Any], name: str, code: int, said: str
) -> None:
    with fake_process("espocrm", tmp_path / "crm") as crm:
        write_toml(tmp_path / "leadline.toml", crm.vendor, crm.url)
        crm.misbehave(**faults)
        checked = check(tmp_path, name)
        assert (checked.returncode, checked.stdout) == (code, "")
        assert said in checked.stderr


def test_wrong_settings_and_wrong_words_are_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "leadline.toml").write_text(
        '[connections.crm]\nadapter = "pipedrive"\ncompany_domain = "x"\napi_token = "x"\n'
        'placeholder_fields = { a = "{{ nothing }}" }\n'
    )
    checked = check(tmp_path)
    assert checked.returncode == 2
    assert "connections.crm.placeholder_fields: placeholder_fields.a: there is no nothing here" in checked.stderr
    assert leadline("calls", "retry").returncode == 2
    assert leadline("calls", "retry", "call-1", "--state", "failed").returncode == 2
    assert leadline("calls", "retry", "--state", "logged").returncode == 2
