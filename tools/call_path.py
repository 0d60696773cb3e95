"""Print the files and the hops of one matched LogCall and one FindContact.

It starts the server in this process, with the embedded CRM, and calls it over a socket. A file of the server counts if
a Python function of it runs. A hop is a change of folder between caller and callee: `delivery/worker.py` calls
`domain/leases.py`, say. A coroutine that goes on after it has waited counts as called again by the one that awaits it.

    python tools/call_path.py           # the figures
    python tools/call_path.py --list    # and every call, in order
"""

import asyncio
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import grpc
import leadline_server
from leadline.v1 import call_log_service_pb2 as calls_pb
from leadline.v1 import call_pb2
from leadline.v1 import contact_service_pb2 as contacts_pb
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.app import open_app
from leadline_server.config import Settings
from leadline_server.transport.server import Server
from prometheus_client import CollectorRegistry

ROOT: Final = f"{Path(leadline_server.__file__).parent}/"
ACCOUNT: Final = "demo"
USER: Final = "alice"
NUMBER: Final = "+14155550123"

_WARM_UP: Final = 3  # calls before the one that counts, so that caches are filled
_MEASUREMENTS: Final = 8  # for longer than work stays away from a slow disk, and takes other steps meanwhile
_REST_SECONDS: Final = 0.2  # for what the calls before have left to do


class PathCall(NamedTuple):
    """One call of a function: its file, its name, and its caller's file; empty if the caller is not of the server."""

    file: str
    function: str
    caller: str

    @property
    def is_hop(self) -> bool:
        """Whether the call goes from one folder to another."""
        return bool(self.caller) and folder(self.caller) != folder(self.file)


@dataclass
class CallPath:
    """The calls of one RPC, in order."""

    calls: list[PathCall] = field(default_factory=list)

    @property
    def files(self) -> Sequence[str]:
        """The files that a function runs of."""
        return sorted({call.file for call in self.calls})

    @property
    def hops(self) -> int:
        """How many calls go from one folder to another."""
        return sum(call.is_hop for call in self.calls)

    def count(self, function: str) -> int:
        """How many calls there are of a function, by its qualified name."""
        return sum(call.function == function for call in self.calls)


class Recorder:
    """Records the calls of the server's functions in every thread, while `recording` is open."""

    def __init__(self) -> None:
        self._path: CallPath | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """See the calls of this thread, and of those that start in the body."""
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    @contextmanager
    def recording(self) -> Iterator[CallPath]:
        """Record the calls of the body."""
        self._path = CallPath()
        try:
            yield self._path
        finally:
            self._path = None

    def _see(self, frame: FrameType, event: str, _: object) -> None:
        if self._path is None or event != "call":
            return
        file = frame.f_code.co_filename
        if file.startswith(ROOT):
            caller = frame.f_back.f_code.co_filename if frame.f_back else ""
            self._path.calls.append(
                PathCall(
                    _relative(file), frame.f_code.co_qualname, _relative(caller) if caller.startswith(ROOT) else ""
                )
            )


async def paths() -> dict[str, CallPath]:
    """The paths of one matched LogCall and one FindContact, by the name of the RPC."""
    recorder, registry = Recorder(), CollectorRegistry()
    with tempfile.TemporaryDirectory() as data_dir, recorder.installed():
        async with open_app(Settings(data_dir=Path(data_dir)), registry=registry) as app:
            server = Server(app.commands, registry)
            port = server.bind("127.0.0.1:0")
            await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                found = await _recorded(recorder, channel)
            await server.drain(0.1)
    return found


async def _recorded(recorder: Recorder, channel: grpc.aio.Channel) -> dict[str, CallPath]:
    contacts, calls = ContactServiceStub(channel), CallLogServiceStub(channel)
    creation = contacts_pb.CreateContactRequest(account_id=ACCOUNT, user_id=USER, name="Ann", phone_number=NUMBER)
    await contacts.CreateContact(creation)

    def log_call(call_id: str) -> Awaitable[Any]:
        party, callee = call_pb2.Party(phone_number=NUMBER), call_pb2.Party(extension="101", user_id=USER)
        call = call_pb2.Call(id=call_id, direction=call_pb2.CALL_DIRECTION_INBOUND, caller=party, callee=callee)
        return calls.LogCall(calls_pb.LogCallRequest(account_id=ACCOUNT, user_id=USER, call=call))

    def find_contact(_: str) -> Awaitable[Any]:
        request = contacts_pb.FindContactRequest(account_id=ACCOUNT, user_id=USER, phone_numbers=[NUMBER])
        return contacts.FindContact(request)

    return {
        "LogCall": await _path(recorder, log_call),
        "FindContact": await _path(recorder, find_contact),
    }


async def _path(recorder: Recorder, rpc: Callable[[str], Awaitable[Any]]) -> CallPath:
    for number in range(_WARM_UP):
        await rpc(f"warm-up-{number}")
    measured = []
    for number in range(_MEASUREMENTS):
        await asyncio.sleep(_REST_SECONDS)
        with recorder.recording() as path:
            await rpc(f"measured-{number}")
        measured.append(path)
    # Another task of the server may run within a request, and a slow disk leads to more steps. Neither is of its path.
    return min(measured, key=lambda path: len(path.calls))


def folder(file: str) -> str:
    """The folder of a file."""
    return file.rpartition("/")[0]


def _relative(file: str) -> str:
    return file.removeprefix(ROOT)


def main(arguments: Sequence[str]) -> int:
    """Print the figures."""
    for rpc, path in asyncio.run(paths()).items():
        print(f"{rpc}: {len(path.files)} files, {path.hops} hops, {len(path.calls)} calls of functions")
        if "--list" in arguments:
            for call in path.calls:
                print(f"  {'>' if call.is_hop else ' '} {call.file}: {call.function}  <- {call.caller or 'outside'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
