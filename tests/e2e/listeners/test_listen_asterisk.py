"""`leadline listen asterisk` between a fake Asterisk, which speaks its protocol over a socket, and a real server."""

import asyncio
import csv
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
from fakes.asterisk import SECRET, FakeAsterisk
from fakes.asterisk_script import START, Script
from support.asterisk_sessions import CUSTOMER, answered, missed
from support.phone_systems import basic
from support.servers import ServerProcess, leadline
from support.webhook_events import FORM, form
from support.webhook_servers import send, webhook_server


def listening(
    server: ServerProcess, account: Account, asterisk: FakeAsterisk, *options: str
) -> AbstractAsyncContextManager[RunningCommand]:
    return listen("asterisk", {"LEADLINE_AMI_SECRET": SECRET}, server, account, asterisk, *options)


async def test_the_log_is_there_as_it_rings_and_follows_the_call_to_its_end(
    server: ServerProcess, account: Account
) -> None:
    async with FakeAsterisk() as asterisk, listening(server, account, asterisk) as process:
        await check_that_the_log_follows(account, asterisk, answered().events, answer=4, end=9)
        said = await stop(process)
    assert SECRET not in said
    assert "2025550123" not in said


@pytest.mark.parametrize("first", range(1, 8))
async def test_a_cut_connection_is_made_again_and_what_was_missed_is_filled_in(
    server: ServerProcess, account: Account, tmp_path: Path, first: int
) -> None:
    script = missed()
    cdr = tmp_path / "Master.csv"
    cdr.write_text("")
    zone = ("--cdr", str(cdr), "--time-zone", "UTC")
    async with FakeAsterisk() as asterisk, listening(server, account, asterisk, *zone):
        for event in script.events[:first]:
            asterisk.play(event)
        asterisk.cut()
        for event in script.events[first : first + 2]:
            asterisk.play(event)
        with cdr.open("w", newline="") as stream:
            csv.writer(stream).writerows(script.rows if first + 2 >= len(script.events) else [])
        await asterisk.until(listed=2)
        for event in script.events[first + 2 :]:
            asterisk.play(event)
        log = await until(account, lambda log: log.call.is_final)
        assert log.user_id == "alice"


async def test_a_call_that_a_listener_a_webhook_and_an_import_tell_of_is_one_log(tmp_path: Path) -> None:
    script = answered()
    cdr = tmp_path / "Master.csv"
    with cdr.open("w", newline="") as stream:
        csv.writer(stream).writerows(script.rows)
    config = tmp_path / "leadline.toml"
    config.write_text('[accounts.demo.ingress.asterisk]\nsecret = "0123456789abcdef"\n')
    with webhook_server(tmp_path / "data", config) as server:
        account = Account(server, "demo")
        async with FakeAsterisk() as asterisk, listening(server, account, asterisk) as process:
            for event in script.events[:6]:
                asterisk.play(event)
            await asyncio.to_thread(_post, server, script.events[0]["Uniqueid"], "ring", START)
            for event in script.events[6:]:
                asterisk.play(event)
            before = await until(account, lambda log: log.call.is_final)
            await stop(process)
        _post(server, before.call.id, "hangup", START + 34)
        done = leadline("calls", "import", cdr, "--time-zone", "UTC", "--server", server.address)
        assert done.returncode == 0, done.stdout + done.stderr
        check_same_call(account, before)


def _post(server: ServerProcess, call_id: str, event: str, time: int) -> None:
    """The webhook of an event, as the dialplan of docs/phone-systems.md sends it."""
    told = {"id": call_id, "linked_id": call_id, "direction": "inbound", "caller": CUSTOMER, "extension": "101"}
    body = form({**told, "event": event, "time": str(time), "result": "ANSWER", "talk_time": "30"})
    headers = {"Host": server.http_address, "Content-Type": FORM, **basic("leadline:0123456789abcdef")}
    assert send(server.http_address, "/ingress/asterisk/demo", body, headers).status == 200


@pytest.mark.soak
async def test_at_5_calls_a_second_a_ringing_call_pops_within_300_ms(server: ServerProcess, account: Account) -> None:
    def ring(number: int) -> str:
        script = Script(at=number, _next=2 * number)
        trunk = script.channel("PJSIP/trunk", f"20255501{number:02}", exten="101", context="from-trunk", state=4)
        script.dial(trunk, script.channel("PJSIP/101", "101", context="from-internal", linked=trunk))
        for event in script.events:
            asterisk.play(event)
        return trunk.unique_id

    async with FakeAsterisk() as asterisk, listening(server, account, asterisk):
        waits = await rings_to_pops(server, account, ring)
    assert waits[47] < 0.3


async def test_a_wrong_secret_ends_the_command(server: ServerProcess) -> None:
    async with FakeAsterisk() as asterisk:
        said = await refused("asterisk", {"LEADLINE_AMI_SECRET": "wrong"}, server, asterisk)
    assert "Asterisk refuses the login: Authentication failed" in said
    assert "wrong" not in said


def test_without_a_secret_it_says_how_to_give_one() -> None:
    done = leadline("listen", "asterisk")
    assert done.returncode == 2
    assert "set LEADLINE_AMI_SECRET" in done.stderr
