"""The ledger's claims on numbers: which process may create a number's contact, and which contact was created.

Example of a claim during a creation, then after it:

    account_id  number_key    lease_owner  lease_until  creation_key  contact_id
    demo        +12025550101  a1           12:00:10     9f3c...
    demo        +12025550101                                          c_17
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from leadline_server.domain.audit import Actor
from leadline_server.domain.placeholders import LimitReached, Reservation

RELEASE_SECONDS: Final = 0.05
"""How long the release of a claim may wait to share another commit, in seconds."""


class Remembered(NamedTuple):
    """A contact that leadline made or found for a number, and when."""

    contact_id: str
    time: datetime


class Claimed(NamedTuple):
    """A claim that this process holds now, and the number's history.

    Attributes:
        creation_key: the key of the creation under way: the holder's own, or an earlier one whose end is unknown.
        given_up: None for the holder's own creation. For an earlier one, a time at which its process had stopped.
        contact_id: the contact recorded for the number; empty: none.
        contact_key: the key of the creation that made that contact; empty: not known.
        limit_reached: the limit that has no room for the placeholder of the creation; None: it has room, or needs none.
    """

    creation_key: str
    given_up: datetime | None = None
    contact_id: str = ""
    contact_key: str = ""
    limit_reached: LimitReached | None = None


class HeldByAnother(NamedTuple):
    """Another process holds the claim, until it releases it or until this time."""

    lease_until: datetime


class Claims(Protocol):
    """The claims, by account and number."""

    async def acquire(
        self,
        account_id: str,
        number_key: str,
        lease_owner: str,
        creation_key: str,
        now: datetime,
        lease_until: datetime,
        reservation: Reservation | None = None,
    ) -> Claimed | HeldByAnother:
        """Acquire the claim of a number until `lease_until`.

        That works if it was never acquired, was released, is past its time at `now`, or is `lease_owner`'s already. It
        records that a creation with `creation_key` begins, before any CRM is asked. An earlier creation whose end was
        not recorded keeps its key instead. If another process holds the claim, nothing changes.

        With a reservation, the creation of a placeholder begins: it takes one placeholder from all limits of
        `reservation`, or from none of them if one has no room. Then `Claimed.limit_reached` names that limit, and the
        refusal is counted. The limits hold exactly, however many processes acquire at once. An hour begins at a full
        hour of UTC. The claim keeps the reservation until its creation is over. So a creation whose end is unknown
        keeps it, and the next holder, who takes that creation over, takes nothing more.
        """
        ...

    async def renew(self, account_id: str, number_key: str, lease_owner: str, lease_until: datetime) -> bool:
        """Hold the claim until `lease_until`; False, changing nothing, if `lease_owner` has lost it."""
        ...

    async def begin(
        self, account_id: str, number_key: str, lease_owner: str, creation_key: str, *, keeps_reservation: bool = False
    ) -> bool:
        """Record the holder's own creation instead of an earlier one that certainly made nothing.

        The earlier one's reservation is given back, or with `keeps_reservation` it is now the holder's.
        False, changing nothing, if `lease_owner` has lost the claim.
        """
        ...

    async def release(
        self, account_id: str, number_key: str, lease_owner: str, given_up: datetime | None, *, may_wait: bool = False
    ) -> None:
        """Release the claim without a contact; nothing changes if `lease_owner` has lost it.

        Args:
            account_id: the account.
            number_key: the number.
            lease_owner: the process that holds the claim.
            given_up: None: the holder made nothing. Its own creation is over, and what it reserved is given back; an
                earlier one stays as it was found. A
                time: the holder asked the CRM for the contact and stopped then; whether it was made is unknown.
            may_wait: as for `finish`.
        """
        ...

    async def finish(
        self,
        account_id: str,
        number_key: str,
        contact_id: str,
        now: datetime,
        *,
        lease_owner: str = "",
        creation_key: str = "",
        placeholder_by: Actor | None = None,
        may_wait: bool = False,
    ) -> None:
        """Record that the number's contact is `contact_id`, made with `creation_key` (empty: not known).

        If `lease_owner` holds the claim, its creation is over and the claim is released. If no process holds it, a
        recorded creation with the same key is over. Another process's claim and creation stay as they are. If the
        creation had a reservation, the contact is recorded as a placeholder, also in the audit trail. `placeholder_by`
        is who had a placeholder made without one; it is for the audit trail alone. With `may_wait`, no one
        waits for the claim: the change may wait up to RELEASE_SECONDS, to share the commit of another one.
        """
        ...

    async def remembered(self, account_id: str, number_keys: Sequence[str]) -> dict[str, Remembered]:
        """The contacts recorded for these numbers, by number key."""
        ...

    async def remembered_now(self, account_id: str, number_keys: Sequence[str]) -> tuple[Mapping[str, Remembered], int]:
        """As `remembered`, with the account's settings version of that moment; 0: it is to be asked for."""
        ...

    async def forget(self, account_id: str, number_key: str, contact_id: str) -> None:
        """Forget that `contact_id` is the number's contact, because the CRM no longer has it."""
        ...
