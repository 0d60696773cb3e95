"""A CRM adapter behind its account's breaker and rate limit."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

from leadline_server.concurrency.circuit_breaker import CircuitBreaker
from leadline_server.concurrency.rate_limiter import RateLimiter
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import CrmAuthFailed, CrmOutcomeUnknown, CrmRejected, CrmTooMuch, CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.request_not_sent import NOT_SENT
from leadline_server.ports.crm import Capabilities, ContactPage, CrmAdapter, CrmLog, LogEntry

P = ParamSpec("P")
T = TypeVar("T")


class CircuitBreakerCrm:
    """`inner`, asked only when `breaker` and `rate` (None: no limit) allow it; else errors of `delivery.pauses`."""

    def __init__(self, inner: CrmAdapter, breaker: CircuitBreaker, rate: RateLimiter | None) -> None:
        self._inner = inner
        self._breaker = breaker
        self._rate = rate

    @property
    def capabilities(self) -> Capabilities:
        """The inner one's, as they are now: an adapter in another process may not have said them yet."""
        return self._inner.capabilities

    async def _ask(self, operation: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        is_probe = not self._breaker.is_calm and self._breaker.admit()
        try:
            if self._rate is not None:
                await self._rate.wait()
            answer = await operation(*args, **kwargs)
        except BaseException as error:
            self._judge(error, is_probe=is_probe)
            raise
        if not self._breaker.is_calm:
            self._breaker.answered()
        return answer

    def _judge(self, error: BaseException, *, is_probe: bool) -> None:
        """What an error says of the CRM: that it refuses leadline, answers, does not answer, or nothing."""
        if isinstance(error, CrmAuthFailed):
            self._breaker.refused()
        elif isinstance(error, CrmRejected | CrmTooMuch):
            self._breaker.answered()
        elif isinstance(error, CrmUnavailable | CrmOutcomeUnknown | TimeoutError) and not isinstance(error, NOT_SENT):
            self._breaker.failed(getattr(error, "retry_after", None) or 0.0)
        elif is_probe:
            self._breaker.abandoned()

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """See ports.crm.CrmAdapter; so for all that follows."""
        return await self._ask(self._inner.find_contacts, numbers)

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The contact with this id."""
        return await self._ask(self._inner.get_contact, contact_id)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """Contacts by name."""
        return await self._ask(self._inner.search_contacts, name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        """Create a contact."""
        return await self._ask(self._inner.create_contact, draft, key)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call."""
        return await self._ask(self._inner.create_call_log, entry, key)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Bring an existing log up to date."""
        return await self._ask(self._inner.update_call_log, log_id, entry)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The log that was written with `key`."""
        return await self._ask(self._inner.find_call_log, key)

    async def check(self) -> None:
        """Whether the CRM answers; asked whatever happened before, so it can close the breaker."""
        try:
            await self._inner.check()
        except BaseException as error:
            self._judge(error, is_probe=False)
            raise
        self._breaker.answered()
