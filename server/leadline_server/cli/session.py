"""What every command that asks a server has in common: its options, the client, its ways to fail."""

import functools
import inspect
import io
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, Final, ParamSpec

import typer

if TYPE_CHECKING:  # gRPC and rich would slow the start of every command
    from leadline import Client, LeadlineError
    from rich.console import Console

_Params = ParamSpec("_Params")

DEFAULT_SERVER: Final = "127.0.0.1:50051"
DEFAULT_ACCOUNT: Final = "demo"
_INTERRUPTED: Final = 130  # as shells have it: 128 and the number of SIGINT
_UNBOUNDED: Final = 10_000  # columns, where no terminal has to show them

User = Annotated[str, typer.Option("--user", metavar="USER", help="The user who asks.")]


@dataclass(frozen=True, slots=True)
class Session:
    """One command's way to the server and to who reads.

    Attributes:
        client: for the account, and no user.
        server: address of the server.
        account: the account's id.
        timeout: seconds that a request may take.
        as_json: whether programs read, and not people.
        console: where it is told.
    """

    client: "Client"
    server: str
    account: str
    timeout: float
    as_json: bool
    console: "Console"

    def say(self, text: str = "", style: str | None = None) -> None:
        """A line for people, as long as it is: what it names can be copied."""
        from rich.text import Text

        from leadline_server.cli.output import printable

        self.console.print(Text(printable(text), style or ""), soft_wrap=True)

    def hint(self, text: str, *words: str) -> None:
        """What to do next, and the command that does it."""
        self.say(f"{text}: {self.command(*words)}" if words else text, "dim")

    def note(self, text: str) -> None:
        """A remark that is no part of the answer, on standard error."""
        typer.echo(text, err=True)

    def command(self, *words: str) -> str:
        """A command line for the same server and account."""
        account = [] if self.account == DEFAULT_ACCOUNT else ["--account", self.account]
        server = [] if self.server == DEFAULT_SERVER else ["--server", self.server]
        return shlex.join(["leadline", *words, *account, *server])


def _shared(
    server: Annotated[str, typer.Option(metavar="HOST:PORT", help="Address of the leadline server.")] = DEFAULT_SERVER,
    account: Annotated[str, typer.Option(metavar="ID", help="The account.")] = DEFAULT_ACCOUNT,
    timeout: Annotated[
        float, typer.Option(min=0.01, max=3600, metavar="SECONDS", help="How long a request may take.")
    ] = 10.0,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours, as with NO_COLOR in the environment.")
    ] = False,
) -> None:
    """The options that all of these commands have."""


def remote(command: Callable[Concatenate[Session, _Params], None]) -> Callable[..., None]:
    """A command that asks a server: with the shared options, and every failure told in a sentence."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    shared = list(inspect.signature(_shared).parameters.values())
    names = [parameter.name for parameter in shared]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        options = {name: given.pop(name) for name in names}
        _run(functools.partial(command, **given), **options)

    parameters = [parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in (*own, *shared)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # where typer reads the options
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _run(
    command: Callable[[Session], None], *, server: str, account: str, timeout: float, as_json: bool, no_color: bool
) -> None:
    from leadline import Client, LeadlineError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that the terminal cannot show is no reason to fail
    with Client(server, account=account, timeout=timeout) as client:
        session = Session(client, server, account, timeout, as_json, _console(no_color=no_color))
        try:
            command(session)
        except LeadlineError as error:
            raise _exit(error, session) from None
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        except UnicodeError:
            raise typer.BadParameter("what was typed is no valid UTF-8") from None
        except (TypeError, ValueError, LookupError, AttributeError, AssertionError, ArithmeticError) as error:
            typer.echo(f"leadline: A bug in this command: {type(error).__name__}: {error}. Please report it.", err=True)
            raise typer.Exit(1) from None


def _exit(error: "LeadlineError", session: Session) -> typer.Exit:
    from leadline_server.cli import error_messages
    from leadline_server.cli.output import printable

    text = failures.as_json(error, session) if session.as_json else printable(failures.told(error, session))
    typer.echo(text, err=True)
    return typer.Exit(failures.exit_code(error))


def plain_console() -> "Console":
    """A console for commands that ask no server: without colours."""
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
