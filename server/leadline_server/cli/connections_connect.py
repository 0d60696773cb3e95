"""The command `leadline connections connect`: a person grants access to a CRM, and the tokens are stored."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadline_server.cli.exit_codes import ExitCode, fail
from leadline_server.cli.ledger import Config, DataDir, LedgerPath, settings_of
from leadline_server.cli.secrets import say_created

if TYPE_CHECKING:  # importing these would slow the start of every other command
    from leadline_server.config import Settings
    from leadline_server.crm.toolkit.adapter_type import AdapterContext
    from leadline_server.crm.toolkit.oauth_grant import OAuthConsent

_PORT = 8651
_WAIT_SECONDS = 600.0


def connect_connection(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The connection: a table [connections.NAME].")],
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="PORT", help="The local port that the CRM redirects to.")
    ] = _PORT,
    config: Config = None,
    data_dir: DataDir = None,
    ledger: LedgerPath = None,
    *,
    device: Annotated[
        bool, typer.Option("--device", help="Print a code, to consent on another device: Salesforce and Zoho.")
    ] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address, and open nothing.")] = False,
) -> None:
    """Grant leadline access to a CRM (OAuth): open the CRM's page, consent there, and store the tokens.

    The connection has client_id, client_secret and refresh_token = "connect". The app's registration at the CRM has the
    redirect URI that is printed. It may run while a server uses the ledger; the server takes the new tokens by itself.

    Exit codes: 0 done, 1 the CRM grants no access, 2 wrong usage, 3 there is no such connection, 4 the CRM cannot be
    reached, or no one consented in time.
    """
    import asyncio

    settings = settings_of(ledger, data_dir, config)
    way = _by_device if device else partial(_by_redirect, port=port, is_opened=not no_browser)
    raise typer.Exit(asyncio.run(_connected(settings, name, way, port)))


_Way = Callable[["AdapterContext", "OAuthConsent"], Awaitable[None]]


async def _connected(settings: "Settings", name: str, way: _Way, port: int) -> ExitCode:
    from leadline_server.domain.crm_errors import CrmAuthFailed, CrmError
    from leadline_server.domain.ledger_errors import LedgerUnavailable

    try:
        async with _context(settings, name) as context:
            await way(context, _consent(settings, name))
    except CrmAuthFailed as error:
        fail([error.message], ExitCode.REFUSED)
    except TimeoutError:
        fail(["No one consented in time."], ExitCode.CANNOT_TELL)
    except (CrmError, LedgerUnavailable) as error:
        fail([error.message], ExitCode.CANNOT_TELL)
    except OSError as error:
        fail([f"--port {port}: cannot be listened on ({error.strerror})."])
    typer.echo(f"Connection {name} is granted access. To check it: leadline connections check {name}")
    return ExitCode.DONE


async def _by_device(context: "AdapterContext", consent: "OAuthConsent") -> None:
    """A person consents on another device."""
    from leadline_server.crm.toolkit.oauth import oauth_authorizer
    from leadline_server.crm.toolkit.oauth_device import device_request

    if consent.device is None:
        fail(["This CRM has no device flow. Run the command without --device, on a machine with a browser."])
    request = await device_request(context.session, consent, consent.device)
    typer.echo(f"Open this address on any device:\n{request.address}\nand enter this code: {request.user_code}")
    await request.finish(oauth_authorizer(consent.grant, context))


async def _by_redirect(context: "AdapterContext", consent: "OAuthConsent", port: int, *, is_opened: bool) -> None:
    """A person consents in a browser of this machine."""
    import asyncio

    from leadline_server.crm.toolkit.oauth import oauth_authorizer
    from leadline_server.crm.toolkit.oauth_consent import ConsentRequest, redirects

    authorizer = oauth_authorizer(consent.grant, context)
    async with redirects(port) as (redirect_uri, taken):
        request = ConsentRequest(consent, redirect_uri)
        typer.echo(f"The app's redirect URI must be {redirect_uri}\nOpen this address, and consent:\n{request.address}")
        if is_opened:
            typer.launch(request.address)
        async with asyncio.timeout(_WAIT_SECONDS):
            query = await taken
        await request.finish(authorizer, request.code_of(query))


def _consent(settings: "Settings", name: str) -> "OAuthConsent":
    """Where a person consents, or the end of the command."""
    from leadline_server.crm.adapter_registry import adapter_type

    table = settings.connections.get(name)
    if table is None:
        known = ", ".join(sorted(settings.connections)) or "none"
        fail([f"There is no connection {name}. There are: {known}."], ExitCode.NOT_FOUND)
    kind: Any = adapter_type(table.adapter)
    consent: OAuthConsent | None = kind.consent and kind.consent(kind.settings.model_validate(table.options))
    if consent is None:
        fail([f"Connection {name} needs no consent: its settings have its credentials."])
    return consent


@asynccontextmanager
async def _context(settings: "Settings", name: str) -> "AsyncIterator[AdapterContext]":
    """What a connection opens in, in this process."""
    import uuid

    from leadline_server.account_crms import egress_of
    from leadline_server.clock import SystemClock
    from leadline_server.crm.http_sessions import trusted_session
    from leadline_server.crm.toolkit.adapter_type import AdapterContext
    from leadline_server.encryption.settings import keys_of
    from leadline_server.ledger_opening import open_ledger

    egress = egress_of(settings)
    async with (
        open_ledger(settings, keys=keys_of(settings, say_created)) as ledger,
        trusted_session(egress) as session,
        AsyncExitStack() as closing,
    ):
        yield AdapterContext(
            name=name,
            session=session,
            tokens=ledger.tokens,
            clock=SystemClock(),
            data_dir=settings.data_dir,
            closing=closing,
            process_id=uuid.uuid4().hex,
            egress=egress,
        )
