"""`leadline contacts import` says what it takes columns for, what became of every row, and ends with the right code."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from leadline_server.cli import app
from support.contact_files import SAMPLES
from typer.testing import CliRunner

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Imports a file, given by its name among the samples or by its text, into a folder of the test's own."""

    def run_import(file: str | Path, *options: str) -> tuple[int, str]:
        path = SAMPLES / file
        result = CliRunner().invoke(
            app, ["contacts", "import", str(path), "--data-dir", str(tmp_path / "data"), *options]
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout or result.stderr

    return run_import


def written(folder: Path, text: str, name: str = "contacts.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def counted(output: str, label: str) -> int:
    matched = re.search(rf"^  {label} +([\d,]+)", output, re.MULTILINE)
    return int(matched[1].replace(",", "")) if matched else 0


def test_what_the_columns_are_taken_for_is_said_before_what_came_of_them(run: Run) -> None:
    code, output = run("04-outlook-de.csv")
    assert code == 0
    mapping, _, outcome = output.partition("Contacts of account demo in ")
    assert mapping.splitlines() == [
        "04-outlook-de.csv: Outlook (German), cells separated by commas, header in line 1. Columns:",
        "  first name    Vorname",
        "  last name     Nachname",
        "  phone         Telefon geschäftlich, Telefon geschäftlich 2, Mobiltelefon, Telefon privat",
        "  email         E-Mail-Adresse",
        "  company       Firma",
        "  title         Position",
        "  left out      Anrede, Abteilung (no field for it)",
        "  left out      Fax geschäftlich (fax machines, pagers and the like do not call)",
        "  left out      Telefon (Assistent) (another person's)",
    ]
    assert [counted(outcome, label) for label in ("created", "numbers", "fax")] == [1, 2, 1]
    assert "    line 2: '+49 30 901820'\n" in outcome


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("41-trailing-rows.csv", 0),
        ("20-fax.csv", 0),
        ("19-sameuid.vcf", 0),
        ("34-unclosed-only.csv", 1),
        ("39-dates.csv", 1),
        ("20-tel-comma.vcf", 1),
        ("21-one-bad-line.vcf", 1),
        ("42-quote-header.csv", 2),
    ],
)
def test_the_exit_code_says_whether_all_that_is_the_users_was_taken(run: Run, file: str, code: int) -> None:
    assert run(file)[0] == code


def test_the_lines_of_what_was_not_taken_are_named_twenty_of_a_kind(run: Run, tmp_path: Path) -> None:
    rows = "".join(f"Name {at},1.2{at:02}E+10\n" for at in range(30))
    code, output = run(written(tmp_path, f"Name,Phone\n{rows},,surplus\n"))
    assert code == 1
    assert counted(output, "unusable") == 30
    assert [int(line) for line in re.findall(r"line (\d+): '1\.2", output)] == list(range(2, 22))
    assert "    ... and 10 more\n" in output
    assert "    line 32: 3 cells, but the header has 2\n" in output


def test_a_changed_row_is_counted_as_left_and_taken_with_update(run: Run) -> None:
    assert run("29-changed-a.csv")[0] == 0
    code, output = run("29-changed-b.csv")
    assert (code, counted(output, "changed")) == (1, 1)
    assert "left as it was (--update takes them)" in output
    code, output = run("29-changed-b.csv", "--update")
    assert (code, counted(output, "changed")) == (0, 1)
    code, output = run("29-changed-b.csv")
    assert (code, counted(output, "unchanged")) == (0, 1)


def test_the_user_can_say_what_columns_hold(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, "Wer;Dienst;Sonst\nKim;202-555-0101;202-555-0102\n")
    code, output = run(path, "--column", "name=Wer", "--column", "phone=Dienst", "--column", "Phone=sonst")
    assert (code, counted(output, "numbers")) == (0, 2)
    assert "  phone         Dienst, Sonst\n" in output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--column", "phone"], 'expected FIELD=HEADER, such as phone="Tel. dienstlich"'),
        (["--column", "phone="], "expected FIELD=HEADER"),
        (["--column", "number=Phone"], "Fields: name, first_name, middle_name, last_name, phone"),
        (["--column", "phone=Tel"], "No column is called 'Tel'. Found: 'Name', 'Phone'."),
        (["--date-order", "ymd"], "--date-order 'ymd': expected dmy (day first) or mdy (month first)."),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(run: Run, options: list[str], sentence: str) -> None:
    code, output = run("41-trailing-rows.csv", *options)
    assert code == 2
    assert sentence in output


def test_a_vcard_file_has_no_columns_to_choose(run: Run) -> None:
    code, output = run("19-sameuid.vcf", "--column", "phone=TEL")
    assert (code, "a vCard file has no columns" in output) == (2, True)


def test_the_order_of_day_and_month_can_be_said(run: Run) -> None:
    code, output = run("10-salesforce.csv", "--date-order", "mdy", "--dry-run")
    assert (code, counted(output, "dates")) == (0, 0)
    assert "created 2024-03-01 | last activity 2024-03-05" in output


def test_a_dry_run_shows_columns_contacts_and_counts_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    code, output = run("34-unclosed-only.csv", "--dry-run")
    assert code == 1
    assert "  phone         Phone\n" in output
    assert 'The first contacts:\n  line 2: Beth 6" Roe | 202-555-0401\n  line 4: Eve Roe | 202-555-0403\n' in output
    assert "Nothing was written." in output
    assert (counted(output, "created"), counted(output, "skipped")) == (3, 1)
    assert not (tmp_path / "data").exists()
    assert run("34-unclosed-only.csv")[1].count("created             3") == 1


def test_titles_and_the_lines_before_a_header_are_named(run: Run, tmp_path: Path) -> None:
    code, output = run(written(tmp_path, "sep=;\nKunden\nName;Telefon\nKim;202-555-0101\n"))
    assert (code, counted(output, "no contact")) == (0, 2)
    assert "header in line 3" in output
    assert "    line 2: 'Kunden'\n" in output


def test_a_vcard_with_another_suffix_is_refused_with_what_it_is(run: Run, tmp_path: Path) -> None:
    code, output = run(written(tmp_path, "BEGIN:VCARD\nFN:Kim\nEND:VCARD\n"))
    assert (code, "No column is called name" in output) == (2, True)
