"""`leadline contacts import`, run by an administrator beside a server that keeps working."""

import csv
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from support.databases import rows
from support.servers import ServerProcess, leadline, server_process

MANY = 20_000
MANY_SECONDS = 20.0  # a few, on a machine that has nothing else to do

CONTACTS_CSV = """Name,Phone,Mobile,Email,Company,Type
Ada Lovelace,+1 202-555-0101,(202) 555-0102,ada@example.com,Analytical Engines,contact
Grace Hopper,202-555-0103,,grace@example.com,Navy,lead
"""
PARTLY_BAD_CSV = """Name,Phone,Created
Mary Jackson,+12025550105,
,,2024-01-01
Mae,+12025550106,yesterday
A,B,C,D
Sally Ride,+12025550107,2024-05-06
"""
CONTACTS_VCF = """BEGIN:VCARD
VERSION:3.0
FN:Katherine Johnson
N:Johnson;Katherine;;;
TEL;TYPE=WORK:+1 202-555-0104
ORG:NASA
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Jürgen Müller
TEL;VALUE=uri:tel:+49-30-23125-001
END:VCARD
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server; each test imports contacts of its own."""
    with server_process(tmp_path_factory.mktemp("import") / "data") as process:
        yield process


def run_import(server: ServerProcess, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    settings = {"LEADLINE_DATA_DIR": str(server.data_dir)}
    return leadline("contacts", "import", file, *options, settings=settings)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def contacts_in(server: ServerProcess) -> int:
    [(count,)] = rows(server.data_dir / "ledger.db", "SELECT count(*) FROM crm_contacts")
    assert isinstance(count, int)
    return count


def owners(server: ServerProcess, number: str) -> list[str]:
    """The names of the contacts that have a number, asked of the running server."""
    channel: Any = grpc.insecure_channel(server.address)  # the stubs' types know of asyncio's only
    with channel:
        request = pb.FindContactRequest(account_id="demo", phone_numbers=[number])
        answer: Any = ContactServiceStub(channel).FindContact(request, timeout=10)
    return [match.contact.name for match in answer.matches]


def test_contacts_of_a_csv_file_are_found_at_once_by_each_of_their_numbers(
    server: ServerProcess, tmp_path: Path
) -> None:
    assert owners(server, "+12025550101") == []
    done = run_import(server, written(tmp_path / "contacts.csv", CONTACTS_CSV))
    assert done.returncode == 0, done.stderr
    assert "created             2" in done.stdout
    for number in ("+12025550101", "202 555 0102"):
        assert owners(server, number) == ["Ada Lovelace"]
    assert owners(server, "+12025550103") == ["Grace Hopper"]


def test_contacts_of_a_vcard_file_are_found_at_once(server: ServerProcess, tmp_path: Path) -> None:
    done = run_import(server, written(tmp_path / "contacts.vcf", CONTACTS_VCF))
    assert done.returncode == 0, done.stderr
    assert owners(server, "+12025550104") == ["Katherine Johnson"]
    assert owners(server, "+493023125001") == ["Jürgen Müller"]


@pytest.mark.parametrize(("name", "text"), [("again.csv", CONTACTS_CSV), ("again.vcf", CONTACTS_VCF)])
def test_importing_a_file_twice_doubles_nothing(server: ServerProcess, tmp_path: Path, name: str, text: str) -> None:
    file = written(tmp_path / name, text)
    run_import(server, file)
    before = contacts_in(server)
    again = run_import(server, file)
    assert again.returncode == 0
    assert "created             0" in again.stdout
    assert "unchanged           2  imported before" in again.stdout
    assert contacts_in(server) == before


def test_bad_rows_are_named_by_their_line_and_the_others_are_taken(server: ServerProcess, tmp_path: Path) -> None:
    done = run_import(server, written(tmp_path / "contacts.csv", PARTLY_BAD_CSV))
    assert done.returncode == 1
    assert "skipped             2" in done.stdout
    assert "dates               1" in done.stdout
    for line in ("line 3: neither a name nor a number", "line 4: 'yesterday' is not a date", "line 5: 4 cells"):
        assert line in done.stdout
    for number, name in {"+12025550105": "Mary Jackson", "+12025550106": "Mae", "+12025550107": "Sally Ride"}.items():
        assert owners(server, number) == [name]


def test_a_changed_contact_is_found_by_its_new_number_at_once_after_an_update(
    server: ServerProcess, tmp_path: Path
) -> None:
    run_import(server, written(tmp_path / "a.csv", "id,name,phone\nk1,Kim Roe,+12025550170\n"))
    changed = written(tmp_path / "b.csv", "id,name,phone\nk1,Kim Roe,+12025550171\n")
    left = run_import(server, changed)
    assert (left.returncode, "line 2: Kim Roe: other phone numbers" in left.stdout) == (1, True)
    assert owners(server, "+12025550171") == []
    assert run_import(server, changed, "--update").returncode == 0
    assert owners(server, "+12025550171") == ["Kim Roe"]
    assert owners(server, "+12025550170") == []


@pytest.mark.parametrize(
    ("name", "text", "options", "sentence"),
    [
        ("contacts.pdf", "%PDF", [], "contacts.pdf: unknown kind of file. Known are .csv and .vcf."),
        ("contacts.csv", CONTACTS_CSV, ["--account", "acme"], "There is no account 'acme'."),
        ("contacts.csv", "Colour,Size\nred,1\n", [], "No column is called name"),
        ("contacts.csv", "Name,Colour\nAda,red\n", [], "No column is called phone"),
        ("contacts.csv", "", [], "The file is empty."),
    ],
    ids=["unknown kind", "unknown account", "no name", "no number", "empty"],
)
def test_a_file_or_an_account_that_is_none_is_refused_in_a_sentence(
    server: ServerProcess, tmp_path: Path, name: str, text: str, options: list[str], sentence: str
) -> None:
    before = contacts_in(server)
    done = run_import(server, written(tmp_path / name, text), *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"leadline: {sentence}" in done.stderr
    assert "Traceback" not in done.stderr
    assert contacts_in(server) == before


@pytest.mark.parametrize(("name", "why"), [("nowhere.csv", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path, name: str, why: str) -> None:
    data_dir = tmp_path / "data"
    done = leadline("contacts", "import", tmp_path / name, "--data-dir", data_dir)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"leadline: {tmp_path / name}: {why}.\n"
    assert not data_dir.exists()


def test_a_book_is_filled_before_the_first_start_of_a_server(tmp_path: Path) -> None:
    file = written(tmp_path / "contacts.csv", CONTACTS_CSV)
    done = leadline("contacts", "import", file, "--data-dir", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    with server_process(tmp_path / "data") as process:
        assert owners(process, "+12025550101") == ["Ada Lovelace"]


def test_twenty_thousand_contacts_take_seconds_and_the_server_goes_on_writing_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Name", "Phone"])
        writer.writerows([f"Contact {index}", number_of(index)] for index in range(MANY))
    with server_process(tmp_path / "data") as process, ThreadPoolExecutor() as pool:
        started = time.monotonic()
        importing = pool.submit(run_import, process, file)
        others = 0
        while not importing.done():
            create(process, number_of(MANY + others))
            others += 1
        assert importing.result().returncode == 0, importing.result().stderr
        assert time.monotonic() - started < MANY_SECONDS
        assert contacts_in(process) == MANY + others
        assert owners(process, number_of(0)) == ["Contact 0"]
        assert owners(process, number_of(MANY - 1)) == [f"Contact {MANY - 1}"]


def number_of(index: int) -> str:
    return f"+1{200 + index // 100}55501{index % 100:02}"


def create(server: ServerProcess, number: str) -> None:
    channel: Any = grpc.insecure_channel(server.address)
    with channel:
        request = pb.CreateContactRequest(account_id="demo", name="Somebody Else", phone_number=number)
        ContactServiceStub(channel).CreateContact(request, timeout=5)
