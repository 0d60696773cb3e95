"""A CRM adapter that keeps to its account's rate limit."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from leadline_server.concurrency.rate_limiter import RateLimiter
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import CrmMethod

P = ParamSpec("P")
T = TypeVar("T")


class RateLimitCrm(CrmWrapper):
    """`inner`, whose calls wait for their turn. `check` does not wait.

    Raises:
        RateLimitExceeded: a call would have to wait for too long. It was not sent.
    """

    def __init__(self, inner: CrmAdapter, rate: RateLimiter) -> None:
        super().__init__(inner)
        self._rate = rate

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if method is not CrmMethod.CHECK:
            await self._rate.wait()
        return await work(*args, **kwargs)
