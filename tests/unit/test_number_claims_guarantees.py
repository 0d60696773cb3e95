"""The document of guarantees says what the adapters declare."""

from datetime import timedelta

import adapters
import guarantees
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.ports.crm_guarantees import Capabilities

CRMS = st.builds(
    Capabilities,
    finds_log_by_key=st.booleans(),
    enforces_unique_key=st.booleans(),
    moves_log=st.booleans(),
    search_lag=st.integers(0, 60).map(lambda seconds: timedelta(seconds=seconds)),
    settle_time=st.integers(0, 60).map(lambda seconds: timedelta(seconds=seconds)),
)


def test_the_committed_tables_are_the_generated_ones() -> None:
    document = guarantees.DOCUMENT.read_text(encoding="utf-8")
    assert guarantees.generated(document) == document


def test_a_stale_table_is_written_anew() -> None:
    document = guarantees.DOCUMENT.read_text(encoding="utf-8")
    assert guarantees.generated(document.replace("exactly once |", "perhaps |")) == document


def test_a_document_without_its_marks_is_refused() -> None:
    with pytest.raises(SystemExit):
        guarantees.generated("# What is promised")


def test_every_adapter_that_comes_with_leadline_and_whose_promises_are_known_has_its_row() -> None:
    assert set(guarantees.ADAPTERS) == {name for name, facts in adapters.ADAPTERS.items() if facts.capabilities}
    assert "`embedded`" in guarantees.ADAPTERS


@given(crm=CRMS)
def test_nothing_is_promised_without_condition_but_by_unique_keys(crm: Capabilities) -> None:
    promises = guarantees.of_contacts(crm), guarantees.of_logs(crm)
    if crm.enforces_unique_key:
        assert promises == ("exactly once", "exactly once")
    else:
        assert "exactly once" not in promises


@given(crm=CRMS)
def test_times_that_a_promise_depends_on_are_named(crm: Capabilities) -> None:
    if crm.enforces_unique_key:
        return
    for time in filter(None, (crm.settle_time, crm.search_lag)):
        assert f"within {time.total_seconds():g} s" in guarantees.of_contacts(crm)


@given(crm=CRMS)
def test_logs_that_can_neither_be_found_nor_keyed_are_promised_at_least_once(crm: Capabilities) -> None:
    is_least = not crm.enforces_unique_key and not crm.finds_log_by_key
    assert (guarantees.of_logs(crm) == "at least once") == is_least
