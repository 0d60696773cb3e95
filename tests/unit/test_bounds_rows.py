"""Which tests hold the bounds that hostile input once broke. Each row names its test, which has the figure."""

from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).resolve().parents[1]
SERVER: Final = "faults/bounds/test_bounds.py"

ROWS: Final = {
    "Retry-After: inf, 7,000 digits": (SERVER, "test_a_hostile_retry_after_ends_as_a_bounded_wait"),
    "Retry-After: 99999999999, a date in 9999": (SERVER, "test_a_hostile_retry_after_ends_as_a_bounded_wait"),
    "a connection that was held": ("unit/test_hostile_delays.py", "test_a_connection_is_held_for_a_day_at_most"),
    "expires_in: inf, 1e300": (
        "unit/test_hostile_delays.py",
        "test_a_life_of_a_token_is_30_days_at_most_and_the_rotated_refresh_token_is_kept",
    ),
    "75,000 contacts in 3.9 MB": (SERVER, "test_75_000_contacts_in_an_answer_are_never_read"),
    "100,000 nested lists": (SERVER, "test_100_000_nested_lists_are_cannot_tell"),
    "100,000 nested lists after a write": (
        SERVER,
        "test_a_write_whose_answer_is_nested_too_deeply_has_an_unknown_outcome",
    ),
    "contacts of 10 KB": (SERVER, "test_contacts_of_10_kb_fill_neither_the_memory_nor_a_row"),
    "a page of 1,000 large calls": (SERVER, "test_a_page_of_large_calls_fits_into_4_mib"),
    "1,200 reports that clear 64 attributes": (
        SERVER,
        "test_1_200_reports_that_clear_unknown_attributes_leave_a_small_row_and_log",
    ),
    "JMESPath of 217 characters": (
        "unit/test_bounds_definitions.py",
        "test_an_expression_that_multiplies_is_refused_on_load",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_test(row: str) -> None:
    file, name = ROWS[row]
    assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8")
