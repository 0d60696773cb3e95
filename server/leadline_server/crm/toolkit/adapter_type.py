"""The parts of a CRM connection: the adapter type, its settings, and the context that it opens in."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict

from leadline_server.clock import Clock
from leadline_server.crm.egress import Egress
from leadline_server.crm.toolkit.oauth_grant import OAuthConsent
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import CrmAdapter
from leadline_server.ports.crm_guarantees import Capabilities
from leadline_server.ports.ledger import TokenStore


class ConnectionSettings(BaseModel):
    """The base of an adapter's settings for a connection. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=ConnectionSettings)


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account that an adapter serves: its id, and a function that returns its current settings."""

    id: str
    settings: Callable[[], AccountSettings]


Connect = Callable[[AccountView], CrmAdapter]
"""An open connection: makes the adapter of one of the accounts that share it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterContext:
    """The context in which a connection opens.

    Attributes:
        name: the connection's name in the settings. Its tokens are stored by this name.
        session: the HTTP session, shared by all connections.
        tokens: stores OAuth tokens, encrypted.
        clock: the time of day.
        data_dir: leadline's folder.
        numbering: how the numbers of each account are read when leadline starts, by its id.
        closing: a stack for everything that must be closed at the end.
        process_id: the id of this process: the owner of its leases on tokens.
        egress: how connections leave this machine, for adapters that do not use the session.
        storage: the ledger's database, for a CRM that lives in it; None: there is none, and such a CRM has its own.
        is_checked: whether the connection may reach only the hosts that `egress` lets pass; the session sees to that.
    """

    name: str
    session: aiohttp.ClientSession
    tokens: TokenStore
    clock: Clock
    data_dir: Path
    numbering: Mapping[str, NumberingRules] = field(default_factory=dict)
    closing: AsyncExitStack
    process_id: str
    egress: Egress = field(default_factory=Egress)
    is_checked: bool = False
    storage: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGaps:
    """The data that a CRM does not keep or does not find. The conformance suite checks that the list is exact.

    Attributes:
        fields: fields of a call that its log does not show, by their names in `testing.crm_fields`.
        forms: ways to write a number that a lookup does not find, by their names in `testing.crm_forms`.
        texts: kinds of text that the CRM changes, by their names in `testing.crm_texts`.
    """

    fields: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The guarantees of a connection, and the known gaps of its CRM."""

    capabilities: Capabilities
    known_gaps: KnownGaps = KnownGaps()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterType(Generic[S]):
    """One kind of adapter. The entry-point group `leadline.adapters` offers objects of this class.

    Attributes:
        name: the name in the settings, such as `hubspot`.
        title: the CRM's name for people, such as `HubSpot`.
        settings: the class of the connection's settings.
        open: opens a connection when leadline starts. It does not wait for the CRM: if one CRM is down at that time,
            the others must be served.
        capabilities: what every connection of this kind guarantees; None if that depends on the settings.
        known_gaps: the known gaps of a CRM of this kind.
        variants: both by kind of set-up, if they depend on the settings; for the documents.
        has_clean_texts: whether its texts have no harmful characters (`domain.clean_text`), since the adapter cleans
            them when it stores them. Those of other adapters are cleaned when they arrive.
        is_remote: whether the CRM is reached over a network. If so, requests are limited in time and measured, reads
            are repeated, and answers to lookups may be remembered for a while.
        consent: where a person grants access to a connection with these settings; None: that is not how it works.
    """

    name: str
    title: str
    settings: type[S]
    open: Callable[[S, AdapterContext], Awaitable[Connect]]
    capabilities: Capabilities | None = None
    known_gaps: KnownGaps = KnownGaps()
    variants: Mapping[str, Declared] = field(default_factory=dict)
    has_clean_texts: bool = False
    is_remote: bool = True
    consent: Callable[[S], OAuthConsent | None] | None = None


AnyAdapterType = AdapterType[Any]
