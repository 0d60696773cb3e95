"""The command `leadline adapter serve`, which offers a connection's CRM to leadline in other processes."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline_server.cli.exit_codes import fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.crm.connections import ConnectionSpec


def serve_adapter_command(
    connection: Annotated[
        str, typer.Argument(metavar="CONNECTION", help="A connection of the settings, or `embedded`.")
    ],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="The address to serve on, on this machine.")
    ] = "127.0.0.1:50060",
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the token that requests must have.")
    ] = None,
    ledger: LedgerPath = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Serve a connection's CRM to the adapter `remote` of other leadline servers, until SIGTERM or Ctrl-C.

    Exit codes: 0 stopped, 2 the CRM cannot be served.
    """
    import uvloop
    from pydantic import TypeAdapter, ValidationError

    from leadline_server.config_loading import BadSettings, load_settings
    from leadline_server.config_values import Address
    from leadline_server.domain.errors import LeadlineError
    from leadline_server.listeners import Listener
    from leadline_server.logs import configure_logs
    from leadline_server.transport.addresses import AddressUnavailable, check_free

    try:
        address: str = TypeAdapter(Address).validate_python(listen)
        if Listener("listen", address).is_exposed:
            fail(["--listen: must be a loopback address: adapters have no TLS; put a proxy before it"])
        check_free(address)
        settings = load_settings({"ledger": ledger, "data_dir": data_dir, "config": config})
        token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
        configure_logs(settings.log_level, settings.log_format)
        uvloop.run(_serve(settings, connection, address, token, typer.echo))
    except BadSettings as error:
        fail(error.problems)
    except ValidationError as error:
        fail([f"--listen: {detail['msg'].removeprefix('Value error, ')}" for detail in error.errors()])
    except (AddressUnavailable, LeadlineError, OSError) as error:
        fail([str(error)])


async def _serve(settings: "Settings", name: str, address: str, token: str, announce: Callable[[str], object]) -> None:
    import asyncio
    import signal

    from leadline_server.crm.adapter_registry import adapter_type
    from leadline_server.crm.connections import open_connections
    from leadline_server.crm.remote.server import serve_adapter
    from leadline_server.ledger_opening import open_ledger

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    choice = _choice(settings, name)
    title = adapter_type(choice.adapter).title
    async with (
        open_ledger(settings) as ledger,  # it keeps the connection's tokens, and the embedded CRM
        open_connections(
            {name: choice},
            lambda _: name,
            ledger,
            settings.data_dir,
            ledger.clock,
            uuid.uuid4().hex,
        ) as crms,
        serve_adapter(
            lambda account: crms(account).adapter, address, title=title, token=token, grace=settings.grace_period
        ) as port,
    ):
        host = address.rpartition(":")[0]
        announce(f"leadline serves {name} ({title}) as an adapter on {host}:{port}. Stop with Ctrl-C.")
        await stopping.wait()


def _choice(settings: "Settings", name: str) -> "ConnectionSpec":
    from leadline_server.config_tables import EMBEDDED
    from leadline_server.crm.connections import ConnectionSpec

    table = settings.connections.get(name)
    if table is not None:
        return ConnectionSpec(table.adapter, table.options, table.search_lag_seconds, table.settle_seconds)
    if name == EMBEDDED:
        return ConnectionSpec(EMBEDDED)
    return fail([f"There is no [connections.{name}] in the settings."])
