"""Runs an attempt: decide, create the placeholder if that was decided, write the call log to the CRM."""

from leadline_server.contacts.number_claims import NumberClaims
from leadline_server.delivery.attempt import (
    DecisionLoader,
    DeliveryAttempt,
    Result,
    conclusive,
    moved,
    placeholder_decision,
)
from leadline_server.delivery.log_writer import CallLogWriter
from leadline_server.domain.call_log import CallLogState, Decision
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.decision import CreatePlaceholder, LeaveUnlogged, Wait, decide


class AttemptRunner:
    """Runs attempts. It stores nothing in the ledger."""

    def __init__(self, decision_loader: DecisionLoader, claims: NumberClaims, log_writer: CallLogWriter) -> None:
        self._decision_loader = decision_loader
        self._claims = claims
        self._log_writer = log_writer

    async def run(self, attempt: DeliveryAttempt) -> Result:
        """Decide, unless a decision stands, and carry the decision out in the CRM.

        It sets `attempt.decision` as soon as the decision is taken, so that the decision outlasts a failed write.

        Raises:
            CrmError: the call could not be decided or written, or leadline cannot tell whether it was written.
        """
        if attempt.decision is None:
            outcome = await self._decide(attempt)
            if not isinstance(outcome, Decision):
                return outcome
            attempt.decision = outcome
        return await self._log_writer.write(attempt, attempt.decision)

    async def _decide(self, attempt: DeliveryAttempt) -> Decision | LeaveUnlogged | Wait:
        outcome = await self._decision_loader.decide(attempt)
        if attempt.log.state is CallLogState.LOGGED:
            return moved(attempt, outcome)
        return await self._placeholder(attempt, outcome) if isinstance(outcome, CreatePlaceholder) else outcome

    async def _placeholder(
        self, attempt: DeliveryAttempt, wanted: CreatePlaceholder
    ) -> Decision | LeaveUnlogged | Wait:
        """Create the placeholder, unless the number has a contact by now or the preferences have changed."""
        async with self._claims.hold(attempt.account, wanted.number) as claim:
            matches = await claim.look_again()
            situation = await self._decision_loader.situation(attempt)
            outcome = conclusive(decide(situation, await attempt.preferences(), matches))
            if not isinstance(outcome, CreatePlaceholder):
                return outcome
            contact = await claim.create(
                ContactDraft(
                    name=outcome.name,
                    phone_number=outcome.number,
                    type=outcome.contact_type,
                    is_placeholder=True,
                )
            )
        return placeholder_decision(outcome, contact)
