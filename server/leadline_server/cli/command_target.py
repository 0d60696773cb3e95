"""The server and the account that a command works with, and commands to suggest for the same ones."""

import os
import shlex
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_SERVER: Final = "127.0.0.1:50051"
DEFAULT_ACCOUNT: Final = "demo"
_CONNECT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class CommandTarget:
    """Where a command sends its requests.

    Attributes:
        server: the server's address, such as `127.0.0.1:50051`.
        account: the account's id.
        timeout: seconds that a request may take.
    """

    server: str = DEFAULT_SERVER
    account: str = DEFAULT_ACCOUNT
    timeout: float = 10.0

    def command(self, *words: str) -> str:
        """A command for the same server and account that works as printed, such as `leadline calls show call-1`."""
        account = [] if _is_default(self.account, DEFAULT_ACCOUNT, "LEADLINE_ACCOUNT") else ["--account", self.account]
        server = [] if _is_default(self.server, DEFAULT_SERVER, "LEADLINE_SERVER") else ["--server", self.server]
        return shlex.join([*program(), *words, *account, *server])

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


def _is_default(value: str, default: str, variable: str) -> bool:
    return value == default and not os.environ.get(variable)


def program() -> Sequence[str]:
    """The words that start leadline from the same shell: `leadline` if PATH has it, else as `.venv/bin/leadline`."""
    called = Path(sys.argv[0])
    if called.parts[-3:] == ("leadline_server", "cli", "__main__.py"):
        return [sys.executable, "-m", "leadline_server.cli"]
    found = shutil.which("leadline")
    if called.stem != "leadline" or (found and called.exists() and called.samefile(found)):
        return ["leadline"]
    return [sys.argv[0]]
