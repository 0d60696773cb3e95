"""The whole service against a plain model of it, over any sequence of what may happen to an account.

`machine` has the rules, `calls`, `facts`, `decision` and `preferences` the model, `checks` and `account` the
comparison, `service` and `crm` what runs. A failure prints the steps that lead to it, the fewest that do.
"""

import pytest
from faults.model.front import Ledgers
from faults.model.machine import Account
from faults.model.service import serving
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test


def run(runs: int, steps: int, *, derandomize: bool, ledgers: Ledgers | None = None) -> None:
    """Play so many runs of so many steps at the most; each with a ledger in a file, or one of `ledgers`."""
    chosen = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=derandomize,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    with serving(ledgers) as front:
        Account.front = front
        run_state_machine_as_test(Account, settings=chosen)


def test_nothing_that_happens_makes_the_service_differ_from_its_model() -> None:
    run(100, 20, derandomize=True)


@pytest.mark.soak
def test_nothing_makes_the_service_differ_from_its_model_in_two_thousand_runs() -> None:
    run(2_000, 30, derandomize=False)
