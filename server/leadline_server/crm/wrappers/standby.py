"""A CRM adapter of a server whose ledger is a restored copy: it writes only when the copy is the live one."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, ParamSpec, TypeVar

from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact
from leadline_server.domain.ledger_errors import StandbyLedger
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.domain.request_not_sent import CrmNotUsed
from leadline_server.ports.crm import CrmAdapter, in_ledger, in_transaction
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.ports.ledger import LedgerTransaction

P = ParamSpec("P")
T = TypeVar("T")

_WRITES: Final = frozenset(
    {CrmMethod.CREATE_CONTACT, CrmMethod.CREATE_CALL_LOG, CrmMethod.UPDATE_CALL_LOG, CrmMethod.DELETE_CONTACT}
)


class StandbyCrm(CrmWrapper):
    """`inner`, whose writes raise CrmNotUsed while `is_standby` returns true."""

    def __init__(self, inner: CrmAdapter, is_standby: Callable[[], bool]) -> None:
        super().__init__(inner)
        self._is_standby = is_standby

    @property
    def is_in_ledger(self) -> bool:
        """As `inner`."""
        return in_ledger(self._inner) is not None

    def within(self, transaction: LedgerTransaction) -> "StandbyCrm":
        """As `inner`, with the same check of writes."""
        return StandbyCrm(in_transaction(self._inner, transaction), self._is_standby)

    async def find_now(self, numbers: Sequence[PhoneNumber]) -> tuple[Sequence[Contact], int]:
        """As `inner`: reads are allowed."""
        crm = in_ledger(self._inner)
        if crm is None:
            raise TypeError("the CRM is not in the ledger's database")
        return await crm.find_now(numbers)

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if method in _WRITES and self._is_standby():
            raise CrmNotUsed(StandbyLedger.SENTENCE)
        return await super()._do(method, work, *args, **kwargs)
