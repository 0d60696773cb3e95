"""Requests over HTTP of commands that otherwise speak gRPC."""

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from leadline_server.cli.exit_codes import ExitCode, fail

if TYPE_CHECKING:
    from leadline_server.cli.command_target import CommandTarget, TlsOptions


def post(url: str, path: str, body: bytes, headers: Mapping[str, str], target: "CommandTarget") -> tuple[int, bytes]:
    """Send a request. Returns the status and the body of the answer. Ends the command if no answer comes.

    Args:
        url: the server's address, such as `http://127.0.0.1:8650`.
        path: the path on it.
        body: the body.
        headers: the headers.
        target: has the time that the request may take, and the files for TLS.
    """
    if not url.startswith(("http://", "https://")):
        fail([f"{url} is not an http or https address"])
    request = Request(url.rstrip("/") + path, body, dict(headers))  # noqa: S310 - the address is http or https
    context = _context(target.tls) if url.startswith("https://") else None
    try:
        with urlopen(request, timeout=target.timeout, context=context) as answer:  # noqa: S310 - as above
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
    except (URLError, TimeoutError) as error:
        fail([f"no server at {url} ({getattr(error, 'reason', error)})"], ExitCode.CANNOT_TELL)


def _context(tls: "TlsOptions") -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key or None)
    except OSError as error:
        fail([f"TLS: {error}"])
    return context
