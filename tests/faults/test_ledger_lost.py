"""A server that cannot reach its ledger: after 10 seconds it accepts no credential, and goes on once it can again.

The test takes the locks of a process that recovers the ledger's log and does not get on, and marks the log's index as
half written, as SQLite does meanwhile (sqlite.org/walformat.html). So every read of the server waits for it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
from leadline.v1 import call_log_service_pb2, contact_service_pb2
from support.access import bearer
from support.servers import leadline, server_process

FIND: Final = "/leadline.v1.ContactService/FindContact"
WATCH: Final = "/leadline.v1.CallLogService/WatchCallLogs"
LOST_SECONDS: Final = 10.0
MOST_SECONDS: Final = 14.0  # a question to the ledger waits for locks some seconds before it fails
REFUSED: Final = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}  # the second one where the question waits for the locks

_LOCKS: Final = (120, 3)  # the bytes of the locks to write, to checkpoint, and to recover
_INDEX_VERSION: Final = 0  # the first byte of the index; its header comes twice, and both must be equal


@contextmanager
def unreachable(ledger: Path) -> Iterator[None]:
    """Keep every other process from reading the ledger."""
    descriptor = os.open(ledger.with_name(f"{ledger.name}-shm"), os.O_RDWR)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX, _LOCKS[1], _LOCKS[0])
        before = os.pread(descriptor, 1, _INDEX_VERSION)
        os.pwrite(descriptor, bytes([before[0] ^ 0xFF]), _INDEX_VERSION)
        yield
    finally:
        os.close(descriptor)  # the locks end with it; the next reader repairs the index from the log


def code_of(call: Any, request: bytes, key: str) -> str:
    try:
        call(request, metadata=bearer(key), timeout=20)
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def test_without_the_ledger_no_credential_is_accepted_and_afterwards_they_are(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "platform.key"
    assert leadline("keys", "bootstrap", "--file", file, "--data-dir", data).returncode == 0
    platform = file.read_text().strip()
    with server_process(data, settings={"LEADLINE_AUTHENTICATION": "true"}) as server:
        words = ("keys", "issue", "--role", "service", "--account", "demo", "--server", server.address)
        key = leadline(*words, settings={"LEADLINE_API_KEY": platform}).stdout.strip()
        with grpc.insecure_channel(server.address) as channel:
            find: Any = channel.unary_unary(FIND)
            request = contact_service_pb2.FindContactRequest(account_id="demo", phone_numbers=["+12025550147"])
            asked = request.SerializeToString()
            assert code_of(find, asked, key) == "OK"
            stream: Any = channel.unary_stream(WATCH)
            watched = call_log_service_pb2.WatchCallLogsRequest(account_id="demo").SerializeToString()
            watch = stream(watched, metadata=bearer(key))
            next(watch)
            with unreachable(data / "ledger.db"):
                began = time.monotonic()
                while (code := code_of(find, asked, key)) == "OK":
                    assert time.monotonic() - began < MOST_SECONDS
                    time.sleep(0.05)
                closed = time.monotonic() - began
                assert code in REFUSED
                assert code_of(find, asked, platform) in REFUSED
                assert code_of(find, asked, "leadline_0123456789abcdef_" + "A" * 43) in REFUSED
                assert ended(watch) == "UNAVAILABLE"
            freed = time.monotonic()
            while (code := code_of(find, asked, key)) != "OK":
                assert code in REFUSED
                assert time.monotonic() - freed < MOST_SECONDS
                time.sleep(0.05)
            print(f"closed after {closed:.1f} s, served again after {time.monotonic() - freed:.1f} s")  # noqa: T201
            assert code_of(find, asked, "leadline_0123456789abcdef_" + "A" * 43) == "UNAUTHENTICATED"
            again = stream(watched, metadata=bearer(key))
            next(again)
            again.cancel()


def ended(watch: Any) -> str:
    try:
        for _ in watch:
            pass
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"
