"""Facts about a CRM that leadline has from documents alone, and what a test with a real account says about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Topic(StrEnum):
    """The subject of one check of `leadline connections check --assumptions`."""

    LOOKUP = "lookup"
    FORMS = "forms"
    SAME_NAME = "same_name"
    CHARACTERS = "characters"
    NAME_SEARCH = "name_search"
    LOG = "log"
    UPDATE = "update"
    LONG_NOTE = "long_note"
    KEY = "key"
    UNIQUE_KEY = "unique_key"
    MOVE = "move"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedFact:
    """A fact that no real account of leadline's authors has confirmed.

    Attributes:
        name: its name, such as `call_type_is_fixed`.
        says: the fact, in a sentence.
        source: where it is from: a document's title, and when it was read.
        ask: what to ask the vendor's support, where leadline cannot try it.
        topic: the check that shows whether it holds; None: no common check does.
    """

    name: str
    says: str
    source: str
    ask: str = ""
    topic: Topic | None = None


@runtime_checkable
class TellsFacts(Protocol):
    """An adapter that relies on documented facts."""

    @property
    def documented_facts(self) -> Sequence[DocumentedFact]:
        """The facts, in the order to show them."""
        ...


@runtime_checkable
class TriesFacts(Protocol):
    """An adapter that can try some of its facts itself."""

    async def try_fact(self, name: str, log_id: str) -> bool | None:
        """Whether a fact holds; None: this adapter cannot try it. `log_id` is the log of an answered test call.

        Raises as `ports.crm.CrmAdapter`.
        """
        ...


@runtime_checkable
class DeletesCallLogs(Protocol):
    """An adapter that can delete a call log. leadline deletes only those of its own tests."""

    async def delete_call_log(self, log_id: str) -> None:
        """Delete the log. One that is gone is no error. Raises as `ports.crm.CrmAdapter`."""
        ...
