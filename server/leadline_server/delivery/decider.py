"""Feeds the decision: gathers what `decide` depends on, and asks it."""

from typing import Final

from leadline_server.clock import Clock
from leadline_server.contacts.directory import Account
from leadline_server.contacts.lookup import ContactLookup
from leadline_server.domain.call_log import FINAL_WAIT, CallLog
from leadline_server.domain.contact import Contact
from leadline_server.domain.decision import LookUp, Outcome, Situation, decide
from leadline_server.domain.errors import CrmRejected
from leadline_server.domain.preferences import AccountSettings, EffectivePreferences, Preferences, resolve
from leadline_server.ports.ledger import Accounts, PreferenceStore

_MAX_RESOLVED: Final = 50_000


class Decider:
    """Takes the decision on a call log, with a conclusive lookup and the preferences in force."""

    def __init__(self, accounts: Accounts, preferences: PreferenceStore, lookup: ContactLookup, clock: Clock) -> None:
        self._accounts = accounts
        self._preferences = preferences
        self._lookup = lookup
        self._clock = clock
        self._resolved: dict[tuple[str, str], tuple[AccountSettings, Preferences, EffectivePreferences]] = {}

    async def preferences(self, log: CallLog) -> EffectivePreferences:
        """The preferences in force now for the log's user."""
        settings = await self._accounts.get(log.account_id)
        user = await self._preferences.get(log.account_id, log.user_id)
        key = (log.account_id, log.user_id)
        seen = self._resolved.get(key)
        # Usually the very same objects as the last time: to tell that is quicker than to compare what they say.
        if seen is None or seen[0] is not settings or seen[1] is not user:
            if len(self._resolved) >= _MAX_RESOLVED:
                self._resolved.clear()
            seen = self._resolved[key] = settings, user, resolve(settings, user)
        return seen[2]

    async def situation(self, account: Account, log: CallLog) -> Situation:
        """The log as the decision sees it.

        Raises:
            CrmError: nobody can tell whether the chosen contact exists.
            CrmRejected: it does not exist any more.
        """
        return Situation(
            call=log.call,
            user_id=log.user_id,
            region=account.settings.default_region,
            trigger=log.trigger,
            chosen=await _chosen(account, log.chosen_contact_id),
            wait_is_over=self._clock.now() - log.last_news_time >= FINAL_WAIT,
            caller_id_prefixes=account.settings.caller_id_prefixes,
        )

    async def decide(self, account: Account, log: CallLog) -> Outcome:
        """What becomes of the call. A preference counts as it is when the lookup has answered.

        Raises:
            CrmError: cannot tell.
        """
        situation = await self.situation(account, log)
        outcome = decide(situation, await self.preferences(log))
        if not isinstance(outcome, LookUp):
            return outcome
        matches = await self._lookup.find(account, (outcome.number,))
        return conclusive(decide(situation, await self.preferences(log), matches))


def conclusive(outcome: Outcome | LookUp) -> Outcome:
    """The outcome of a decision that was given matches: never another question."""
    if isinstance(outcome, LookUp):
        raise TypeError("a decision that was given matches asked for them again")
    return outcome


async def _chosen(account: Account, contact_id: str) -> Contact | None:
    if not contact_id:
        return None
    contact = await account.crm.get_contact(contact_id)
    if contact is None:
        raise CrmRejected("The chosen contact is no longer in the CRM.", metadata={"contact_id": contact_id})
    return contact
