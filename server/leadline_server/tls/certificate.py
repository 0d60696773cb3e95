"""The certificate in force. When its files change, new connections get the new one, without a restart.

If the new files cannot be used, the old certificate stays in force. That is counted, and logged once for each change.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from leadline_server.tls.material import BadCertificate, TlsFiles, TlsMaterial, load_material, server_context

_LOOK_SECONDS: Final = 5.0
"""How often the files are looked at without a connection that asks."""

_State = Sequence[tuple[int, int, int] | None]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class InForce:
    """A certificate in force.

    Attributes:
        material: the files' contents.
        context: for connections that Python's `ssl` serves: HTTP and metrics.
        client_generation: grows when the CAs of clients change.
    """

    material: TlsMaterial
    context: ssl.SSLContext
    client_generation: int = 0


class ServedCertificate:
    """The certificate of the server's ports, and the CAs of clients.

    gRPC asks for it in threads of its own, so reading the files again is guarded by a lock.

    Args:
        files: where it is.
        minimum: the lowest version of TLS for HTTP and metrics: `1.2` or `1.3`.
        needs_certificate: whether clients of HTTP and metrics need a certificate, if the files name CAs of clients.

    Attributes:
        reloads: how often the files were read again.
        failures: how often they could not be used.
        problem: why the files cannot be used now; empty if they can.

    Raises:
        BadCertificate: the files cannot be used.
    """

    def __init__(self, files: TlsFiles, *, minimum: str = "1.2", needs_certificate: bool = True) -> None:
        self.files = files
        self.reloads = 0
        self.failures = 0
        self.problem = ""
        self._minimum = minimum
        self._needs_certificate = needs_certificate
        self._lock = Lock()
        self._state = _state(files.paths)
        self._current = self._load(0)

    def current(self) -> InForce:
        """The certificate for a new connection. Looking whether the files changed takes a few microseconds."""
        state = _state(self.files.paths)
        if state != self._state:
            with self._lock:
                if state != self._state:
                    self._reload(state)
        return self._current

    async def watch(self) -> None:
        """Look at the files until cancelled, so that a problem is known before the next connection."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.current()

    def _reload(self, state: _State) -> None:
        before = self._current
        try:
            found = self._load(before.client_generation)
            if found.material.is_expired() and not before.material.is_expired():
                raise BadCertificate(f"{self.files.certificate} has expired")  # noqa: TRY301 - counted as the others
            if _state(self.files.paths) != state:
                return  # written while they were read; the next connection reads them again
        except BadCertificate as error:
            self.failures += 1
            self.problem = str(error)
            _log.warning("certificate not reloaded", detail=self.problem, serving="the certificate of before")
        else:
            self._current, self.problem = found, ""
            self.reloads += 1
            _log.info("certificate reloaded", expires=found.material.expire_time.isoformat())
        self._state = state

    def _load(self, generation: int) -> InForce:
        material = load_material(self.files)
        context = server_context(self.files, minimum=self._minimum, needs_certificate=self._needs_certificate)
        before = getattr(self, "_current", None)
        is_new = before is not None and before.material.client_ca != material.client_ca
        return InForce(material, context, generation + is_new)


def _state(paths: Sequence[Path]) -> _State:
    """What tells whether the files changed."""
    return [_stat(path) for path in paths]


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
