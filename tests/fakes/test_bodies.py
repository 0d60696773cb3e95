"""A note is read from a body as it was written."""

import pytest
from leadline_server.crm.toolkit.call_text import Style, body_of
from leadline_server.testing.crm_fields import full_entry
from leadline_server.testing.crm_harness import Report
from leadline_server.testing.crm_texts import LINES, TEXTS

from fakes.bodies import note_in, readable


@pytest.mark.parametrize("kind", [*TEXTS, *LINES])
@pytest.mark.parametrize("is_html", [False, True])
def test_a_note_is_read_as_it_was_written(kind: str, is_html: bool) -> None:  # noqa: FBT001 - of pytest
    note = {**TEXTS, **LINES}[kind]
    body = body_of(Report().entry("1", note=note), "UTC", Style(is_html=is_html))
    assert note_in(readable(body) if is_html else body) == note


def test_a_note_ends_where_the_summary_begins_and_may_be_missing() -> None:
    assert note_in(body_of(full_entry("1"), "UTC", Style())) == "A note"
    assert note_in(body_of(Report().entry("1", note=""), "UTC", Style())) == ""
