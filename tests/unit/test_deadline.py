"""A call is answered shortly before its caller's deadline, and after ten seconds at the latest (docs/flow.md)."""

import pytest
from leadline_server.concurrency.deadline import MOST_SECONDS, work_seconds


@pytest.mark.parametrize(
    ("remaining", "work"), [(None, 10.0), (60.0, 10.0), (5.0, 4.9), (3.0, 2.9), (0.5, 0.45), (0.0, 0.0)]
)
def test_time_is_kept_to_answer_in(remaining: float | None, work: float) -> None:
    assert work_seconds(remaining, MOST_SECONDS) == pytest.approx(work)
