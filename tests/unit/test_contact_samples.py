"""Contact files from real life, rebuilt with fictional data: what comes in of each, row by row, and what is said."""

import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from leadline_server.crm.embedded import CrmDatabase, EmbeddedCrm
from leadline_server.crm.embedded.contact_files import CsvOptions, FileOutcome, UnreadableFile, read_csv, read_vcards
from leadline_server.crm.embedded.import_summary import ImportSummary
from leadline_server.crm.embedded.importing import ImportOptions, import_contacts
from leadline_server.crm.embedded.sqlite_import import SqliteImport
from leadline_server.domain.numbers.phone_number import parse_number
from support.contact_files import SAMPLES, read_file
from support.contact_imports import crm_database


@dataclass(frozen=True, slots=True)
class Wanted:
    """The expected result of a sample.

    Attributes:
        contacts: who is found by each number.
        absent: numbers that find no contact.
        lines: the lines that are named, by outcome; all losses have to be among them.
    """

    contacts: dict[str, str]
    absent: Sequence[str] = ()
    lines: dict[FileOutcome, list[int]] = field(default_factory=dict)
    region: str = "US"


SAMPLE_FILES = {
    "01-google-2024.csv": Wanted(
        {"+12025550201": "Goo Gle", "+12025550202": "Goo Gle", "+12025550204": "Only Company"},
        absent=["+12025550203"],
        lines={FileOutcome.FAX: [2]},
    ),
    "03-thunderbird.vcf": Wanted({"+12025550104": "Dünne GmbH"}),
    "04-outlook-de.csv": Wanted(
        {"+4930901821": "Jörg Müller", "+4915123456789": "Jörg Müller"},
        absent=["+4930901820"],
        lines={FileOutcome.FAX: [2]},
        region="DE",
    ),
    "08-outlook-cp1252.vcf": Wanted({"+12025550119": "Jörg Müller", "+12025550120": "Jörg Müller"}),
    "08b-outlook-charset.vcf": Wanted({"+12025550121": "Jörg Müller"}),
    "09-hubspot.csv": Wanted(
        {
            "+12025550213": "Hub Spot",
            "+12025550214": "Hub Two",
            "+12025550215": "Hub Three",
            "+12025550216": "Hub Four",
        },
        lines={FileOutcome.DATE: [4]},
    ),
    "10-salesforce.csv": Wanted(
        {"+12025550217": "Sal Force", "+12025550219": "Sal Force"},
        absent=["+12025550218", "+12025550220"],
        lines={FileOutcome.FAX: [2], FileOutcome.OTHER_PERSON: [2], FileOutcome.DATE: [2, 2]},
    ),
    "10b-photo-nofold.vcf": Wanted({"+12025550125": "Paul Photo"}, lines={FileOutcome.LINE: [6]}),
    "12-pipedrive.csv": Wanted({"+12025550222": "Pipe Drive", "+12025550223": "Pipe Drive"}),
    "14-freepbx-contactmanager.csv": Wanted({"+12025550229": "Free Pbx"}),
    "19-sameuid.vcf": Wanted(
        {
            "+12025550150": "Dup One",
            "+12025550151": "Dup One",
            "+12025550152": "NoUid A",
            "+12025550153": "NoUid B",
        },
        lines={FileOutcome.MERGED: [7]},
    ),
    "20-fax.csv": Wanted(
        {"+12025550251": "Fax Roe", "+12025550254": "Fax Roe"},
        absent=["+12025550252", "+12025550253"],
        lines={FileOutcome.FAX: [2, 2]},
    ),
    "20-tel-comma.vcf": Wanted(
        {f"+1202555051{digit}": "Pause Roe" for digit in "023"} | {"+12025550511;ext=5": "Pause Roe"},
        lines={FileOutcome.CUT: [4, 6, 7]},
    ),
    "21-3cx-phonebook.csv": Wanted({f"+1202555025{digit}": "Three Cx" for digit in "5678"}),
    "21-one-bad-line.vcf": Wanted({"+12025550540": "Bad Line"}, lines={FileOutcome.LINE: [6]}),
    "22-two-bom.vcf": Wanted({f"+1202555055{digit}": f"Cat {digit}" for digit in "0123"}),
    "26-cr.csv": Wanted({"+12025550264": "Cr Roe", "+12025550265": "Cr Two"}),
    "29-changed-a.csv": Wanted({"+12025550270": "Kim Roe"}),
    "29-changed-b.csv": Wanted({"+12025550271": "Kim Roe"}),
    "34-unclosed-only.csv": Wanted(
        {"+12025550401": 'Beth 6" Roe', "+12025550403": "Eve Roe", "+12025550404": "Fay Roe"},
        absent=["+12025550402"],
        lines={FileOutcome.SKIPPED: [3]},
    ),
    "36-two-numbers.csv": Wanted(
        {
            "+12025550501": "Two Comma",
            "+12025550502": "Two Comma",
            "+12025550503": "Two Semi",
            "+12025550504": "Two Semi",
            "+12025550505": "Two Fmt",
            "+12025550506": "Two Fmt",
        }
    ),
    "38-multiline-header.csv": Wanted({"+12025550521": "Roe"}),
    "39-dates.csv": Wanted(
        {"+12025550530": "A One", "+12025550531": "B Two", "+12025550532": "C Three", "+12025550533": "D Four"},
        lines={FileOutcome.DATE: [2, 3]},
    ),
    "41-trailing-rows.csv": Wanted({"+12025550535": "A One", "+12025550536": "B Two", "+12025550537": "C Three"}),
}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[CrmDatabase]:
    async with crm_database(tmp_path) as opened:
        yield opened


async def run_import(database: CrmDatabase, name: str, region: str = "US", *, is_update: bool = False) -> ImportSummary:
    stream = io.BytesIO((SAMPLES / name).read_bytes())
    items = read_csv(stream, CsvOptions(region)) if name.endswith(".csv") else read_vcards(stream, region)
    options = ImportOptions(is_update=is_update)
    target = SqliteImport(database)
    return await import_contacts(target, "acme", items, region, options=options, on_progress=lambda _: None)


async def owners(database: CrmDatabase, number: str, region: str = "US") -> list[str]:
    crm = EmbeddedCrm(database, "acme", lambda: region)
    return [contact.name for contact in await crm.find_contacts([parse_number(number, region)])]


def test_every_sample_has_its_right_outcome_here() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == SAMPLE_FILES.keys() | {"42-quote-header.csv"}


@pytest.mark.parametrize("name", SAMPLE_FILES)
async def test_a_file_from_real_life_comes_in_whole_and_what_does_not_is_named(
    database: CrmDatabase, name: str
) -> None:
    wanted = SAMPLE_FILES[name]
    summary = await run_import(database, name, wanted.region)
    for number, owner in wanted.contacts.items():
        assert await owners(database, number, wanted.region) == [owner], number
    for number in wanted.absent:
        assert await owners(database, number, wanted.region) == [], number
    named = {outcome: [remark.line for remark in summary.named(outcome)] for outcome, _ in summary.outcomes()}
    assert {outcome: lines for outcome, lines in named.items() if lines} == wanted.lines
    assert summary.count(FileOutcome.CREATED) == len(set(wanted.contacts.values()))
    assert summary.is_complete is not any(outcome.is_loss for outcome in wanted.lines)


def test_a_quote_that_is_never_closed_in_the_header_is_said_in_a_sentence() -> None:
    with pytest.raises(UnreadableFile, match=r"^The header \(line 1\) cannot be read: a quote is opened and never"):
        read_file("42-quote-header.csv", (SAMPLES / "42-quote-header.csv").read_bytes())


async def test_a_changed_row_is_named_and_left_as_it_was_until_an_update_takes_it(database: CrmDatabase) -> None:
    await run_import(database, "29-changed-a.csv")
    summary = await run_import(database, "29-changed-b.csv")
    assert [(outcome, count) for outcome, count in summary.outcomes()] == [(FileOutcome.LEFT, 1)]
    assert [(remark.line, remark.message) for remark in summary.named(FileOutcome.LEFT)] == [
        (2, "Kim Roe: other phone numbers")
    ]
    assert await owners(database, "+12025550270") == ["Kim Roe"]
    updated = await run_import(database, "29-changed-b.csv", is_update=True)
    assert (updated.count(FileOutcome.CHANGED), updated.is_complete) == (1, True)
    assert await owners(database, "+12025550271") == ["Kim Roe"]
    assert await owners(database, "+12025550270") == []


@pytest.mark.parametrize("name", SAMPLE_FILES)
async def test_a_file_from_real_life_imported_again_changes_nothing(database: CrmDatabase, name: str) -> None:
    region = SAMPLE_FILES[name].region
    first = await run_import(database, name, region)
    again = await run_import(database, name, region, is_update=True)
    unchanged, merged = again.count(FileOutcome.UNCHANGED), again.count(FileOutcome.MERGED)
    assert unchanged == first.count(FileOutcome.CREATED)
    assert merged == first.count(FileOutcome.MERGED)
    assert again.count(FileOutcome.CREATED) == again.count(FileOutcome.CHANGED) == 0


def test_dates_are_read_where_they_can_be_told() -> None:
    hubspot = {record.line: record for record in read_file("h.csv", (SAMPLES / "09-hubspot.csv").read_bytes()).records}
    assert hubspot[2].create_time == datetime(2024, 3, 1, 10, 15, tzinfo=UTC)
    assert hubspot[3].create_time == datetime(2024, 3, 1, 15, 15, 11, tzinfo=UTC)
    assert hubspot[5].last_activity_time == datetime(2024, 3, 1, 10, tzinfo=UTC)
    dates = {record.line: record for record in read_file("d.csv", (SAMPLES / "39-dates.csv").read_bytes()).records}
    assert dates[4].create_time == datetime(2024, 3, 1, 10, 15, tzinfo=UTC)
