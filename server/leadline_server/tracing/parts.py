"""The parts of the service with their spans. They replace the plain ones only where traces go somewhere."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeVar

from leadline_server.accounts.registry import Account
from leadline_server.clock import Clock
from leadline_server.contacts.lookup import ContactLookup, FoundContacts
from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.delivery.attempt import DecisionLoader, DeliveryAttempt
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.situation import Outcome
from leadline_server.parts import Parts
from leadline_server.ports.crm import CrmAdapter, in_ledger, in_transaction
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.ports.ledger import Claims, LedgerTransaction
from leadline_server.storage.traced import TracedDatabase
from leadline_server.tracing.spans import Tracing, is_traced

P = ParamSpec("P")
T = TypeVar("T")


class TracedLookup(ContactLookup):
    """A lookup with a span."""

    def __init__(self, claims: Claims, clock: Clock, tracing: Tracing) -> None:
        super().__init__(claims, clock)
        self._tracing = tracing

    def answer(
        self, account: Account, numbers: Sequence[PhoneNumber], *, may_be_remembered: bool
    ) -> Coroutine[Any, Any, FoundContacts]:
        """As ContactLookup has it. A call that is not traced has no coroutine more."""
        answer = super().answer(account, numbers, may_be_remembered=may_be_remembered)
        return self._traced(answer) if is_traced() else answer

    async def _traced(self, answer: Awaitable[FoundContacts]) -> FoundContacts:
        with self._tracing.span("lookup"):
            return await answer


class TracedDecisions(DecisionLoader):
    """Decisions with a span, which has the lookup's in it."""

    def __init__(self, lookup: ContactLookup, clock: Clock, tracing: Tracing) -> None:
        super().__init__(lookup, clock)
        self._tracing = tracing

    async def decide(self, attempt: DeliveryAttempt, *, by_number: bool = False) -> Outcome:
        """As DecisionLoader has it."""
        with self._tracing.span("decision"):
            return await super().decide(attempt, by_number=by_number)


class TracedCrm(CrmWrapper):
    """Requests to a CRM with a span each; `adapter` is the adapter's name."""

    def __init__(self, inner: CrmAdapter, tracing: Tracing, adapter: str) -> None:
        super().__init__(inner)
        self._tracing = tracing
        self._adapter = adapter

    @property
    def is_in_ledger(self) -> bool:
        """As `inner`."""
        return in_ledger(self._inner) is not None

    def within(self, transaction: LedgerTransaction) -> "TracedCrm":
        """As `inner`, with spans."""
        return TracedCrm(in_transaction(self._inner, transaction), self._tracing, self._adapter)

    def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Coroutine[Any, Any, Sequence[Contact]]:
        """Look numbers up. A call that is not traced has no coroutine more."""
        return super().find_contacts(numbers) if is_traced() else self._inner.find_contacts(numbers)

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        with self._tracing.span(f"crm {method.value}", adapter=self._adapter):
            return await work(*args, **kwargs)


def _traced_postgres(tracing: Tracing, *parts: Any) -> Any:
    # asyncpg is not in every installation
    from leadline_server.storage.postgres.traced import TracedPostgresDatabase

    return TracedPostgresDatabase(tracing, *parts)


def traced(tracing: Tracing) -> Parts:
    """The parts with their spans."""
    return Parts(
        lookup=lambda claims, clock: TracedLookup(claims, clock, tracing),
        decisions=lambda lookup, clock: TracedDecisions(lookup, clock, tracing),
        database=partial(TracedDatabase, tracing),
        crm=lambda adapter, name: TracedCrm(adapter, tracing, name),
        postgres=partial(_traced_postgres, tracing),
    )
