"""The server and the account that a command works with, and commands to suggest for the same ones."""

import os
import shlex
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leadline_server.cli.contexts import Context, load_contexts

if TYPE_CHECKING:  # it would slow the start of every command
    from leadline import Tls

DEFAULT_SERVER: Final = "127.0.0.1:50051"
DEFAULT_ACCOUNT: Final = "demo"
_CONNECT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """The options for TLS; any of them turns it on.

    Attributes:
        is_on: `--tls`.
        ca, certificate, key: files; empty: none.
        name: the name in the server's certificate; empty: the address's.
    """

    is_on: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    name: str = ""

    @property
    def words(self) -> Sequence[str]:
        """The options as they are written."""
        given = {"--tls-ca": self.ca, "--tls-cert": self.certificate, "--tls-key": self.key, "--tls-name": self.name}
        words = [word for name, value in given.items() if value for word in (name, value)]
        return words or (["--tls"] if self.is_on else [])

    def __bool__(self) -> bool:
        return bool(self.words)


@dataclass(frozen=True, slots=True)
class CommandTarget:
    """Where a command sends its requests.

    Attributes:
        server: the server's address, such as `127.0.0.1:50051`.
        account: the account's id.
        timeout: seconds that a request may take.
        api_key: the credential; empty: none. It is left out of `repr`.
        tls: how it connects.
        context: the context that it comes from.
        context_name: the context's name, if an option named it.
    """

    server: str = DEFAULT_SERVER
    account: str = DEFAULT_ACCOUNT
    timeout: float = 10.0
    api_key: str = field(default="", repr=False)
    tls: TlsOptions = field(default_factory=TlsOptions)
    context: Context = field(default_factory=Context)
    context_name: str = ""

    @property
    def client_tls(self) -> "Tls | None":
        """TLS for the client; None: the connection has none. Raises ValueError for a key without its certificate."""
        from leadline import Tls

        if not self.tls:
            return None
        tls = self.tls
        return Tls(ca=tls.ca or None, certificate=tls.certificate or None, key=tls.key or None, server_name=tls.name)

    def command(self, *words: str) -> str:
        """A command for the same server and account that works as printed, such as `leadline calls show call-1`."""
        base = self.context
        context = ["--context", self.context_name] if self.context_name else []
        account = (
            []
            if self._is_default(self.account, base.account or DEFAULT_ACCOUNT, "LEADLINE_ACCOUNT")
            else [
                "--account",
                self.account,
            ]
        )
        server = (
            []
            if self._is_default(self.server, base.server or DEFAULT_SERVER, "LEADLINE_SERVER")
            else [
                "--server",
                self.server,
            ]
        )
        tls = [] if self.tls == tls_of(base) else self.tls.words
        return shlex.join([*program(), *words, *context, *account, *server, *tls])

    def is_listening(self) -> bool:
        """Whether the server's address accepts connections; True for an address that is not `host:port`."""
        host, _, port = self.server.rpartition(":")
        if not (host and port.isascii() and port.isdigit()) or "/" in host:
            return True
        try:
            with socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS):
                return True
        except (OSError, OverflowError):
            return False

    def _is_default(self, value: str, default: str, variable: str) -> bool:
        return value == default and (bool(self.context_name) or not os.environ.get(variable))


def chosen_target(
    *,
    server: str = "",
    account: str = "",
    context: str = "",
    timeout: float = 10.0,
    tls: TlsOptions | None = None,
    environment: Mapping[str, str] | None = None,
) -> CommandTarget:
    """The target of a command: its options, else the context that an option names, the environment, the context in use.

    A context is used only for its own server: its API key must not reach another one.

    Raises:
        BadContexts: there is no such context, or the contexts cannot be read.
    """
    known = os.environ if environment is None else environment
    contexts = load_contexts()
    used = contexts.get(context) if context else contexts.named.get(contexts.current, Context())
    variables = {} if context else known
    address = server or variables.get("LEADLINE_SERVER", "")
    if address and address != used.server:
        used, context = Context(), ""
    return CommandTarget(
        address or used.server or DEFAULT_SERVER,
        account or variables.get("LEADLINE_ACCOUNT", "") or used.account or DEFAULT_ACCOUNT,
        timeout,
        (used.api_key if context else "") or known.get("LEADLINE_API_KEY", "").strip() or used.api_key,
        tls or tls_of(used),
        used,
        context,
    )


def tls_of(context: Context) -> TlsOptions:
    """The options for TLS that a context stands for."""
    return TlsOptions(
        is_on=context.tls, ca=context.tls_ca, certificate=context.tls_cert, key=context.tls_key, name=context.tls_name
    )


def program() -> Sequence[str]:
    """The words that start leadline from the same shell: `leadline` if PATH has it, else as `.venv/bin/leadline`."""
    called = Path(sys.argv[0])
    if called.parts[-3:] == ("leadline_server", "cli", "__main__.py"):
        return [sys.executable, "-m", "leadline_server.cli"]
    found = shutil.which("leadline")
    if called.stem != "leadline" or (found and called.exists() and called.samefile(found)):
        return ["leadline"]
    return [sys.argv[0]]
