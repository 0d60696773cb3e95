"""Commands that send requests to a server: their common options, their client, and how they report errors."""

import functools
import inspect
import io
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec, TypeVar

import typer

from leadline_server.cli import server_options
from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import ExitCode, fail

if TYPE_CHECKING:  # gRPC and rich would slow the start of every command
    from leadline import Client, LeadlineError
    from rich.console import Console

_Params = ParamSpec("_Params")
_Item = TypeVar("_Item")
_Client = TypeVar("_Client")

_UNBOUNDED: Final = 10_000  # columns of the output if it is not a terminal
_BUGS: Final = (TypeError, ValueError, LookupError, AttributeError, AssertionError, ArithmeticError)

User = Annotated[str, typer.Option("--user", metavar="USER", help="The user who asks.")]


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command: its connection and its output.

    Attributes:
        client: the client for the account, without a user.
        target: the server and the account.
        as_json: whether the output is JSON for programs.
        console: where the output goes.
    """

    client: "Client"
    target: CommandTarget
    as_json: bool
    console: "Console"

    @property
    def account(self) -> str:
        """The account's id."""
        return self.target.account

    def say(self, text: str = "", style: str | None = None) -> None:
        """Print a line without wrapping it, so that ids and commands in it can be copied."""
        from rich.text import Text

        from leadline_server.cli.output import printable

        self.console.print(Text(printable(text), style or ""), soft_wrap=True)

    def hint(self, text: str, *words: str) -> None:
        """Print what to do next, with the command that does it."""
        self.say(f"{text}: {self.command(*words)}" if words else text, "dim")

    def note(self, text: str) -> None:
        """Print a remark on standard error: it is not part of the answer."""
        typer.echo(text, err=True)

    def command(self, *words: str) -> str:
        """A command for the same server and account, such as `leadline calls show call-1 --account acme`."""
        return self.target.command(*words)

    def limited(self, items: Iterable[_Item], limit: int) -> Iterable[_Item]:
        """The first `limit` items (0: all). If there are more, a note says so."""
        for index, item in enumerate(items):
            if limit and index == limit:
                self.note(f"There are more: these are the first {limit:,}; --limit 0 shows all.")
                return
            yield item


def _shared(
    timeout: Annotated[
        float, typer.Option(min=0.01, max=3600, metavar="SECONDS", help="How long a request may take.")
    ] = 10.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="Print no colours. NO_COLOR does the same.")] = False,
) -> None:
    """The options that all of these commands have, and others do not."""


def remote(command: Callable[Concatenate[Session, _Params], None]) -> Callable[..., None]:
    """Make a command that sends requests: it gets the common options, and reports each error in a sentence."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    shared = list(inspect.signature(_shared).parameters.values())
    names = [parameter.name for parameter in shared]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        where = {name: given.pop(name) for name in server_options.NAMES}
        options = {name: given.pop(name) for name in names}
        target = server_options.target_of(where, options.pop("timeout"))
        _run(functools.partial(command, **given), target, **options)

    server_options.set_signature(run, [*own, *server_options.PARAMETERS, *shared])
    return run


def _run(command: Callable[[Session], None], target: CommandTarget, *, as_json: bool, no_color: bool) -> None:
    from leadline import Client, LeadlineError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # print a name even if the terminal cannot show all of it
    with client_of(Client, target) as client:
        session = Session(client, target, as_json, _console(no_color=no_color))
        try:
            command(session)
        except LeadlineError as error:
            raise _exit(error, session) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except UnicodeError:
            raise typer.BadParameter("an argument is not valid UTF-8") from None
        except _BUGS as error:
            typer.echo(f"leadline: A bug in this command: {type(error).__name__}: {error}. Please report it.", err=True)
            raise typer.Exit(ExitCode.REFUSED) from None


def client_of(kind: Callable[..., _Client], target: CommandTarget) -> _Client:
    """A client, `Client` or `AsyncClient`, for a target. Ends the command if a file of TLS cannot be used."""
    try:
        return kind(
            target.server,
            account=target.account,
            timeout=target.timeout,
            api_key=target.api_key,
            tls=target.client_tls,
        )
    except (OSError, ValueError) as error:  # a file of TLS, or a key with strange characters
        fail([str(error)])


def _exit(error: "LeadlineError", session: Session) -> typer.Exit:
    from leadline_server.cli.error_messages import as_json, exit_code, for_people
    from leadline_server.cli.output import printable

    text = as_json(error, session.target) if session.as_json else printable(for_people(error, session.target))
    typer.echo(text, err=True)
    return typer.Exit(exit_code(error))


def plain_console() -> "Console":
    """A console without colours, for commands that send no request."""
    return _console(no_color=True)


def _console(*, no_color: bool) -> "Console":
    from rich.console import Console

    is_plain = no_color or bool(os.environ.get("NO_COLOR"))
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(
        color_system=None if is_plain else "auto",
        width=None if has_width else _UNBOUNDED,
        highlight=False,
        markup=False,
        emoji=False,
    )
