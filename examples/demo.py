# ruff: noqa: INP001 a script, not a package
"""Replay two weeks of a small company's calls through a server, and show the state and the reason of each call.

Run it as `.venv/bin/python examples/demo.py [DATA_DIRECTORY] [--json]`. A directory that you name keeps the data.
Otherwise the data is in a temporary directory, which is removed at the end. The server listens on free loopback ports.
"""

import argparse
import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc
from leadline.v1 import preferences_pb2, preferences_service_pb2, preferences_service_pb2_grpc
from leadline_server.cli.calls_import_report import show_summary
from leadline_server.domain.call import Call, CallDirection
from leadline_server.replay.files import RecordFile
from leadline_server.replay.grouping import group
from leadline_server.replay.replayer import Item, Outcome, Replayer
from leadline_server.replay.rules import Rules
from leadline_server.replay.summary import Summary, reason_name, state_name
from rich.console import Console
from rich.markup import escape
from rich.table import Table

HERE = Path(__file__).parent
PROGRAM = str(Path(sys.executable).with_name("leadline"))
ACCOUNT = "demo"
USERS = {"101": "alice", "102": "bob", "103": "carol"}
ZONE = ZoneInfo("America/New_York")
ACTIONS = {
    "alice": preferences_pb2.UNKNOWN_CONTACT_ACTION_DO_NOTHING,
    "bob": preferences_pb2.UNKNOWN_CONTACT_ACTION_CREATE_PLACEHOLDER,
}
TITLES = {
    "alice": "unknown callers: do nothing",
    "bob": "unknown callers: create a placeholder",
    "carol": "the account's defaults",
}
START_SECONDS = 30.0
STOP_SECONDS = 20.0


@dataclass
class Report:
    """The outcomes of the replay, and their summary."""

    summary: Summary = field(default_factory=Summary)
    outcomes: list[Outcome] = field(default_factory=list)

    def note(self, item: Item) -> None:
        """Count an item, and keep it if it is an outcome."""
        self.summary.add(item)
        if isinstance(item, Outcome):
            self.outcomes.append(item)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each call, for programs, in the order in which the calls ended."""
        return [row(outcome) for outcome in self.outcomes]


def row(outcome: Outcome) -> dict[str, Any]:
    """The outcome of one call, for programs."""
    call, log = outcome.replayed.call, outcome.call_log
    found = {
        "call_id": call.id,
        "lines": list(outcome.replayed.lines),
        "user": outcome.replayed.user_id,
        "start_time": (call.start_time or datetime.min.replace(tzinfo=UTC)).isoformat(),
        "direction": call.direction.name if call.direction else "",
        "result": call.result.name if call.result else "",
        "number": call.counterpart(outcome.replayed.user_id).address,
        "error": outcome.error,
    }
    if log is not None:
        found |= {"state": state_name(log.state), "reason": reason_name(log.reason), "explanation": log.explanation}
        found |= {"contact": log.contact.name, "contact_id": log.contact.id, "crm_log_id": log.crm_log_id}
    return found


def import_contacts(data_dir: Path) -> None:
    """Import both contact files into the embedded CRM."""
    for name in ("contacts.vcf", "contacts.csv"):
        command = [PROGRAM, "contacts", "import", str(HERE / name)]
        command += ["--account", ACCOUNT, "--data-dir", str(data_dir)]
        done = subprocess.run(command, env=environment(data_dir), capture_output=True, text=True, check=False)  # noqa: S603 our own program
        if done.returncode:
            sys.exit(f"importing {name} failed:\n{done.stdout}{done.stderr}")


def environment(data_dir: Path) -> dict[str, str]:
    """The environment of the demo's server, without the settings of a real installation."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEADLINE_")}
    return inherited | {
        "LEADLINE_DATA_DIR": str(data_dir),
        "LEADLINE_LISTEN": "127.0.0.1:0",
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": "",
    }


@asynccontextmanager
async def serving(data_dir: Path) -> AsyncIterator[str]:
    """Run a server on a free port; yields its address."""
    log = await asyncio.to_thread((data_dir / "server.log").open, "ab")
    with log:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "serve",
            env=environment(data_dir), stdin=DEVNULL, stdout=PIPE, stderr=log,
        )  # fmt: skip
    try:
        yield await asyncio.wait_for(address_of(process, data_dir / "server.log"), START_SECONDS)
    finally:
        await stop(process)


async def address_of(process: Process, log: Path) -> str:
    """The address that the server prints when it is ready. If it ends instead, the demo ends with the last lines."""
    if process.stdout is not None:
        async for line in process.stdout:
            if match := re.search(r"127\.0\.0\.1:\d+", line.decode(errors="replace")):
                return match[0]
    last = await asyncio.to_thread(log.read_text, errors="replace")
    sys.exit(f"the server did not start ({await process.wait()}):\n{last[-2_000:]}")


async def stop(process: Process) -> None:
    """Stop the server and wait for its end."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def replay(data_dir: Path, records: Path) -> Report:
    """Set the users' preferences, and replay the calls one after the other.

    In this order every run has the same result: an unknown number is new at its first call, and known at its second.
    """
    report = Report()
    rules = Rules(time_zone=ZONE, users=USERS)
    async with serving(data_dir) as address, grpc.aio.insecure_channel(address) as channel:
        preferences = preferences_service_pb2_grpc.PreferencesServiceStub(channel)
        for user, action in ACTIONS.items():
            wanted = preferences_pb2.Preferences(unknown_contact_action=action)
            request = preferences_service_pb2.UpdatePreferencesRequest(
                account_id=ACCOUNT, user_id=user, preferences=wanted
            )
            await preferences.UpdatePreferences(request, timeout=10)
        with records.open("rb") as stream:
            calls = group(RecordFile(stream).rows(rules), rules.default_user)
            await Replayer(channel, ACCOUNT, concurrency=1).run(calls, report.note)
    return report


def show(report: Report, data_dir: Path | None, console: Console) -> None:
    """Print the report for people. `data_dir` is None if the data will be removed."""
    for user in USERS.values():
        console.print(calls_of(user, report))
    show_summary(report.summary, ACCOUNT, console)
    console.print(placeholders(report))
    for line in next_steps(data_dir):
        console.print(line, soft_wrap=True, highlight=False)


def next_steps(data_dir: Path | None) -> list[str]:
    """Commands that show more of the data."""
    if data_dir is None:
        python = escape(shlex.quote(os.path.relpath(sys.executable)))
        return ["\nThe data of this run was removed. To keep it:", f"  {python} examples/demo.py DIRECTORY"]
    folder, program = escape(shlex.quote(str(data_dir))), escape(shlex.quote(os.path.relpath(PROGRAM)))
    return [
        f"\nThe company's data is in {folder}. To see it, start a server:",
        f"  {program} serve --data-dir {folder}",
        "Then, for example:",
        f"  {program} calls list --state unlogged",
    ]


def calls_of(user: str, report: Report) -> Table:
    """A table of one user's calls, the logged ones first."""
    mine = [outcome for outcome in report.outcomes if outcome.replayed.user_id == user]
    table = Table(title=f"{user}, {TITLES[user]}: {len(mine)} calls", title_justify="left")
    for name in ("Time", "Direction", "Other party", "State", "Reason"):
        table.add_column(name, no_wrap=True)
    table.add_column("Why", overflow="ellipsis", no_wrap=True)
    for outcome in sorted(mine, key=lambda one: "" if one.call_log and one.call_log.contact.id else "unlogged"):
        call, told = outcome.replayed.call, row(outcome)
        time = call.start_time.astimezone(ZONE).strftime("%m-%d %H:%M") if call.start_time else ""
        direction = call.direction.name.lower() if call.direction else ""
        state, reason = told.get("state", "ERROR"), told.get("reason", "")
        why = told.get("explanation") or told["error"]
        table.add_row(
            time, direction, escape(other_party(call, user, told.get("contact", ""))), state, reason, escape(why)
        )
    return table


def other_party(call: Call, user: str, contact: str) -> str:
    """The other party of the call: the contact if there is one, else the phone system's name and number."""
    party = call.counterpart(user)
    name = contact or ("" if call.direction is CallDirection.OUTBOUND else party.name) or ""
    return f"{name} {party.address}".strip() or "withheld"


def placeholders(report: Report) -> Table:
    """A table of the placeholder contacts."""
    created = [
        outcome
        for outcome in report.outcomes
        if outcome.call_log is not None and reason_name(outcome.call_log.reason) == "PLACEHOLDER_CREATED"
    ]
    table = Table(title=f"{len(created)} placeholder contacts created", title_justify="left")
    for name in ("Name", "Number", "For", "Contact"):
        table.add_column(name)
    for outcome in created:
        contact = outcome.call_log.contact if outcome.call_log else None
        if contact is not None:
            numbers = ", ".join(contact.phone_numbers)
            table.add_row(escape(contact.name), numbers, outcome.replayed.user_id, contact.id)
    return table


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data_dir", nargs="?", type=Path, help="where the data stays; without it, the data is removed")
    parser.add_argument("--json", action="store_true", help="print the outcome of each call as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leadline-demo-") as temporary:
        data_dir = options.data_dir or Path(temporary)
        data_dir.mkdir(parents=True, exist_ok=True)
        run(data_dir, is_kept=options.data_dir is not None, as_json=options.json)


def run(data_dir: Path, *, is_kept: bool, as_json: bool) -> None:
    """Import the contacts, replay the calls, and print the outcomes."""
    import_contacts(data_dir)
    report = asyncio.run(replay(data_dir, HERE / "Master.csv"))
    if as_json:
        told = {"data_dir": str(data_dir), "calls": report.rows(), "summary": report.summary.to_json()}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    else:
        show(report, data_dir if is_kept else None, Console(width=None if sys.stdout.isatty() else 200))


if __name__ == "__main__":
    main()
