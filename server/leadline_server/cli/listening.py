"""Reports calls until it is stopped: what `leadline listen` and `leadline calls import --follow` share."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.session import client_of

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline import AsyncClient

    from leadline_server.listen.listener import LoadRules, PhoneSystem, ReadEnded
    from leadline_server.listen.reporter import CallReporter, CallSource
    from leadline_server.replay.rules import Rules

    MakeSource = Callable[[CallReporter, LoadRules], CallSource]

_GRACE_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """Where calls are reported, and how they are read.

    Attributes:
        target: the server, and the account whose calls they are.
        source: the phone system's source; empty: none.
        rules: of the options.
        read_ended: reads the records of calls that ended; None without `--cdr`.
    """

    target: CommandTarget
    source: str
    rules: "Rules"
    read_ended: "ReadEnded | None"


def run_listener(phone_system: "PhoneSystem", reporting: Reporting) -> None:
    """Listen until SIGTERM or Ctrl-C. Exits with a message if the login is refused."""
    import asyncio

    from leadline_server.listen.byte_stream import LoginRefused

    try:
        asyncio.run(_listen(phone_system, reporting))
    except LoginRefused as refused:
        fail([f"{phone_system.endpoint.title} refuses the login: {refused}"], ExitCode.REFUSED)


def secret_of(file: Path | None, variable: str) -> str:
    """The secret. It is no option, because other users of the machine see the options of a process."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            fail([f"{file} cannot be read ({type(error).__name__})"])
    secret = os.environ.get(variable, "")
    if not secret:
        fail([f"no secret: set {variable}, or name a file with --secret-file"])
    return secret


def say(text: str) -> None:
    """Print a line on standard error, without what is not printable."""
    from leadline_server.cli.output import printable

    typer.echo(f"leadline: {printable(text)}", err=True)


async def _listen(phone_system: "PhoneSystem", reporting: Reporting) -> None:
    from leadline_server.listen.listener import PhoneSystemListener

    def listener(reporter: "CallReporter", load: "LoadRules") -> PhoneSystemListener:
        return PhoneSystemListener(phone_system, load, reporter, say, reporting.read_ended)

    await report_until_stopped(listener, reporting)


async def report_until_stopped(make: "MakeSource", reporting: Reporting) -> None:
    """Run a source of calls, and report them, until SIGTERM or Ctrl-C."""
    import asyncio
    import signal

    from leadline import AsyncClient

    from leadline_server.listen.reporter import CallReporter, run_until

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with client_of(AsyncClient, reporting.target) as client:
        reporter = CallReporter(client, reporting.target.account, reporting.source, say)

        async def load() -> "Rules":
            return await _account_rules(client, reporting.rules)

        await run_until(stop, make(reporter, load), reporter, _GRACE_SECONDS)
    counts = reporter.counts
    say(f"stopped: {counts.sent:,} reports sent, {counts.refused:,} refused, {counts.given_up:,} given up")


async def _account_rules(client: "AsyncClient", rules: "Rules") -> "Rules":
    """The rules with the account's users and numbers, as soon as the server tells them."""
    import asyncio
    from dataclasses import replace

    from leadline import LeadlineError

    from leadline_server.replay.account import account_details
    from leadline_server.replay.own_numbers import own_numbers

    while True:
        try:
            users = [user async for user in client.list_users(page_size=1000)]
            details = account_details(await client.get_account_settings(), users)
        except LeadlineError as error:
            say(f"the server does not tell the account's users ({error.code.name}); trying again")
            await asyncio.sleep(_AGAIN_SECONDS)
            continue
        return replace(
            rules,
            users={**details.users, **rules.users},
            numbering=details.numbering,
            own_numbers=own_numbers((), details.numbering, details.own_numbers),
        )
