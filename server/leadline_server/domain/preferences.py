"""Preferences: what leadline may do on its own, per field over three levels.

The built-in value is overridden by the account's default, and that by the user's own value, unless the account's
administrator locked the field: then the user's value is kept but has no say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import lru_cache
from typing import Final

from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.domain.numbers.numbering_rules import NumberingRules, numbering_rules
from leadline_server.domain.placeholder_bounds import PLACEHOLDERS_PER_DAY, PLACEHOLDERS_PER_HOUR
from leadline_server.domain.unshown import unshown


class UnknownContactAction(IntEnum):
    """The action for a call whose other party is confirmed to be in no contact. Numbers as in the contract."""

    DO_NOTHING = 1
    CREATE_PLACEHOLDER = 2


class MultipleMatchAction(IntEnum):
    """The action for a call that matches several contacts. Numbers as in the contract."""

    DO_NOTHING = 1
    FIRST_ALPHABETICAL = 2
    MOST_RECENT_ACTIVITY = 3
    EARLIEST_CREATED = 4


class PlaceholderNameFormat(IntEnum):
    """How a caller-ID name in capitals becomes a placeholder's name. Numbers as in the contract."""

    AS_SENT = 1
    TITLE_CASE = 2
    FIRST_LAST = 3


class PreferenceSource(IntEnum):
    """The level that a preference's value comes from. Numbers as in the contract."""

    BUILT_IN = 1
    ACCOUNT = 2
    USER = 3

    @property
    def phrase(self) -> str:
        """The level in words, for explanations."""
        return {1: "the built-in default", 2: "the account's default", 3: "the user's preference"}[self.value]


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """One level's values. None inherits from the level below; an empty tuple is a value of its own."""

    auto_log_calls: bool | None = None
    unknown_contact_action: UnknownContactAction | None = None
    placeholder_name: str | None = None
    placeholder_contact_type: str | None = None
    multiple_match_action: MultipleMatchAction | None = None
    log_internal_calls: bool | None = None
    excluded_directions: tuple[CallDirection, ...] | None = None
    excluded_results: tuple[CallResult, ...] | None = None
    excluded_numbers: tuple[str, ...] | None = None
    wait_until_final: bool | None = None
    distrust_failed_attestation: bool | None = None
    crm_user_id: str | None = None
    placeholder_name_format: PlaceholderNameFormat | None = None


PREFERENCE_FIELDS: Final = tuple(field.name for field in fields(Preferences))

USER_ONLY_FIELDS: Final = frozenset({"crm_user_id"})
"""Fields that mean nothing for a whole account."""


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """The settings that an administrator makes for an account.

    Attributes:
        default_region: the ISO 3166-1 code that numbers without a country code are read in.
        time_zone: an IANA name; None: none was set.
        number_formats: patterns such as `(###) ###-####`, for CRMs that search numbers literally.
        extension_pattern: masks of the account's extensions, such as "1xx,2xxx".
        dial_prefixes: what its phones dial before an outside number, such as ("9",).
        own_numbers: the account's own numbers, in E.164.
        default_user_id: the user of reports that name none; empty: no user.
        create_without_log: whether placeholders are created although the CRM cannot log calls.
        caller_id_prefixes: labels that the phone system puts before caller-ID names, such as `SALES:`.
        placeholder_limit_per_hour, placeholder_limit_per_day: how many placeholders calls may create.
        placeholder_limit_per_user_per_hour, placeholder_limit_per_user_per_day: of each user; None: no such limit.
        placeholder_unattested_percent: the share of the account's limits that unattested calls may use.
        join_linked_calls: whether calls of one conversation with one outside party share a log.
    """

    defaults: Preferences = Preferences()
    locked: tuple[str, ...] = ()
    default_region: str = "US"
    time_zone: str | None = None
    number_formats: tuple[str, ...] = ()
    extension_pattern: str = ""
    dial_prefixes: tuple[str, ...] = ()
    own_numbers: tuple[str, ...] = ()
    default_user_id: str = ""
    create_without_log: bool = False
    caller_id_prefixes: tuple[str, ...] = ()
    placeholder_limit_per_hour: int = PLACEHOLDERS_PER_HOUR
    placeholder_limit_per_day: int = PLACEHOLDERS_PER_DAY
    placeholder_limit_per_user_per_hour: int | None = None
    placeholder_limit_per_user_per_day: int | None = None
    placeholder_unattested_percent: int = 100
    join_linked_calls: bool = False

    @property
    def zone(self) -> str:
        """The time zone in which people see times: the account's own, else UTC."""
        return self.time_zone or "UTC"

    @property
    def numbering(self) -> NumberingRules:
        """How the account's numbers are read."""
        return numbering_rules(self.default_region, self.extension_pattern, self.dial_prefixes)


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class EffectivePreferences:
    """The values in force for one user, each with the level it comes from."""

    auto_log_calls: bool = True
    unknown_contact_action: UnknownContactAction = UnknownContactAction.DO_NOTHING
    placeholder_name: str = "Unknown Caller"
    placeholder_contact_type: str = ""
    multiple_match_action: MultipleMatchAction = MultipleMatchAction.DO_NOTHING
    log_internal_calls: bool = False
    excluded_directions: tuple[CallDirection, ...] = ()
    excluded_results: tuple[CallResult, ...] = ()
    excluded_numbers: tuple[str, ...] = ()
    wait_until_final: bool = False
    distrust_failed_attestation: bool = True
    crm_user_id: str = ""
    placeholder_name_format: PlaceholderNameFormat = PlaceholderNameFormat.AS_SENT
    sources: Mapping[str, PreferenceSource]
    locked: frozenset[str] = frozenset()

    def origin(self, name: str) -> str:
        """The level of one field in words, with the lock where there is one: for explanations."""
        phrase = self.sources[name].phrase
        return f"{phrase}, locked by the administrator" if name in self.locked else phrase


@lru_cache(maxsize=4096)
def resolve(settings: AccountSettings, user: Preferences) -> EffectivePreferences:
    """The preferences in force for a user who set `user`, in an account with `settings`."""
    values: dict[str, object] = {}
    sources = dict.fromkeys(PREFERENCE_FIELDS, PreferenceSource.BUILT_IN)
    locked = frozenset(settings.locked)
    for name in PREFERENCE_FIELDS:
        own = None if name in locked else getattr(user, name)
        default = None if name in USER_ONLY_FIELDS else getattr(settings.defaults, name)
        if own is not None:
            values[name], sources[name] = own, PreferenceSource.USER
        elif default is not None:
            values[name], sources[name] = default, PreferenceSource.ACCOUNT
    # Keys and types are those of Preferences, field by field; a test holds the two classes together.
    return EffectivePreferences(sources=sources, locked=locked, **values)  # type: ignore[arg-type]
