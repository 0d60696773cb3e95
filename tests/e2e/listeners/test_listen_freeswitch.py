"""`leadline listen freeswitch` between a fake FreeSWITCH, which speaks its protocol, and a real server."""

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from e2e.listening import (
    Account,
    RunningCommand,
    check_same_call,
    check_that_the_log_follows,
    refused,
    rings_to_pops,
    stop,
    until,
)
from e2e.listening import listening as listen
from fakes.freeswitch import PASSWORD, FakeFreeSwitch
from fakes.freeswitch_script import FreeSwitchScript
from support.freeswitch_sessions import answered, missed
from support.phone_systems import basic
from support.servers import ServerProcess, leadline
from support.webhook_events import JSON
from support.webhook_servers import send, webhook_server


def listening(
    server: ServerProcess, account: Account, freeswitch: FakeFreeSwitch, *options: str
) -> AbstractAsyncContextManager[RunningCommand]:
    return listen("freeswitch", {"LEADLINE_ESL_PASSWORD": PASSWORD}, server, account, freeswitch, *options)


@pytest.mark.parametrize("has_json", [True, False])
async def test_the_log_is_there_as_it_rings_and_follows_the_call_to_its_end(
    server: ServerProcess, account: Account, *, has_json: bool
) -> None:
    events = answered().events
    answer = next(place for place, event in enumerate(events) if event["Event-Name"] == "CHANNEL_ANSWER")
    end = next(place for place, event in enumerate(events) if event["Event-Name"] == "CHANNEL_UNBRIDGE")
    async with FakeFreeSwitch(has_json=has_json) as freeswitch, listening(server, account, freeswitch) as process:
        await check_that_the_log_follows(account, freeswitch, events, answer=answer, end=end)
        said = await stop(process)
    assert PASSWORD not in said
    assert "2025550123" not in said


@pytest.mark.parametrize("first", [1, 3, 5])
async def test_a_cut_connection_is_made_again_and_what_was_missed_is_filled_in(
    server: ServerProcess, account: Account, tmp_path: Path, first: int
) -> None:
    script = missed()
    async with (
        FakeFreeSwitch() as freeswitch,
        listening(server, account, freeswitch, "--cdr", str(tmp_path)) as process,
    ):
        for event in script.events[:first]:
            freeswitch.play(event)
        freeswitch.cut()
        for event in script.events[first : first + 2]:
            freeswitch.play(event)
        if first + 2 >= len(script.events):
            for document in script.documents:
                (tmp_path / document["variables"]["uuid"]).write_text(json.dumps(document))
        await freeswitch.until(listed=2)
        for event in script.events[first + 2 :]:
            freeswitch.play(event)
        log = await until(account, lambda log: log.call.is_final)
        assert log.user_id == "alice"
        assert "no connection to FreeSWITCH" in await stop(process)


async def test_a_call_that_a_listener_a_webhook_and_an_import_tell_of_is_one_log(tmp_path: Path) -> None:
    script = answered()
    records = tmp_path / "records.json"
    records.write_text("\n".join(map(json.dumps, script.documents)))
    config = tmp_path / "leadline.toml"
    config.write_text('[accounts.demo.ingress.freeswitch]\nsecret = "0123456789abcdef"\n')
    with webhook_server(tmp_path / "data", config) as server:
        account = Account(server, "demo")
        async with FakeFreeSwitch() as freeswitch, listening(server, account, freeswitch) as process:
            for event in script.events:
                freeswitch.play(event)
            before = await until(account, lambda log: log.call.is_final)
            await stop(process)
        headers = {"Host": server.http_address, "Content-Type": JSON, **basic("leadline:0123456789abcdef")}
        for document in script.documents:
            body = json.dumps(document).encode()
            assert send(server.http_address, "/ingress/freeswitch/demo", body, headers).status == 200
        done = leadline("calls", "import", records, "--server", server.address)
        assert done.returncode == 0, done.stdout + done.stderr
        check_same_call(account, before)


@pytest.mark.soak
async def test_at_5_calls_a_second_a_ringing_call_pops_within_300_ms(server: ServerProcess, account: Account) -> None:
    def ring(number: int) -> str:
        script = FreeSwitchScript(at=number, number=2 * number)
        trunk = script.call_in(f"20255501{number:02}", "Ada Example", "101")
        script.originate(trunk, "101")
        for event in script.events:
            freeswitch.play(event)
        return trunk.uuid

    async with FakeFreeSwitch() as freeswitch, listening(server, account, freeswitch):
        waits = await rings_to_pops(server, account, ring)
    assert waits[47] < 0.3


@pytest.mark.parametrize(
    ("refuses", "password", "reason"),
    [(False, "wrong", "wrong password or user"), (True, PASSWORD, "its access list")],
)
async def test_a_refused_login_ends_the_command(
    server: ServerProcess, *, refuses: bool, password: str, reason: str
) -> None:
    async with FakeFreeSwitch(refuses=refuses) as freeswitch:
        said = await refused("freeswitch", {"LEADLINE_ESL_PASSWORD": password}, server, freeswitch)
    assert f"FreeSWITCH refuses the login: {reason}" in said
    assert "wrong\n" not in said


def test_without_a_password_it_says_how_to_give_one() -> None:
    done = leadline("listen", "freeswitch")
    assert done.returncode == 2
    assert "set LEADLINE_ESL_PASSWORD" in done.stderr
