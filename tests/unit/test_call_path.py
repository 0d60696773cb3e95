"""How many files and folders a request runs through: a newcomer has to read them all to follow it."""

import sys
from pathlib import Path

import pytest
from call_path import CallPath, PathCall, Recorder, paths

# A feature that a matched call does not use must not add to them. The hops of a LogCall vary by a few: where its
# coroutine goes on after the commit counts.
MOST_FILES = {"LogCall": 38, "FindContact": 18}
MOST_HOPS = {"LogCall": 70, "FindContact": 18}


@pytest.fixture
async def measured() -> dict[str, CallPath]:
    return await paths()


async def test_a_request_runs_through_few_files_and_folders(measured: dict[str, CallPath]) -> None:
    for rpc, path in measured.items():
        assert len(path.files) <= MOST_FILES[rpc], f"{rpc} runs through {len(path.files)} files"
        assert path.hops <= MOST_HOPS[rpc], f"{rpc} makes {path.hops} hops"


async def test_a_matched_call_resolves_account_preferences_and_number_once(measured: dict[str, CallPath]) -> None:
    path = measured["LogCall"]
    assert path.count("AccountRegistry.get") == 1
    assert path.count("SqliteAccounts.record") == 0  # the registry has it, and asks only for the settings version
    assert path.count("SettingsVersion.current") == 1  # for the account
    assert path.count("SqliteTransaction.settings_version") == 1  # after the lookup, for the preferences
    assert path.count("SqlitePreferences.get") == 1
    of_the_call = [call for call in path.calls if call.function == "parse_number" and "matching" not in call.caller]
    assert len(of_the_call) == 1


async def test_a_lookup_resolves_its_account_and_each_number_once(measured: dict[str, CallPath]) -> None:
    path = measured["FindContact"]
    assert path.count("AccountRegistry.get") == 1
    of_the_request = [call for call in path.calls if call.function == "parse_number" and "matching" not in call.caller]
    assert len(of_the_request) == 1


def test_a_hop_is_a_call_from_one_folder_to_another() -> None:
    calls = [
        PathCall("a/one.py", "f", ""),
        PathCall("a/two.py", "g", "a/one.py"),
        PathCall("b/three.py", "h", "a/two.py"),
        PathCall("a/one.py", "f", "b/three.py"),
    ]
    path = CallPath(calls)
    assert (path.hops, path.files, path.count("f")) == (2, ["a/one.py", "a/two.py", "b/three.py"], 2)


def test_only_calls_of_the_servers_functions_are_recorded() -> None:
    from leadline_server.domain.numbers.phone_number import mask_number

    recorder, before = Recorder(), sys.getprofile()
    with recorder.installed():
        mask_number("1")
        with recorder.recording() as path:
            mask_number("+14155550123")
            Path("x").suffix  # noqa: B018 - another module's function
    assert {call.function for call in path.calls} == {"mask_number", "mask_number.<locals>.<listcomp>"}
    assert sys.getprofile() is before
