"""A CRM adapter that limits the time of every call."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from leadline_server.concurrency.deadline import TimeLimit
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.crm_errors import CrmOutcomeUnknown, CrmUnavailable
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import WRITES, CrmMethod

P = ParamSpec("P")
T = TypeVar("T")


class DeadlineCrm(CrmWrapper):
    """`inner`, cancelled after `seconds`. A read then raises CrmUnavailable, a write CrmOutcomeUnknown."""

    def __init__(self, inner: CrmAdapter, seconds: float) -> None:
        super().__init__(inner)
        self._seconds = seconds

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            async with TimeLimit(self._seconds):
                return await work(*args, **kwargs)
        except TimeoutError:  # also one that the adapter did not translate
            if method in WRITES:
                raise CrmOutcomeUnknown("The CRM did not answer in time. It may have done what it was asked.") from None
            raise CrmUnavailable("The CRM did not answer in time.") from None
