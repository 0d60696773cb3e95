"""Rules for changes of the CRM, of the time, and of leadline's own process."""

from datetime import timedelta
from typing import Any, Final

from faults.model import strategies as some
from faults.model.account import AccountModel
from faults.model.crm import Fault
from faults.model.front import Front
from faults.model.service import Service
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

_TIMES: Final = st.sampled_from(
    [
        timedelta(seconds=10),
        timedelta(minutes=6),
        timedelta(hours=1),
        timedelta(hours=3),
        timedelta(hours=4, minutes=5),
        timedelta(days=8),
    ]
)


class Stage(RuleBasedStateMachine):
    """One account's model beside the service, and what several of its parts do."""

    front: Front
    model: AccountModel
    service: Service

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        try:
            self.model.come_to_rest()
        finally:
            self.service.close()

    @property
    def is_stalled(self) -> bool:
        return bool(self.service.mood.waiting)

    @property
    def people(self) -> list[Any]:
        return self.service.truth.people()

    @rule(fault=some.faults())
    def go_wrong(self, fault: tuple[dict[str, Fault], bool]) -> None:
        faults, is_once = fault
        self.model.is_calm = False
        self.service.mood.faults |= faults
        self.service.mood.once |= set(faults) if is_once else set()

    @precondition(lambda self: not self.model.is_calm)
    @rule(now=st.sampled_from([False, False, True]))
    def come_right(self, now: bool) -> None:  # noqa: FBT001 - drawn
        if now:
            self.model.come_to_rest()

    @precondition(lambda self: not self.is_stalled)  # a process at work renews what it holds, by a clock of its own
    @rule(by=_TIMES)
    def pass_time(self, by: timedelta) -> None:
        self.model.pass_time(by)

    @precondition(lambda self: not self.is_stalled)
    @rule()
    def restart(self) -> None:
        with self.model.step():
            self.model.run(self.service.restart())

    @rule()
    def crash(self) -> None:
        """Calls under way are delivered again after their leases; their progress was perhaps not yet written down."""
        with self.model.step():
            self.model.run(self.service.crash())
            for call in self.model.calls.values():
                call.is_settled = False
                call.earlier.clear()
