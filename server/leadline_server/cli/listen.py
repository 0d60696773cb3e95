"""The commands `leadline listen asterisk` and `leadline listen freeswitch`, which report calls as they happen."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.listening import Reporting, run_listener, say, secret_of
from leadline_server.cli.server_options import with_target

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.listen.listener import ReadEnded
    from leadline_server.replay.rules import Rules

ASTERISK_SECRET: Final = "LEADLINE_AMI_SECRET"  # noqa: S105 - the name of the variable
FREESWITCH_SECRET: Final = "LEADLINE_ESL_PASSWORD"  # noqa: S105 - the name of the variable

_Source = Annotated[
    str, typer.Option(metavar="NAME", help="The phone system's source, as of its webhooks: call ids carry it.")
]
_Port = Annotated[int, typer.Option(min=1, max=65535, metavar="NUMBER", help="Its port.")]
_InboundContext = Annotated[
    list[str] | None, typer.Option(help="Dial plan context of inbound calls; * is a wildcard; repeatable.")
]
_OutboundContext = Annotated[list[str] | None, typer.Option(help="The same for outbound calls.")]
_InternalContext = Annotated[list[str] | None, typer.Option(help="The same for internal calls.")]


@with_target
def listen_asterisk(  # noqa: PLR0913 a parameter is an option of the command line
    target: CommandTarget,
    *,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Where Asterisk's manager interface listens.")
    ] = "127.0.0.1",
    port: _Port = 5038,
    user: Annotated[str, typer.Option(metavar="NAME", help="The user in manager.conf.")] = "leadline",
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"The file with the user's secret; else {ASTERISK_SECRET} has it."),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Send the secret itself, for an Asterisk without MD5.")
    ] = False,
    source: _Source = "",
    cdr: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Master.csv: has the calls that ended while there was no connection."),
    ] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="IANA zone of the times in Master.csv; needed with --cdr.")
    ] = "",
    inbound_context: _InboundContext = None,
    outbound_context: _OutboundContext = None,
    internal_context: _InternalContext = None,
) -> None:
    """Report the calls of an Asterisk as they ring, are answered and end, until SIGTERM or Ctrl-C.

    Exit codes: 0 stopped, 1 Asterisk refuses the login, 2 wrong usage.
    """
    from leadline_server.listen.ami_connection import AmiLogin
    from leadline_server.listen.asterisk import Asterisk
    from leadline_server.listen.byte_stream import Endpoint

    rules = _rules(inbound_context, outbound_context, internal_context, time_zone)
    if cdr is not None and not time_zone:
        raise typer.BadParameter("--cdr needs --time-zone, since the times in Master.csv have no offset")
    try:
        login = AmiLogin(user=user, secret=secret_of(secret_file, ASTERISK_SECRET), is_plain=plain)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    reporting = _reporting(target, source, rules, _records(cdr, "asterisk"))
    run_listener(Asterisk(Endpoint(title="Asterisk", host=host, port=port), login, say), reporting)


@with_target
def listen_freeswitch(  # noqa: PLR0913 a parameter is an option of the command line
    target: CommandTarget,
    *,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where FreeSWITCH's event socket listens.")] = "127.0.0.1",
    port: _Port = 8021,
    user: Annotated[
        str, typer.Option(metavar="USER@DOMAIN", help="A user of the directory, for userauth; else none.")
    ] = "",
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"The file with the password; else {FREESWITCH_SECRET} has it."),
    ] = None,
    source: _Source = "",
    cdr: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="The folder of mod_json_cdr, or Master.csv: has the calls that ended while there was no connection.",
        ),
    ] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="IANA zone of the times in Master.csv; documents need none.")
    ] = "",
    inbound_context: _InboundContext = None,
    outbound_context: _OutboundContext = None,
    internal_context: _InternalContext = None,
) -> None:
    """Report the calls of a FreeSWITCH as they ring, are answered and end, until SIGTERM or Ctrl-C.

    Exit codes: 0 stopped, 1 FreeSWITCH refuses the login, 2 wrong usage.
    """
    from leadline_server.listen.byte_stream import Endpoint
    from leadline_server.listen.esl_connection import EslLogin
    from leadline_server.listen.freeswitch import FreeSwitch

    rules = _rules(inbound_context, outbound_context, internal_context, time_zone)
    if cdr is not None and not cdr.is_dir() and not time_zone:
        raise typer.BadParameter("--cdr with a file needs --time-zone, since its times have no offset")
    try:
        login = EslLogin(user=user, password=secret_of(secret_file, FREESWITCH_SECRET))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    reporting = _reporting(target, source, rules, _records(cdr, "freeswitch"))
    run_listener(FreeSwitch(Endpoint(title="FreeSWITCH", host=host, port=port), login, say), reporting)


def _records(path: Path | None, record_format: str) -> "ReadEnded | None":
    from leadline_server.listen.ended_calls import ended_calls
    from leadline_server.replay.detection import RecordFormat

    if path is None:
        return None
    return lambda rules, since: ended_calls(path, RecordFormat(record_format), rules, since)


def _reporting(target: CommandTarget, source: str, rules: "Rules", read_ended: "ReadEnded | None") -> Reporting:
    from leadline_server.cli import calls_import_options as options

    return Reporting(target=target, source=options.source(source), rules=rules, read_ended=read_ended)


def _rules(
    inbound: Sequence[str] | None, outbound: Sequence[str] | None, internal: Sequence[str] | None, zone: str
) -> "Rules":
    from dataclasses import replace

    from leadline_server.cli import calls_import_options as options
    from leadline_server.replay.rules import Rules

    rules = Rules(
        inbound_contexts=tuple(inbound or ()),
        outbound_contexts=tuple(outbound or ()),
        internal_contexts=tuple(internal or ()),
    )
    return replace(rules, time_zone=options.zone(zone)) if zone else rules
