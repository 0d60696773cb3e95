"""Where a PostgreSQL database is, and how to connect to it. All of it comes from settings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from leadline_server.domain.ledger_errors import LedgerUnavailable

_LOCAL: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_MOST_PASSWORD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAddress:
    """One database, and the bounds of its use.

    Attributes:
        url: such as `postgresql://leadline@db.example/leadline?sslmode=verify-full`. It may have a password.
        direct: the address past a transaction pooler that `url` is of, such as PgBouncer; empty: `url` is no pooler's.
        password_file: a file with the password, read for each connection, so that it can be changed; None: none.
        connections: the most connections of one process, beside the one that listens.
        statement_seconds: how long one statement may take.
    """

    url: str = field(repr=False)
    direct: str = field(default="", repr=False)
    password_file: Path | None = None
    connections: int = 10
    statement_seconds: float = 10.0

    @property
    def is_pooled(self) -> bool:
        """Whether `url` is that of a transaction pooler: nothing of a session outlasts a transaction there."""
        return bool(self.direct)

    def password(self) -> str | None:
        """The password in the file; None if there is none. Raises LedgerUnavailable."""
        if self.password_file is None:
            return None
        try:
            with self.password_file.open(encoding="utf-8") as file:
                return file.read(_MOST_PASSWORD_BYTES).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerUnavailable(
                f"{self.password_file} cannot be read ({type(error).__name__}). It is the setting ledger_password_file."
            ) from error


def secured(url: str) -> str:
    """The URL with `sslmode=verify-full`, unless it says an sslmode, or its host is this machine.

    libpq's own default, `prefer`, sends the password to any server that answers without TLS.
    """
    parts = urlsplit(url)
    given = parse_qs(parts.query, keep_blank_values=True)
    hosts = given.get("host") or parts.netloc.rpartition("@")[2].split(",")
    if "sslmode" in given or all(_is_local(host) for host in hosts):
        return url
    query = f"{parts.query}&sslmode=verify-full" if parts.query else "sslmode=verify-full"
    return urlunsplit(parts._replace(query=query))


def each_host(url: str) -> list[str]:
    """A URL for each host that a URL names, in order.

    Example: the second of `postgresql://leadline@one,two:5433/leadline` is `postgresql://leadline@two:5433/leadline`.
    """
    parts = urlsplit(url)
    user, at, names = parts.netloc.rpartition("@")
    if names:
        return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in names.split(",")]
    given = parse_qsl(parts.query, keep_blank_values=True)
    hosts, ports = (dict(given).get(name, "").split(",") for name in ("host", "port"))
    if len(hosts) == 1:
        return [url]
    others = [(name, value) for name, value in given if name not in {"host", "port"}]
    pairs = zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=False)
    places = ([*others, ("host", host), *([("port", port)] if port else [])] for host, port in pairs)
    return [f"{url.partition('?')[0]}?{urlencode(place, safe='/')}" for place in places]


def shown(url: str) -> str:
    """The URL without its password, for messages and logs."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    given = parse_qsl(parts.query)
    query = urlencode([(key, "***" if "password" in key else value) for key, value in given], safe="/")
    netloc = f"{user.partition(':')[0]}@{host}" if user else host
    return urlunsplit(parts._replace(netloc=netloc, query=query))


def _is_local(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name in _LOCAL or host.startswith("/")
