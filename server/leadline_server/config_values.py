"""The checks of single settings, and what they are called."""

import os
import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator

from leadline_server.domain.loopback import is_loopback
from leadline_server.domain.numbers.phone_number import is_region

ID_LENGTH: Final = 128


def check_address(value: str) -> str:
    """Check `host:port`."""
    _, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - the largest port
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:50051")
    return value


def check_region(value: str) -> str:
    """Check a region (ISO 3166-1)."""
    if not is_region(value):
        raise ValueError("must be an ISO 3166-1 code of two letters, such as US")
    return value


def check_time_zone(value: str) -> str:
    """Check a name of the IANA time zone database."""
    if value not in available_timezones():
        raise ValueError("must be an IANA time zone, such as Europe/Berlin")
    return value


def check_account_id(value: str) -> str:
    """Check an account's id."""
    if not 1 <= len(value) <= ID_LENGTH or not value.isprintable():
        raise ValueError(f"an account's id has 1 to {ID_LENGTH} characters, and no control characters")
    return value


def user_folder() -> Path:
    """The folder for a user's configuration (XDG Base Directory Specification), or the system's without a home."""
    try:
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "leadline"
    except RuntimeError:
        return Path("/etc/leadline")


Address = Annotated[str, AfterValidator(check_address)]


def check_optional_address(value: str) -> str:
    """Check `host:port`, or nothing."""
    return check_address(value) if value else value


def check_url(value: str) -> str:
    """Check the public address; it has no path."""
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.netloc and parts.path in ("", "/")):
        raise ValueError(
            "must be the scheme and host at which others reach leadline, such as https://calls.example.com"
        )
    return value.rstrip("/")


_is_origin: Final = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", re.ASCII).fullmatch


def check_origins(value: str) -> str:
    """Check exact origins (RFC 6454), as a browser writes them.

    Plain HTTP is for this machine alone: elsewhere others could change such a page on its way.
    """
    for origin in split_origins(value):
        found = _is_origin(origin)
        if found is None:
            raise ValueError("must be origins such as https://crm.example, in lower case, without a path and without *")
        if found[1] == "http" and not is_loopback(found[2].strip("[]")):
            raise ValueError(f"{origin} must begin with https://, unless it is of this machine")
        if found[3] == {"http": ":80", "https": ":443"}[found[1]]:
            raise ValueError(f"{origin} must not name the default port: browsers leave it out")
    return value


def split_origins(value: str) -> tuple[str, ...]:
    """The origins in the setting `embed_origins`."""
    return tuple(filter(None, map(str.strip, value.split(","))))


def check_proxy(value: str) -> str:
    """Check the address of a proxy."""
    parts = urlsplit(value)
    if value and not (parts.scheme == "http" and parts.hostname and parts.path in ("", "/")):
        raise ValueError("must be an address such as http://proxy.example:3128")
    return value.rstrip("/")


def check_endpoint(value: str) -> str:
    """Check the address that traces are sent to."""
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")):
        raise ValueError("must be http://HOST:PORT, or https://HOST:PORT for TLS")
    return value


def check_grpc_tls_version(value: str) -> str:
    """Check gRPC's minimum version of TLS."""
    if value != "1.2":
        raise ValueError("must be 1.2: gRPC takes 1.2 and 1.3, and that cannot be raised; put a proxy before it")
    return value


def check_ledger(value: str) -> str:
    """Check where the ledger is: a path, or the URL of a PostgreSQL database."""
    if not is_postgres(value) and "://" in value:
        raise ValueError("must be a path, sqlite:PATH, or postgresql://USER@HOST:PORT/DATABASE")
    return check_postgres(value) if is_postgres(value) else value


def is_postgres(ledger: str) -> bool:
    """Whether the setting `ledger` is the URL of a PostgreSQL database."""
    return ledger.startswith(("postgresql:", "postgres:"))


def check_postgres(value: str) -> str:
    """Check the URL of a PostgreSQL database; the message does not repeat it, since it may have a password."""
    try:
        parts = urlsplit(value)
        is_usable = is_postgres(value) and parts.path.strip("/") and (parts.hostname or parts.query)
    except ValueError:
        is_usable = False
    if value and not is_usable:
        raise ValueError("must be postgresql://USER@HOST:PORT/DATABASE")
    return value


class LedgerInPostgres(Exception):
    """Something works on a ledger's file, and the ledger is in PostgreSQL. The message is for people."""

    def __init__(self) -> None:
        super().__init__(
            "This works on a ledger in a file, and the setting ledger names a PostgreSQL database."
            " docs/scaling.md says what to use instead."
        )
