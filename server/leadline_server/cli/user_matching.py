"""Finds, for each user of the directory, the user of the CRM with the same e-mail address.

Only equal addresses match; upper and lower case are the same. Nothing is guessed: if two users of the CRM have the
address, both are named, and a person chooses.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.directory_pb2 import CrmUser, User


class MatchOutcome(StrEnum):
    """The result of comparing the addresses of a user."""

    PROPOSED = "proposed"
    """One active user of the CRM has an address of theirs."""
    SET = "set"
    """They have the id of that very user already."""
    DIFFERENT = "different"
    """They have another id. It stays."""
    SEVERAL = "several"
    """Several users of the CRM have their addresses."""
    NOT_ACTIVE = "not_active"
    """The only user of the CRM with their address is not active there. CRMs refuse logs of such owners."""
    NONE = "none"
    """No user of the CRM has an address of theirs."""
    NO_EMAIL = "no_email"
    """The directory has no address of theirs."""


@dataclass(frozen=True, slots=True)
class UserMatch:
    """A user of the directory, and the users of the CRM with an address of theirs."""

    user: "User"
    outcome: MatchOutcome
    crm_users: "tuple[CrmUser, ...]" = ()


def matches(users: "Iterable[User]", crm_users: "Iterable[CrmUser]") -> Iterator[UserMatch]:
    """One match for each user of the directory, in their order."""
    by_email: defaultdict[str, dict[str, CrmUser]] = defaultdict(dict)
    for crm_user in crm_users:
        if email := _key(crm_user.email):
            by_email[email][crm_user.id] = crm_user
    for user in users:
        found = _found(user, by_email)
        yield UserMatch(user, _outcome(user, found), found)


def _found(user: "User", by_email: "Mapping[str, Mapping[str, CrmUser]]") -> "tuple[CrmUser, ...]":
    """The users of the CRM with an address of this user, each once."""
    found = {each.id: each for email in user.emails for each in by_email.get(_key(email), {}).values()}
    return tuple(found.values())


def _outcome(user: "User", found: "Sequence[CrmUser]") -> MatchOutcome:
    if user.crm_user_id:
        ids = {each.id for each in found}
        return MatchOutcome.SET if not ids or user.crm_user_id in ids else MatchOutcome.DIFFERENT
    if not user.emails:
        return MatchOutcome.NO_EMAIL
    if not found:
        return MatchOutcome.NONE
    if len(found) > 1:
        return MatchOutcome.SEVERAL
    return MatchOutcome.PROPOSED if found[0].is_active else MatchOutcome.NOT_ACTIVE


def _key(email: str) -> str:
    return email.strip().casefold()
