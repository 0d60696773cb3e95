"""A CRM adapter behind its account's circuit breaker."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from leadline_server.concurrency.circuit_breaker import CircuitBreaker
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmOutcomeUnknown, CrmRejected, CrmTooMuch, CrmUnavailable
from leadline_server.domain.request_not_sent import NOT_SENT, CredentialsRefused
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import CrmMethod

P = ParamSpec("P")
T = TypeVar("T")


class CircuitBreakerCrm(CrmWrapper):
    """`inner`, called only while `breaker` is closed, or as its trial request; else it raises RequestNotSent.

    `check` is called in any case. So an administrator's check closes the breaker as soon as the CRM answers.
    """

    def __init__(self, inner: CrmAdapter, breaker: CircuitBreaker) -> None:
        super().__init__(inner)
        self._breaker = breaker
        self._refusal = ""

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        is_trial = method is not CrmMethod.CHECK and not self._breaker.is_calm and self._admit()
        try:
            answer = await work(*args, **kwargs)
        except BaseException as error:
            if method is CrmMethod.LIST_USERS and isinstance(error, CrmAuthFailed):
                # Many CRMs have a permission for users alone. Without it, calls must still be delivered.
                self._judge(None, is_trial=is_trial)
            else:
                self._judge(error, is_trial=is_trial)
            raise
        if not self._breaker.is_calm:
            self._breaker.answered()
        return answer

    def _admit(self) -> bool:
        """Admit a call; True if it is the trial request. An error for refused credentials repeats the CRM's words."""
        try:
            return self._breaker.admit()
        except CredentialsRefused as error:
            raise CredentialsRefused(error.retry_after or 0.0, self._refusal) from None

    def _judge(self, error: BaseException | None, *, is_trial: bool) -> None:
        """Tell the breaker what an error says of the CRM: it refuses the credentials, answers, fails, or nothing."""
        if isinstance(error, CrmAuthFailed):
            self._refusal = error.message
            self._breaker.refused()
        elif isinstance(error, CrmRejected | CrmTooMuch):
            self._breaker.answered()
        elif isinstance(error, CrmUnavailable | CrmOutcomeUnknown | TimeoutError) and not isinstance(error, NOT_SENT):
            self._breaker.failed(getattr(error, "retry_after", None) or 0.0)
        elif is_trial:
            self._breaker.abandoned()
