"""What a CRM connection is made of: the kind of adapter, its settings, and what it gets of its surroundings."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict

from leadline_server.clock import Clock
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import Capabilities, CrmAdapter
from leadline_server.ports.tokens import TokenStore


class ConnectionSettings(BaseModel):
    """The base of what each kind of adapter lets an administrator set. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=ConnectionSettings)


@dataclass(frozen=True, slots=True)
class AccountView:
    """What an adapter knows of the account that it serves: its id, and its settings as they are at any moment."""

    id: str
    settings: Callable[[], AccountSettings]


Connect = Callable[[AccountView], CrmAdapter]
"""A connection at work: makes the adapter of one of the accounts that share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a connection is opened with.

    Attributes:
        name: the connection's, as in the settings; what its tokens are kept under.
        session: the HTTP client's connections, shared by all.
        tokens: where OAuth tokens are kept, sealed.
        clock: the time of day.
        data_dir: leadline's folder.
        numbering: how the numbers of each account are read when leadline starts, by its id.
        closing: whatever must be closed in the end goes here.
    """

    name: str
    session: aiohttp.ClientSession
    tokens: TokenStore
    clock: Clock
    data_dir: Path
    numbering: Mapping[str, NumberingRules] = field(default_factory=dict)
    closing: AsyncExitStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What a CRM does not keep as it was told, or does not find; the conformance suite holds adapters to it.

    Attributes:
        fields: the fields of a call that its logs do not show, by their names in `testing.crm_fields`.
        forms: the ways to write a number that a lookup does not find, as in `testing.crm_forms`.
        texts: the kinds of text that do not arrive as they are, as in `testing.crm_texts`.
    """

    fields: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a connection promises, and what its CRM loses."""

    capabilities: Capabilities
    losses: Losses = Losses()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterType(Generic[S]):
    """One kind of adapter: what the entry-point group `leadline.adapters` offers.

    Attributes:
        name: the word that settings choose it by.
        title: the CRM's name for people.
        settings: what can be set of a connection.
        open: opens a connection, once, when leadline starts. It does not wait for the CRM: one that is down then must
            not keep the others from being served.
        capabilities: what every connection of this kind can promise; None where that depends on its settings.
        losses: what a CRM of this kind does not keep or find.
        variants: where both depend on the settings, what is declared by how a connection is set up, for the documents.
        is_remote: whether the CRM is asked over a network: then what it is asked is bounded in time and measured, reads
            are tried again, and lookups may be answered from memory for a while.
    """

    name: str
    title: str
    settings: type[S]
    open: Callable[[S, Surroundings], Awaitable[Connect]]
    capabilities: Capabilities | None = None
    losses: Losses = Losses()
    variants: Mapping[str, Declared] = field(default_factory=dict)
    is_remote: bool = True


AnyAdapterType = AdapterType[Any]
