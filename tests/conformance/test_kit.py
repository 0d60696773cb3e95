"""The conformance suite notices what is wrong, lets pass what is right, and is run by others in three lines."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest
from leadline_server.testing.crm_conformance import CrmUnderTest

TESTS: Final = Path(__file__).resolve().parents[1]
BROKEN: Final = TESTS / "conformance" / "broken_adapters.py"
KINDS: Final = (BROKEN, BROKEN.with_name("broken_writers.py"))
IN_ITS_MIDDLE: Final = "test_a_write_that_fails_in_its_middle_never_says_that_nothing_was_made"

NOTICED: Final = {
    "FindsByCreating": "test_reading_never_writes",
    "TakesAnyCursor": "test_a_cursor_that_the_adapter_did_not_make_is_refused[-1]",
    "RaisesForNobody": "test_nobody_is_an_empty_answer",
    "TakesFailureForNobody": "test_a_read_that_fails_raises_the_right_error[server_error-find_contacts]",
    "LooksOneByOne": "test_a_lookup_that_fails_in_its_middle_is_no_answer[server_error-3]",
    "CutsOff": "test_no_page_of_the_contacts_on_one_number_is_left_out",
    "ForgetsNumbers": "test_one_lookup_answers_for_sixteen_numbers",
    "PromisesTooMuch": "test_as_many_numbers_as_go_into_one_lookup_are_all_found",
    "SaysUnavailable": "test_a_write_that_fails_raises_the_right_error[dropped-create_call_log]",
    "WritesInTwoSteps": f"{IN_ITS_MIDDLE}[unprocessable-create_contact]",
    "Overwrites": "test_an_update_leaves_what_people_wrote",
    "MovesBack": "test_an_update_that_moves_nothing_leaves_the_log_at_its_contact",
    "LeaksItsToken": "test_a_read_that_fails_raises_the_right_error[unprocessable-find_contacts]",
    "TellsTheNumber": "test_a_read_that_fails_raises_the_right_error[unprocessable-find_contacts]",
    "ForgetsTheDelay": "test_a_read_that_fails_raises_the_right_error[rate_limited-find_contacts]",
    "Interprets": "test_a_name_arrives_as_it_is_unless_declared_lost[templates]",
    "FindsNobodysLog": "test_a_log_is_found_by_its_key",
    "RepeatsAtOnce": "test_a_write_whose_answer_got_lost_can_be_repeated_with_its_key",
    "LosesTheSubject": "test_the_fields_of_a_call_are_shown_unless_declared_lost",
    "FindsWhoeverComesNear": "test_a_contact_that_was_merged_into_another_is_found_no_more",
    "RaisesItsLibrarysErrors": "test_a_read_that_fails_raises_the_right_error[server_error-find_contacts]",
}
"""The broken adapters, and a test that each of them has to fail."""

MENDED_BY_THE_CONTRACT: Final = {
    "TellsTheNumber": "leadline takes numbers out of the words of adapters in other processes (crm/remote/failures.py)",
    "RaisesItsLibrarysErrors": "an error that is none of the port's is a status, and so CrmUnavailable (refusals.py)",
}
"""Faults that end at the border between two processes: leadline gets what a good adapter would have answered."""

NOTICED_WITHOUT_PEOPLE: Final = {
    "UpdatesNothing": "test_an_update_changes_what_the_log_says",
    "LogsASecondTime": "test_an_update_changes_what_the_log_says",
    "HasNoUpdate": "test_an_update_changes_what_the_log_says",
    "MovesNothing": "test_an_update_for_another_contact_moves_the_log",
    "LogsNothing": "test_a_log_is_the_contacts_and_says_what_the_call_says",
    "DropsTheNote": "test_a_log_is_the_contacts_and_says_what_the_call_says",
    "IsDownForNobody": "test_a_read_that_fails_raises_the_right_error[server_error-find_contacts]",
}
"""Adapters that are noticed without people too: by reading back, and by trouble."""

PLACES: Final = {"": "in this process", "Remote": "in another process"}
"""Where an adapter runs: the beginning of its test's name, and words for it."""


def example() -> str:
    """The test module that the document shows."""
    document = (TESTS.parent / "docs" / "adapters-writing.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"<!-- example: .*?-->\n```python\n(.*?)```", document, re.DOTALL)
    return str(shown)


def run_pytest(*arguments: str | Path, cwd: Path) -> str:
    """The output of a separate pytest without this project's settings."""
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider", "-q", "--tb=no", "-rA"]
    command += ["--rootdir", str(cwd), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(TESTS), "COLUMNS": "300"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout


def outcomes(told: str) -> dict[str, str]:
    """PASSED, FAILED or ERROR by `Class::test`."""
    found = re.findall(r"^(PASSED|FAILED|ERROR) \S*?::(.*?)(?: - .*)?$", told, re.MULTILINE)
    return {name: outcome for outcome, name in found}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outcome of each test that a broken adapter must fail, with that adapter and with the good one."""
    names = list[str]()
    for where in ("", "Remote"):
        for good, tests in (("Passing", NOTICED), ("Reading", NOTICED_WITHOUT_PEOPLE)):
            names += [
                f"{BROKEN}::Test{where}{kind}::{test}" for broken, test in tests.items() for kind in (broken, good)
            ]
    only = ("-p", "conformance.named_only")
    return outcomes(run_pytest(*only, *dict.fromkeys(names), cwd=tmp_path_factory.mktemp("kit")))


@pytest.mark.parametrize("where", PLACES, ids=PLACES.values())
@pytest.mark.parametrize("broken", NOTICED)
def test_an_adapter_that_breaks_its_obligation_fails_and_a_good_one_passes(
    seen: dict[str, str], broken: str, where: str
) -> None:
    test = NOTICED[broken]
    is_mended = where == "Remote" and broken in MENDED_BY_THE_CONTRACT
    assert seen[f"Test{where}Passing::{test}"] == "PASSED"
    assert seen[f"Test{where}{broken}::{test}"] == ("PASSED" if is_mended else "FAILED")


@pytest.mark.parametrize("where", PLACES, ids=PLACES.values())
@pytest.mark.parametrize("broken", NOTICED_WITHOUT_PEOPLE)
def test_a_wrecked_adapter_is_noticed_without_people_too(seen: dict[str, str], broken: str, where: str) -> None:
    test = NOTICED_WITHOUT_PEOPLE[broken]
    assert seen[f"Test{where}Reading::{test}"] == "PASSED"
    assert seen[f"Test{where}{broken}::{test}"] == "FAILED"


def test_every_broken_adapter_is_tried() -> None:
    text = "".join(path.read_text() for path in KINDS)
    kinds = re.findall(r"^class (\w+)\((Passing|Reading)\)", text, re.MULTILINE)
    assert {name for name, base in kinds if base == "Passing"} - {"Reading"} == set(NOTICED)
    assert {name for name, base in kinds if base == "Reading"} == set(NOTICED_WITHOUT_PEOPLE)


def test_an_outside_author_runs_the_suite_as_documented_and_is_told_tables_and_what_was_skipped(
    tmp_path: Path,
) -> None:
    (tmp_path / "test_mine.py").write_text(example())
    part = "key or found or search or refused"  # the whole of it is run by the tests of leadline's own adapters
    told = run_pytest("-p", "leadline_server.testing.report", "-k", part, "test_mine.py", cwd=tmp_path)
    found = outcomes(told)
    assert set(found.values()) == {"PASSED"}
    assert len(found) > 20
    for missing in ("people", "trouble"):
        assert re.search(rf"^- CrmUnderTest.{missing} is not given.* Open: ", told, re.MULTILINE)
    assert re.search(r"\d+ not tested", told), "The run is not plainly green."
    assert "what the adapter of TestMyCrm can do" in told
    assert "| Enforces unique keys | yes |" in told


def test_everything_that_the_suite_takes_is_documented() -> None:
    document = (TESTS.parent / "docs" / "adapters-writing.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE)
    assert sorted(documented) == sorted({field.name for field in fields(CrmUnderTest)} - {"adapter"})


def test_a_suite_that_is_not_told_how_to_open_its_crm_fails(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from leadline_server.testing.crm_conformance import CrmConformance\nclass TestMine(CrmConformance): ...\n"
    )
    found = outcomes(run_pytest("test_mine.py", "-k", "empty_answer", cwd=tmp_path))
    assert found == {"TestMine::test_nobody_is_an_empty_answer": "ERROR"}
