"""The conformance suite of the ledger port: every obligation that ports/ledger states, as a test.

To run it over another ledger, subclass it in a test module and say how to open one:

    class TestMyLedger(LedgerConformance):
        @pytest.fixture
        def open_ledger(self, tmp_path):
            return lambda: open_my_ledger(tmp_path / "ledger")

Each test gets fresh state; within one test every call of `open_ledger` opens another handle on the same state, as
another process would. It needs pytest and pytest-asyncio. Surviving power loss cannot be tested from within.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from leadline_server.domain.preferences import AccountSettings, Preferences
from leadline_server.ports.ledger import CallLogFilter, Ledger, RecordedAnswer, Remembered
from leadline_server.testing.ledger_administration_cases import (
    AccountConnectionCases,
    AccountDeletionCases,
    SecretsCases,
)
from leadline_server.testing.ledger_audit_cases import AuditCases
from leadline_server.testing.ledger_call_log_cases import ChangeCases, DueCases, FeedCases
from leadline_server.testing.ledger_claim_cases import ClaimCases, RequestCases
from leadline_server.testing.ledger_credential_cases import CredentialCases
from leadline_server.testing.ledger_joining_cases import JoiningCases
from leadline_server.testing.ledger_list_cases import ListCases
from leadline_server.testing.ledger_placeholder_cases import PlaceholderCases
from leadline_server.testing.ledger_quarantine_cases import QuarantineCases
from leadline_server.testing.ledger_replica_cases import ReplicaCases
from leadline_server.testing.ledger_retention_cases import PruneCallsCases, PruneOthersCases
from leadline_server.testing.ledger_samples import ACCOUNT, ALICE, CONTACT, NOW, NUMBER, OpenLedger, full_call_log, put
from leadline_server.testing.ledger_settings_cases import AccountCases, PreferenceCases
from leadline_server.testing.ledger_token_cases import TokenCases
from leadline_server.testing.ledger_user_cases import UserCases

_SETTINGS = AccountSettings(default_region="GB")
_PREFERENCES = Preferences(auto_log_calls=False)


class LedgerConformance(
    AccountCases,
    AccountConnectionCases,
    AccountDeletionCases,
    SecretsCases,
    PreferenceCases,
    UserCases,
    ChangeCases,
    JoiningCases,
    FeedCases,
    DueCases,
    ListCases,
    ClaimCases,
    PlaceholderCases,
    RequestCases,
    TokenCases,
    CredentialCases,
    QuarantineCases,
    AuditCases,
    ReplicaCases,
    PruneCallsCases,
    PruneOthersCases,
):
    """Every obligation of ports.ledger. Subclasses provide the fixture `open_ledger`."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def open_ledger(self) -> OpenLedger:
        """How to open the ledger under test."""
        pytest.fail("A subclass of LedgerConformance provides the fixture open_ledger.")

    @pytest_asyncio.fixture
    async def ledger(self, open_ledger: OpenLedger) -> AsyncIterator[Ledger]:
        """One handle on fresh state."""
        async with open_ledger() as ledger:
            yield ledger

    async def test_a_ledger_that_works_passes_its_check(self, ledger: Ledger) -> None:
        await ledger.check()

    async def test_the_secret_is_32_bytes_that_every_handle_knows(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        async with open_ledger() as other:
            assert other.secret == ledger.secret
        assert len(ledger.secret) == 32
        assert len(set(ledger.secret)) > 1

    async def test_everything_survives_reopening(self, open_ledger: OpenLedger) -> None:
        async with open_ledger() as ledger:
            secret = ledger.secret
            await _fill(ledger)
        async with open_ledger() as ledger:
            assert ledger.secret == secret
            assert await ledger.accounts.get(ACCOUNT) == _SETTINGS
            assert (await ledger.preferences.get(ACCOUNT, ALICE)).user == _PREFERENCES
            page = await ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT, phone_number=NUMBER), None, 10)
            assert list(page.call_logs) == [full_call_log()]
            assert await ledger.claims.remembered(ACCOUNT, [NUMBER]) == {NUMBER: Remembered("c_1", NOW)}
            assert await ledger.requests.get(ACCOUNT, "r-1", NOW) == RecordedAnswer(b"f", CONTACT)

    async def test_a_handle_opened_later_reads_what_another_wrote_and_still_holds(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        await _fill(ledger)
        async with open_ledger() as other:
            assert await other.accounts.get(ACCOUNT) == _SETTINGS
            assert await other.call_logs.last_sequence(ACCOUNT) == 1


async def _fill(ledger: Ledger) -> None:
    await ledger.accounts.create(ACCOUNT, _SETTINGS)
    await ledger.preferences.change(ACCOUNT, ALICE, lambda _settings, _preferences: _PREFERENCES)
    await put(ledger, full_call_log())
    await ledger.claims.finish(ACCOUNT, NUMBER, "c_1", NOW)
    await ledger.requests.remember(ACCOUNT, "r-1", RecordedAnswer(b"f", CONTACT), NOW)
