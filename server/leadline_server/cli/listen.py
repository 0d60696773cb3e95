"""The command `leadline listen asterisk`, which reports the calls of an Asterisk as they happen."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.server_options import with_target
from leadline_server.cli.session import client_of

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline import AsyncClient

    from leadline_server.listen.ami_connection import AmiTarget
    from leadline_server.replay.rules import Rules

SECRET_VARIABLE: Final = "LEADLINE_AMI_SECRET"  # noqa: S105 - the name of the variable
_GRACE_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 2.0


@with_target
def listen_asterisk(  # noqa: PLR0913 a parameter is an option of the command line
    target: CommandTarget,
    *,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Where Asterisk's manager interface listens.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="NUMBER", help="Its port.")] = 5038,
    user: Annotated[str, typer.Option(metavar="NAME", help="The user in manager.conf.")] = "leadline",
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"The file with the user's secret; else {SECRET_VARIABLE} has it."),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Send the secret itself, for an Asterisk without MD5.")
    ] = False,
    source: Annotated[
        str, typer.Option(metavar="NAME", help="The phone system's source, as of its webhooks: call ids carry it.")
    ] = "",
    cdr: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Master.csv: tells of calls that ended while there was no connection."),
    ] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="IANA zone of the times in Master.csv; needed with --cdr.")
    ] = "",
    inbound_context: Annotated[
        list[str] | None, typer.Option(help="Dial plan context of inbound calls; * is a wildcard; repeatable.")
    ] = None,
    outbound_context: Annotated[list[str] | None, typer.Option(help="The same for outbound calls.")] = None,
    internal_context: Annotated[list[str] | None, typer.Option(help="The same for internal calls.")] = None,
) -> None:
    """Report the calls of an Asterisk as they ring, are answered and end, until SIGTERM or Ctrl-C.

    Exit codes: 0 stopped, 1 Asterisk refuses the login, 2 wrong usage.
    """
    import asyncio
    from dataclasses import replace

    from leadline_server.cli import calls_import_options as options
    from leadline_server.listen.ami_connection import AmiTarget, LoginRefused
    from leadline_server.replay.rules import Rules

    name = options.source(source)
    try:
        asterisk = AmiTarget(host=host, port=port, user=user, secret=_secret(secret_file, os.environ), is_plain=plain)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    rules = Rules(
        inbound_contexts=tuple(inbound_context or ()),
        outbound_contexts=tuple(outbound_context or ()),
        internal_contexts=tuple(internal_context or ()),
    )
    if cdr is not None and not time_zone:
        raise typer.BadParameter("--cdr needs --time-zone, since the times in Master.csv have no offset")
    if time_zone:
        rules = replace(rules, time_zone=options.zone(time_zone))
    try:
        asyncio.run(_listen(asterisk, target, name, rules, cdr))
    except LoginRefused as refused:
        fail([f"Asterisk refuses the login: {refused}"], ExitCode.REFUSED)


def _secret(file: Path | None, environment: Mapping[str, str]) -> str:
    """The secret. It is no option, because other users of the machine see the options of a process."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            fail([f"{file} cannot be read ({type(error).__name__})"])
    secret = environment.get(SECRET_VARIABLE, "")
    if not secret:
        fail([f"no secret: set {SECRET_VARIABLE}, or name a file with --secret-file"])
    return secret


async def _listen(asterisk: "AmiTarget", target: CommandTarget, source: str, rules: "Rules", cdr: Path | None) -> None:
    import asyncio
    import signal

    from leadline import AsyncClient

    from leadline_server.listen.asterisk_listener import AsteriskListener, listen
    from leadline_server.listen.reporter import CallReporter

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with client_of(AsyncClient, target) as client:
        reporter = CallReporter(client, target.account, source, _say)

        async def load() -> "Rules":
            return await _account_rules(client, rules)

        listener = AsteriskListener(asterisk, load, reporter, _say, cdr)
        await listen(listener, reporter, stop, _GRACE_SECONDS)
    counts = reporter.counts
    _say(f"stopped: {counts.sent:,} reports sent, {counts.refused:,} refused, {counts.given_up:,} given up")


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
            _say(f"the server does not tell the account's users ({error.code.name}); trying again")
            await asyncio.sleep(_AGAIN_SECONDS)
            continue
        return replace(
            rules,
            users=details.users,
            numbering=details.numbering,
            own_numbers=own_numbers((), details.numbering, details.own_numbers),
        )


def _say(text: str) -> None:
    """Print a line on standard error, without what is not printable."""
    from leadline_server.cli.output import printable

    typer.echo(f"leadline: {printable(text)}", err=True)
