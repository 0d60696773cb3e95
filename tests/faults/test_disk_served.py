"""A server whose disk is full or cannot be written: it says so, accepts nothing, and goes on by itself."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import grpc
import pytest
from leadline.v1 import call_log_service_pb2 as pb
from leadline.v1.call_log_pb2 import CallLog, CallLogState
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from leadline.v1.contact_service_pb2 import CreateContactRequest
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from support.disks import full, image, in_file, in_memory, mount, unwritable
from support.servers import ServerProcess, leadline, server_process, until
from transport.serving import read_refusal

NUMBER: Final = "+12025550147"
NOTE: Final = "x" * 16_000
DATABASES: Final = ("ledger.db",)


class Calls:
    """Reports calls from a number that has a contact, and remembers which were accepted."""

    def __init__(self, channel: Any) -> None:
        # The stubs' types speak of grpc.aio alone; what they make of a blocking channel blocks.
        self._stub: Any = CallLogServiceStub(channel)
        self._contacts: Any = ContactServiceStub(channel)
        self.accepted: list[str] = []
        self._count = 0

    def know_somebody(self) -> None:
        self._contacts.CreateContact(CreateContactRequest(account_id="demo", name="Ada", phone_number=NUMBER))

    def report(self) -> Any:
        """Report a call with a long note: None if it was accepted, else how it was refused."""
        self._count += 1
        call_id = f"call-{self._count}"
        call: Any = {"id": call_id, "direction": 1, "caller": {"phone_number": NUMBER}, "note": NOTE}
        request = pb.LogCallRequest(account_id="demo", user_id="alice", call=call)
        try:
            self._stub.LogCall(request, timeout=10)
        except grpc.RpcError as error:
            return read_refusal(cast("grpc.aio.AioRpcError", error))
        self.accepted.append(call_id)
        return None

    def report_until_refused(self) -> Any:
        while (refusal := self.report()) is None:
            assert self._count < 5_000
        return refusal

    def listed(self) -> dict[str, CallLog]:
        found, token = dict[str, CallLog](), ""
        while True:
            page = self._stub.ListCallLogs(pb.ListCallLogsRequest(account_id="demo", page_size=500, page_token=token))
            found |= {log.call.id: log for log in page.call_logs}
            if not (token := page.next_page_token):
                return found

    def have_all_arrived(self) -> bool:
        return {log.state for log in self.listed().values()} == {CallLogState.CALL_LOG_STATE_LOGGED}


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB: in memory, or with a real file system in a file."""
    if request.param == "tmpfs":
        with in_memory(tmp_path / "disk", 8) as folder:
            yield folder
    else:
        with in_file(tmp_path / "disk", image(tmp_path / "disk.img", 8)) as folder:
            yield folder


def serving(disk: Path, tmp_path: Path) -> Any:
    settings = {"LEADLINE_DATA_DIR": str(disk / "data")}
    return server_process(tmp_path / "server", settings=settings, has_data_dir=True)


def assert_sound(disk: Path) -> None:
    for name in DATABASES:
        done = subprocess.run(
            ["sqlite3", disk / "data" / name, "PRAGMA integrity_check"], capture_output=True, check=False
        )
        assert done.stdout == b"ok\n"
    assert leadline("ledger", "check", "--data-dir", disk / "data").returncode == 0


@pytest.mark.parametrize("disk", ["tmpfs", "ext4"], indirect=True)
def test_a_server_on_a_full_disk_says_so_accepts_nothing_more_and_goes_on_by_itself(disk: Path, tmp_path: Path) -> None:
    with serving(disk, tmp_path) as server, grpc.insecure_channel(server.address) as channel:
        calls = Calls(channel)
        calls.know_somebody()
        with full(disk):
            for _ in range(3):
                refusal = calls.report_until_refused()
                assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
                assert refusal.info.reason == "LEDGER_FULL"
                assert refusal.retry_seconds
            assert calls.listed().keys() == set(calls.accepted)
            assert server.is_running
        assert calls.report() is None
        until(calls.have_all_arrived)
        assert calls.listed().keys() == set(calls.accepted)
    assert_sound(disk)


@pytest.mark.parametrize("disk", ["ext4"], indirect=True)
def test_a_server_whose_files_refuse_writes_says_so_accepts_nothing_and_goes_on_by_itself(
    disk: Path, tmp_path: Path
) -> None:
    with serving(disk, tmp_path) as server, grpc.insecure_channel(server.address) as channel:
        calls = Calls(channel)
        calls.know_somebody()
        assert calls.report() is None
        with unwritable(*(disk / "data" / f"{name}{suffix}" for name in DATABASES for suffix in ("", "-wal"))):
            for _ in range(3):
                refusal = calls.report()
                assert refusal.code is grpc.StatusCode.UNAVAILABLE
                assert refusal.info.reason == "LEDGER_UNAVAILABLE"
                assert refusal.retry_seconds
            assert calls.listed().keys() == {"call-1"}
        assert calls.report() is None
        until(calls.have_all_arrived)
        assert calls.listed().keys() == set(calls.accepted)
    assert_sound(disk)


@pytest.mark.parametrize("disk", ["tmpfs"], indirect=True)
def test_a_server_whose_ledger_alone_has_no_room_accepts_nothing_more_and_goes_on_by_itself(
    disk: Path, tmp_path: Path
) -> None:
    settings = {"LEADLINE_LEDGER": str(disk / "ledger.db")}
    with (
        server_process(tmp_path / "data", settings=settings) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        calls = Calls(channel)
        calls.know_somebody()
        assert calls.report() is None
        with full(disk):
            assert calls.report_until_refused().code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert calls.report() is None
        until(calls.have_all_arrived)
        assert calls.listed().keys() == set(calls.accepted)


def test_a_server_whose_disk_fails_and_becomes_read_only_loses_nothing_that_it_had_accepted(tmp_path: Path) -> None:
    failing = image(tmp_path / "disk.img", 8)
    with in_file(tmp_path / "disk", failing) as disk, serving(disk, tmp_path) as server:
        accepted = _report_until_the_disk_fails(server, disk)
        server.kill()
    subprocess.run(["e2fsck", "-p", failing], capture_output=True, check=False)
    with in_file(tmp_path / "disk", failing) as disk:
        with serving(disk, tmp_path) as server, grpc.insecure_channel(server.address) as channel:
            calls = Calls(channel)
            until(calls.have_all_arrived)
            assert calls.listed().keys() == accepted
        assert_sound(disk)


def _report_until_the_disk_fails(server: ServerProcess, disk: Path) -> set[str]:
    """The calls accepted before and while the kernel makes the file system read-only, as it does after errors."""
    with grpc.insecure_channel(server.address) as channel:
        calls = Calls(channel)
        calls.know_somebody()
        for _ in range(20):
            assert calls.report() is None
        mount("-o", "remount,abort", disk)
        refusals = [refusal for _ in range(20) if (refusal := calls.report()) is not None]
        assert refusals
        assert {refusal.code for refusal in refusals} <= {
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        }
        assert server.is_running
        return set(calls.accepted)
