"""Real SIP: Kamailio with the example's configuration, and sipp as callers and phones. All on loopback."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from support.servers import ServerProcess, until
from support.sip_scenarios import caller_scenario, phones_scenario

ROOT: Final = Path(__file__).resolve().parents[2]
CONFIGURATION: Final = ROOT / "examples" / "kamailio" / "kamailio.cfg"
PROVIDER: Final = "127.0.0.1"
STRANGER: Final = "127.0.0.2"
"""An address that is not the provider's."""

_CALL_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Caller:
    """One call to place.

    Attributes:
        number: of the caller; the user of From.
        extension: that is called.
        name: the caller-ID name.
    """

    number: str
    extension: str
    name: str = ""

    def row(self) -> str:
        return ";".join((self.number, self.extension, f'"{self.name}"' if self.name else ""))


@dataclass
class PlacedCall:
    """A call as sipp placed it, by its own clock, in seconds since 1970.

    Attributes:
        sent: when each request was sent first, by its method.
        received: when each final answer to the INVITE came first, by its code.
    """

    call_id: str
    sent: dict[str, float] = field(default_factory=dict)
    received: dict[str, float] = field(default_factory=dict)

    @property
    def start(self) -> float:
        return self.sent["INVITE"]

    @property
    def end(self) -> float:
        """When it hung up, or was told that there is no call."""
        return self.sent.get("BYE") or max(self.received.values())


@dataclass
class Kamailio:
    """A Kamailio with the phones behind it."""

    port: int
    folder: Path

    def place(
        self,
        kind: str,
        then: str,
        callers: Sequence[Caller],
        rate: float,
        *,
        headers: Sequence[str] = (),
        address: str = PROVIDER,
    ) -> "Placing":
        """Begin to place calls.

        Args:
            kind: names the files, and begins the Call-IDs.
            then: `200`: it talks and hangs up; `cancel`: it gives up; else the code that refuses it.
            callers: one for each call.
            rate: calls a second.
            headers: further ones of the INVITE; `[field0]` stands for the caller's number.
            address: from which it calls.
        """
        scenario, rows, trace = (self.folder / f"{kind}.{suffix}" for suffix in ("xml", "csv", "trace"))
        scenario.write_text(caller_scenario(then, headers))
        rows.write_text("\n".join(["SEQUENTIAL", *(caller.row() for caller in callers)]) + "\n")
        command = ["sipp", f"127.0.0.1:{self.port}", "-i", address, "-p", str(free_port(address))]
        command += ["-sf", scenario.name, "-inf", rows.name, "-m", str(len(callers)), "-cid_str", f"{kind}-%u-%p@sipp"]
        command += ["-r", str(round(rate * 60)), "-rp", "60000", "-nostdin", "-timeout", str(int(_CALL_SECONDS))]
        command += ["-trace_shortmsg", "-shortmessage_file", trace.name, "-trace_err", "-error_file", f"{kind}.errors"]
        process = _start(command, self.folder, f"{kind}.out")
        return Placing(process, trace)


@dataclass
class Placing:
    """A sipp that places calls."""

    process: subprocess.Popen[bytes]
    trace: Path

    def done(self) -> dict[str, PlacedCall]:
        """The calls, once all are over. Fails if one did not go as it should."""
        assert self.process.wait(_CALL_SECONDS) == 0, f"see {self.trace.with_suffix('.errors')}"
        return read_trace(self.trace)


def read_trace(path: Path) -> dict[str, PlacedCall]:
    """The calls of sipp's short message log: date, time, seconds, S or R, Call-ID, CSeq, first line."""
    calls: dict[str, PlacedCall] = {}
    for line in path.read_text().splitlines():
        cells = line.split("\t")
        date, clock, _, way, call_id, cseq, first = (*cells[:6], cells[-1])
        at = datetime.fromisoformat(f"{date} {clock}").timestamp()
        call = calls.setdefault(call_id, PlacedCall(call_id))
        if way == "S":
            call.sent.setdefault(first.split()[0], at)
        elif cseq.endswith("INVITE") and first.split()[1] >= "200":
            call.received.setdefault(first.split()[1], at)
    return calls


@contextmanager
def kamailio(
    server: ServerProcess,
    folder: Path,
    secret: str,
    options: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    ring_seconds: float = 2.0,
) -> Iterator[Kamailio]:
    """Kamailio by the example's configuration, and the phones that it rings.

    Args:
        server: that it reports to.
        folder: for files.
        secret: of its webhooks.
        options: further texts that the configuration takes, by name.
        environment: further variables of its process.
        ring_seconds: how long a phone may ring.
    """
    for program in ("kamailio", "sipp"):
        assert shutil.which(program), "These tests need SIP programs. On Debian: .ci/system-packages.txt"
    phones, port = free_port(PROVIDER), free_port(PROVIDER)
    (folder / "phones.xml").write_text(phones_scenario())
    command = ["sipp", "-i", PROVIDER, "-p", str(phones), "-sf", "phones.xml", "-nostdin", "-trace_err"]
    defined = {
        "LEADLINE_URL": f'"http://{server.http_address}/ingress/kamailio/demo"',
        "LEADLINE_SECRET": f'"{secret}"',
        "PROVIDER": f'"{PROVIDER}"',
        "PHONES": f'"sip:{PROVIDER}:{phones}"',
        "RING_MILLISECONDS": str(round(ring_seconds * 1000)),
        **{name: f'"{text}"' for name, text in (options or {}).items()},
    }
    with (
        _running([*command, "-error_file", "phones.errors"], folder, "phones.out"),
        _running(_kamailio_command(port, folder, defined), folder, "kamailio.out", environment),
    ):
        until(lambda: _answers(port))
        yield Kamailio(port, folder)


def _kamailio_command(port: int, folder: Path, defined: Mapping[str, str]) -> list[str]:
    command = ["kamailio", "-DD", "-E", "-f", str(CONFIGURATION), "-l", f"udp:127.0.0.1:{port}", "-m", "32", "-M", "8"]
    command += ["-P", str(folder / "kamailio.pid"), "-Y", str(folder)]
    return command + [part for name, value in defined.items() for part in ("-A", f"{name}={value}")]


def _answers(port: int) -> bool:
    """Whether Kamailio answers a request that it does not take."""
    message = (
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK-up\r\n"
        "From: <sip:test@127.0.0.1>;tag=1\r\nTo: <sip:test@127.0.0.1>\r\nCall-ID: up\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.sendto(message.encode(), ("127.0.0.1", port))
        try:
            return b"SIP/2.0 405" in asking.recv(4096)
        except OSError:
            return False


def free_port(address: str) -> int:
    """A free UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind((address, 0))
        return int(found.getsockname()[1])


def _start(
    command: list[str], folder: Path, output: str, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    variables = {**os.environ, **(environment or {})}
    with (folder / output).open("wb") as said:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=variables)


@contextmanager
def _running(
    command: list[str], folder: Path, output: str, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """A process until the body ends."""
    process = _start(command, folder, output, environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
