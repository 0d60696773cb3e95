"""The adapter as the suite calls it: what it may not call is skipped, and what it made is removed in the end."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import suppress
from enum import StrEnum
from types import CodeType
from typing import Final, ParamSpec, TypeVar

import pytest

from leadline_server.crm.wrappers.wrapper import CrmWrapper
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmError
from leadline_server.ports.crm import ContactDeleter, CrmAdapter, CrmLog
from leadline_server.ports.crm_guarantees import CrmMethod

P = ParamSpec("P")
T = TypeVar("T")


class Level(StrEnum):
    """How far an adapter has come: the steps of "How to start" in docs/remote-adapters.md."""

    LOOKUP = "lookup"
    CONTACTS = "contacts"
    LOGS = "logs"
    FULL = "full"


_LEVEL_OF: Final = {
    CrmMethod.CREATE_CONTACT: Level.CONTACTS,
    CrmMethod.CREATE_CALL_LOG: Level.LOGS,
    CrmMethod.UPDATE_CALL_LOG: Level.LOGS,
    CrmMethod.GET_CALL_LOG: Level.LOGS,
    CrmMethod.FIND_CALL_LOG: Level.FULL,
    CrmMethod.SEARCH_CONTACTS: Level.FULL,
    CrmMethod.LIST_USERS: Level.FULL,
    CrmMethod.DELETE_CONTACT: Level.FULL,
}
"""The first level that calls a method; LOOKUP for the others."""

_STEPS: Final = tuple(Level)
_REMOVAL_SECONDS: Final = 10.0


class KitAdapter(CrmWrapper):
    """Passes calls to the adapter under test, and remembers the contacts and logs that it made.

    Args:
        inner: the adapter.
        level: how far the suite goes.
    """

    def __init__(self, inner: CrmAdapter, level: Level) -> None:
        super().__init__(inner)
        self._level = level
        self._made: dict[str, list[str]] = {}  # ids of logs by the id of their contact

    def may_call(self, method: CrmMethod) -> bool:
        """Whether the level has the method, and the adapter declares it."""
        return not self._reason_against(method)

    def need(self, method: CrmMethod) -> None:
        """Skip the test unless the method may be called."""
        if reason := self._reason_against(method):
            pytest.skip(reason)

    def reason_against(self, methods: Collection[CrmMethod]) -> str:
        """Why one of the methods may not be called; empty if all may."""
        return next((reason for method in sorted(methods) if (reason := self._reason_against(method))), "")

    async def remove_what_was_made(self) -> None:
        """Delete the contacts that this suite made, where the adapter can. Contacts that people used meanwhile stay."""
        if not self.capabilities.deletes_contacts or not isinstance(self._inner, ContactDeleter):
            return
        with suppress(CrmError, TimeoutError):
            async with asyncio.timeout(_REMOVAL_SECONDS):
                for contact_id, log_ids in self._made.items():
                    await self._inner.delete_contact(contact_id, log_ids[:100], only_check=False)

    async def _do(self, method: CrmMethod, work: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        self.need(method)
        result = await work(*args, **kwargs)
        if method is CrmMethod.CREATE_CONTACT and isinstance(result, Contact):
            self._made.setdefault(result.id, [])
        if method is CrmMethod.CREATE_CALL_LOG and isinstance(result, CrmLog):
            for log_ids in self._made.values():
                log_ids.append(result.id)  # it may be moved to any of them
        return result

    def _reason_against(self, method: CrmMethod) -> str:
        level = _LEVEL_OF.get(method, Level.LOOKUP)
        if _STEPS.index(level) > _STEPS.index(self._level):
            return f"Level {self._level} does not call {method}; level {level} does."
        declared = self.capabilities.deletes_contacts if method is CrmMethod.DELETE_CONTACT else None
        if method not in self.capabilities.methods and not declared:
            return f"The adapter does not declare {method}, which is optional."
        return ""


def methods_in(function: Callable[..., object]) -> frozenset[CrmMethod]:
    """The methods that a test names in its code: they are checked before it creates anything."""
    names = set(_names(function.__code__)) if hasattr(function, "__code__") else set()
    # People delete contacts too, by a method of that name.
    return frozenset(method for method in CrmMethod if method.value in names) - {CrmMethod.DELETE_CONTACT}


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
