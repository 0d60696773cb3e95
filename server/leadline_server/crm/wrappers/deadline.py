"""A CRM adapter whose every operation ends in time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from leadline_server.crm.wrappers.wrapper import WRITES, CrmWrapper, Operation
from leadline_server.domain.errors import CrmOutcomeUnknown, CrmUnavailable
from leadline_server.ports.crm import CrmAdapter

P = ParamSpec("P")
T = TypeVar("T")


class DeadlineCrm(CrmWrapper):
    """`inner`, given up on after `seconds`: a read is CrmUnavailable then, a write CrmOutcomeUnknown."""

    def __init__(self, inner: CrmAdapter, seconds: float) -> None:
        super().__init__(inner)
        self._seconds = seconds

    async def _do(self, operation: Operation, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await work(*args, **kwargs)
        except TimeoutError:  # also one that the adapter did not translate
            if operation in WRITES:
                raise CrmOutcomeUnknown("The CRM did not answer in time; it may have done it.") from None
            raise CrmUnavailable("The CRM did not answer in time.") from None
