"""The demo, call by call, against what its contact files and call records say.

This test derives its expectations from the files alone, by the documented rules of the flow.
"""

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.databases import rows
from support.servers import environment

EXAMPLES = Path(__file__).parents[2] / "examples"
USERS = {"101": "alice", "102": "bob", "103": "carol"}
COLLECTORS = {"bob"}  # who wants placeholders; alice wants nothing done, which is also what carol inherits
WITHHELD = {"", "anonymous"}
NAMES_OF_NOBODY = {"", "Unknown", "UNAVAILABLE", "WIRELESS CALLER", "SAN FRANCISCO CA"}
SRC, DST, CONTEXT, CALLER_ID, CHANNEL, TO_CHANNEL, APP, START, DISPOSITION, UNIQUE_ID = 1, 2, 3, 4, 5, 6, 7, 9, 14, 16

Row = list[str]


@dataclass(frozen=True)
class Expected:
    """The expected outcome of one call."""

    user: str
    direction: str
    state: str
    reason: str
    contact: str = ""


@dataclass
class Book:
    """The contact book as it fills: the names of a number's contacts, and which of them are placeholders."""

    names: dict[str, list[str]] = field(default_factory=dict)
    placeholders: set[str] = field(default_factory=set)

    def add(self, name: str, number: str) -> None:
        self.names.setdefault(e164(number), []).append(name)


@dataclass(frozen=True)
class Demo:
    """The output of a run of the demo, and the folder of its data."""

    told: dict[str, Any]
    data_dir: Path

    @property
    def calls(self) -> dict[str, dict[str, Any]]:
        return {call["call_id"]: call for call in self.told["calls"]}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    data_dir = tmp_path_factory.mktemp("demo")
    return Demo(json.loads(run_demo(data_dir, "--json")), data_dir)


def run_demo(data_dir: Path, *options: str) -> str:
    command: list[str | Path] = [sys.executable, EXAMPLES / "demo.py", data_dir, *options]
    done = subprocess.run(command, env=environment({}), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def e164(number: str) -> str:
    """A number of the example data as the world dials it; the company is in the United States."""
    digits = re.sub(r"\D", "", number)
    if number.startswith("+"):
        return f"+{digits}"
    for prefix in ("011", "00"):
        if digits.startswith(prefix):
            return f"+{digits.removeprefix(prefix)}"
    return f"+1{digits[-10:]}"


def contact_book() -> Book:
    book = Book()
    with (EXAMPLES / "contacts.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            for number in filter(None, (row["phone"], row["phone2"], row["phone3"])):
                book.add(row["name"], number)
    name = ""
    for line in (EXAMPLES / "contacts.vcf").read_text(encoding="utf-8").splitlines():
        if line.startswith("FN:"):
            name = line.removeprefix("FN:")
        elif line.startswith("TEL"):
            book.add(name, line.rpartition(":")[2])
    return book


def records() -> dict[str, list[tuple[int, Row]]]:
    """The readable rows with their lines, by call, in the order in which the calls ended."""
    calls: dict[str, list[tuple[int, Row]]] = {}
    for line, row in readable_rows():
        if not row[CHANNEL].endswith(";2"):  # the inner half of a queue's Local channel
            calls[row[UNIQUE_ID]] = [*calls.pop(row[UNIQUE_ID], []), (line, row)]
    return calls


def readable_rows() -> Iterator[tuple[int, Row]]:
    for line, text in enumerate((EXAMPLES / "Master.csv").read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = next(csv.reader([text], strict=True))
        except csv.Error:
            continue
        if "2026-11-31" not in row[START]:
            yield line, row


def expected_outcomes() -> dict[str, Expected]:
    book = contact_book()
    return {call_id: expected(book, [row for _, row in legs]) for call_id, legs in records().items()}


def expected(book: Book, legs: list[Row]) -> Expected:
    """The expected outcome of a call. A placeholder that is created for it is in the book afterwards."""
    first = legs[0]
    if first[CONTEXT] == "from-internal":
        user, number, name = USERS[first[SRC]], first[DST], ""
        direction = "INTERNAL" if number in USERS or number.startswith("*") else "OUTBOUND"
    else:
        user, number, direction = who_took(legs), first[SRC], "INBOUND"
        name = first[CALLER_ID].partition('" <')[0].removeprefix('"')
    if direction == "INTERNAL":
        return Expected(user, direction, "UNLOGGED", "INTERNAL_CALL")
    if number in WITHHELD:
        return Expected(user, direction, "UNLOGGED", "NUMBER_WITHHELD")
    if number == "911":
        return Expected(user, direction, "UNLOGGED", "NUMBER_UNUSABLE")
    return Expected(user, direction, *looked_up(book, e164(number), user, name))


def who_took(legs: list[Row]) -> str:
    """Of an inbound call the user who answered, else the first who was rung."""
    rung = {row[TO_CHANNEL].removeprefix("PJSIP/").partition("-")[0]: row[DISPOSITION] for row in legs}
    users = [(USERS[extension], result) for extension, result in rung.items() if extension in USERS]
    return next((user for user, result in users if result == "ANSWERED"), users[0][0] if users else USERS[legs[0][DST]])


def looked_up(book: Book, number: str, user: str, name: str) -> tuple[str, str, str]:
    """State, reason and contact of a call whose other side has this number and this caller-ID name."""
    found = book.names.get(number, [])
    if len(found) > 1:
        return "UNLOGGED", "SEVERAL_CONTACTS", ""
    if found:
        return "LOGGED", "PLACEHOLDER_REUSED" if number in book.placeholders else "CONTACT_MATCHED", found[0]
    if user not in COLLECTORS:
        return "UNLOGGED", "NO_CONTACT", ""
    is_of_use = name not in NAMES_OF_NOBODY and e164(name) != number
    book.names[number] = [name if is_of_use else "Unknown Caller"]
    book.placeholders.add(number)
    return "LOGGED", "PLACEHOLDER_CREATED", book.names[number][0]


def test_every_call_ends_as_the_records_and_the_contacts_say(demo: Demo) -> None:
    told = {
        call_id: Expected(call["user"], call["direction"], call["state"], call["reason"], call["contact"])
        for call_id, call in demo.calls.items()
    }
    assert told == expected_outcomes()
    assert len(demo.told["calls"]) == len(told)


def test_every_call_names_the_lines_that_it_was_read_from(demo: Demo) -> None:
    told = {call_id: call["lines"] for call_id, call in demo.calls.items()}
    assert told == {call_id: [line for line, _ in legs] for call_id, legs in records().items()}
    assert [skipped["line"] for skipped in demo.told["summary"]["skipped"]] == [61, 142]


def test_the_totals_are_those_of_the_calls(demo: Demo) -> None:
    counted = Counter((outcome.state, outcome.reason) for outcome in expected_outcomes().values())
    told = {(line["state"], line["reason"]): line["calls"] for line in demo.told["summary"]["outcomes"]}
    assert told == counted


def test_every_kind_of_outcome_occurs_for_its_users(demo: Demo) -> None:
    seen = {(call["user"], call["reason"]) for call in demo.told["calls"]}
    for user in USERS.values():
        assert {(user, "CONTACT_MATCHED"), (user, "SEVERAL_CONTACTS"), (user, "NUMBER_WITHHELD")} <= seen
    assert {user for user, reason in seen if reason == "PLACEHOLDER_CREATED"} == {"bob"}
    assert {user for user, reason in seen if reason == "NO_CONTACT"} == {"alice", "carol"}


def test_the_crm_has_the_logged_calls_and_one_placeholder_a_stranger(demo: Demo) -> None:
    outcomes = expected_outcomes()
    created = [outcome.contact for outcome in outcomes.values() if outcome.reason == "PLACEHOLDER_CREATED"]
    journal = rows(
        demo.data_dir / "ledger.db", "SELECT call_id, name FROM crm_call_logs JOIN crm_contacts AS c ON c.pk = contact"
    )
    assert sorted(journal) == sorted((call_id, o.contact) for call_id, o in outcomes.items() if o.state == "LOGGED")
    made = rows(demo.data_dir / "ledger.db", "SELECT name FROM crm_contacts WHERE is_placeholder")
    assert sorted(name for (name,) in made) == sorted(created)
    assert len(created) > 1


def test_a_second_run_on_the_same_data_shows_it_to_people_and_doubles_nothing(demo: Demo) -> None:
    count = "SELECT (SELECT count(*) FROM crm_call_logs), (SELECT count(*) FROM crm_contacts)"
    before = rows(demo.data_dir / "ledger.db", count)
    shown = run_demo(demo.data_dir)
    assert rows(demo.data_dir / "ledger.db", count) == before
    for user in USERS.values():
        assert f"{user}, " in shown
    created = sum(outcome.reason == "PLACEHOLDER_CREATED" for outcome in expected_outcomes().values())
    assert f"{created} placeholder contacts created" in shown
    assert f"leadline serve --data-dir {demo.data_dir}" in shown


def test_a_run_without_a_directory_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"],
        env=environment({"TMPDIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    assert "The data of this run was removed. To keep it:" in done.stdout
