"""An account of a server, into which tests import call records."""

import json
from itertools import count
from pathlib import Path
from typing import Any, Final

import grpc
from leadline import Client
from leadline.v1 import directory_pb2, directory_service_pb2, directory_service_pb2_grpc
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.preferences_pb2 import UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER, AccountSettings, Preferences
from leadline_server.cli import app
from support.databases import rows
from support.servers import ServerProcess
from typer.testing import CliRunner, Result

USERS: Final = ("--user", "101=alice", "--user", "102=bob", "--user", "103=carol")
NEW_YORK: Final = ("--time-zone", "America/New_York")
GENERIC: Final = "id,caller_number,callee_extension,start_time,duration\nT1,2025550688,101,2026-10-05 09:10:00,60\n"
_numbers = count()


class Account:
    """An account of its own, that creates placeholders for unknown callers."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.name = f"a{next(_numbers)}"
        self.client = Client(server.address, account=self.name)
        preferences = Preferences(unknown_contact_action=UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER)
        self.settle(AccountSettings(defaults=preferences), "defaults.unknown_contact_action")

    def settle(self, settings: AccountSettings, *fields: str) -> None:
        self.client.update_account_settings(settings, update_mask=fields)

    @property
    def address(self) -> str:
        return self._server.address

    def upsert(self, user_id: str, **fields: Any) -> None:
        request = directory_service_pb2.UpsertUserRequest(
            account_id=self.name, user=directory_pb2.User(user_id=user_id, **fields)
        )
        with grpc.insecure_channel(self.address) as channel:
            stub: Any = directory_service_pb2_grpc.DirectoryServiceStub(channel)  # type: ignore[arg-type] # typed for aio
            stub.UpsertUser(request, timeout=10)

    def run(self, file: Path, *options: str) -> Result:
        """Runs the command in this process: starting one takes longer than most of these imports."""
        done = CliRunner(env={"COLUMNS": "200"}).invoke(
            app,
            ["calls", "import", str(file), "--server", self._server.address, "--account", self.name, *USERS, *options],
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def told(self, file: Path, *options: str, code: int = 0) -> dict[str, Any]:
        done = self.run(file, *options, "--json")
        assert done.exit_code == code, done.stdout + done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def refused(self, file: Path, *options: str) -> str:
        """The error text of an import that sends nothing."""
        done = self.run(file, *options)
        assert done.exit_code == 2, done.stdout + done.stderr
        assert self.logs() == []
        return " ".join(done.stderr.replace("│", " ").split())

    def logs(self) -> list[CallLog]:
        return sorted(self.client.list_call_logs(), key=lambda log: log.call.start_time.seconds)

    def journal(self) -> list[str]:
        """Start times of the call logs in the CRM."""
        ids = tuple(log.call.id for log in self.logs())
        query = "SELECT call_id, start_time FROM crm_call_logs"
        found = rows(self._server.data_dir / "ledger.db", query)
        return [str(start) for call_id, start in found if call_id in ids]

    def contacts(self) -> set[str]:
        return {number for log in self.logs() for number in log.contact.phone_numbers}


def shown(log: CallLog) -> str:
    return f"{log.call.start_time.ToDatetime():%H:%M:%S} {log.call.end_time.ToDatetime():%H:%M:%S}"
