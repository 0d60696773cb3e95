"""When a delivery that failed is tried again."""

from datetime import timedelta

import pytest
from leadline_server.delivery.backoff import LONGEST, delay_after
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmOutcomeUnknown, CrmUnavailable
from leadline_server.ports.crm_guarantees import Capabilities

KEYED = Capabilities(finds_log_by_key=True, enforces_unique_key=True, moves_log=True, settle_time=timedelta(minutes=1))
SETTLING = Capabilities(
    finds_log_by_key=True, enforces_unique_key=False, moves_log=True, settle_time=timedelta(minutes=1)
)
DOWN = CrmUnavailable("Down.")


def seconds(error: Exception, attempts: int = 0, capabilities: Capabilities = KEYED, chance: float = 1.0) -> float:
    return delay_after(error, attempts, capabilities, chance).total_seconds()


def test_each_failure_doubles_the_delay_up_to_five_minutes() -> None:
    assert [seconds(DOWN, attempts) for attempts in (0, 1, 2, 8, 9, 1000)] == [1, 2, 4, 256, 300, 300]
    assert timedelta(minutes=5) == LONGEST


def test_half_of_a_delay_is_by_chance() -> None:
    assert (seconds(DOWN, 3, chance=0.0), seconds(DOWN, 3, chance=1.0)) == (4, 8)


@pytest.mark.parametrize(("asked", "kept"), [(7.0, 7), (900.0, 900), (100_000.0, 3600), (0.0, 1), (-5.0, 1)])
def test_what_the_crm_asks_for_is_kept_to_within_reason(asked: float, kept: float) -> None:
    assert seconds(CrmUnavailable("Down.", retry_after=asked), 9) == kept


def test_refused_credentials_are_tried_again_slowly() -> None:
    assert seconds(CrmAuthFailed("No.")) == 60


@pytest.mark.parametrize("error", [CrmOutcomeUnknown("No answer."), TimeoutError(), ZeroDivisionError()])
def test_a_write_whose_end_is_unknown_is_given_its_time_to_settle(error: Exception) -> None:
    assert seconds(error, 0, SETTLING) == 60
    assert seconds(error, 0, KEYED) == 1
    assert seconds(DOWN, 0, SETTLING) == 1
