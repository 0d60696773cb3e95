"""The obligations of the ledger port about administering accounts and secrets, as tests."""

from datetime import timedelta
from typing import Final

import pytest

from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.accounts import OwnConnection
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.ledger import CallLogFilter, Ledger, QuarantinedEvent, account_owner
from leadline_server.testing.ledger_samples import ACCOUNT, NOW, OpenLedger, full_call_log, put

_OWNER: Final = account_owner(ACCOUNT)
_HUBSPOT: Final = OwnConnection(adapter="hubspot", options={"region": "eu"}, secrets={"token": "t-1"})
_EVENT: Final = QuarantinedEvent(
    account_id=ACCOUNT, route="acorn", key=b"\x00key", received_at=NOW, reason="no id", document=b"\xffrequest"
)
_OTHER_KEY: Final = "0123456789abcdef"


async def _account(ledger: Ledger) -> None:
    await ledger.accounts.create(ACCOUNT, AccountSettings(default_region="GB"))


async def _secret_account(ledger: Ledger) -> None:
    """An account with a document of each kind that is encrypted."""
    await _account(ledger)
    await ledger.account_connections.put(ACCOUNT, _HUBSPOT, NOW)
    await ledger.tokens.put(_OWNER, "one", b"token")
    await ledger.quarantine.put(_EVENT, 10, 10_000)


async def _readable(ledger: Ledger) -> bool:
    connection = await ledger.account_connections.get(ACCOUNT, with_secrets=True)
    token, document = await ledger.tokens.get(_OWNER), await ledger.quarantine.document(ACCOUNT, _EVENT.key)
    return connection is not None and (connection.secrets, token, document) == (
        _HUBSPOT.secrets,
        b"token",
        _EVENT.document,
    )


class AccountConnectionCases:
    """Connections that accounts have of their own, and their checks."""

    async def test_secrets_of_a_connection_are_read_only_if_they_are_asked_for(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        await _account(ledger)
        stored = await ledger.account_connections.put(ACCOUNT, _HUBSPOT, NOW)
        assert (stored.secrets, stored.secret_names, stored.update_time) == ({}, ("token",), NOW)
        async with open_ledger() as other:
            assert await other.account_connections.get(ACCOUNT) == stored
            read = await other.account_connections.get(ACCOUNT, with_secrets=True)
            assert read is not None
            assert (read.secrets, read.options) == (_HUBSPOT.secrets, _HUBSPOT.options)

    async def test_another_connection_gets_no_token_and_no_check_of_the_one_before(self, ledger: Ledger) -> None:
        await _secret_account(ledger)
        await ledger.connection_checks.record(_OWNER, NOW, "")
        before = await ledger.account_connections.get(ACCOUNT)
        after = await ledger.account_connections.put(ACCOUNT, OwnConnection(adapter="embedded"), NOW)
        assert before is not None
        assert after.revision > before.revision
        assert (await ledger.tokens.get(_OWNER), await ledger.connection_checks.get(_OWNER)) == (None, None)
        read = await ledger.account_connections.get(ACCOUNT, with_secrets=True)
        assert (read and read.secrets, read and read.secret_names) == ({}, ())

    async def test_a_connection_is_deleted_once_with_its_tokens(self, ledger: Ledger) -> None:
        await _secret_account(ledger)
        assert await ledger.account_connections.delete(ACCOUNT)
        assert not await ledger.account_connections.delete(ACCOUNT)
        assert await ledger.account_connections.get(ACCOUNT, with_secrets=True) is None
        assert await ledger.tokens.get(_OWNER) is None

    async def test_an_account_that_does_not_exist_gets_no_connection(self, ledger: Ledger) -> None:
        with pytest.raises(AccountNotFound):
            await ledger.account_connections.put("nobody", _HUBSPOT, NOW)
        assert await ledger.account_connections.get("nobody") is None

    async def test_a_check_keeps_the_last_success_and_the_last_error(self, ledger: Ledger) -> None:
        later, last = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
        await ledger.connection_checks.record("sales", NOW, "")
        await ledger.connection_checks.record("sales", later, "The token is refused.")
        check = await ledger.connection_checks.record("sales", last, "")
        assert (check.check_time, check.success_time, check.failure_time) == (last, last, later)
        assert check.error == "The token is refused."
        assert await ledger.connection_checks.get("sales") == check
        await ledger.connection_checks.record("support", NOW, "")
        listed = [await ledger.connection_checks.list(after, 1) for after in ("", "sales", "support")]
        assert [[one.connection for one in page] for page in listed] == [["sales"], ["support"], []]


class AccountDeletionCases:
    """The deletion of an account with its data, in steps."""

    async def test_an_account_that_is_being_deleted_is_gone_for_others_and_keeps_no_secret(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        await _secret_account(ledger)
        await ledger.account_data.begin_deletion(ACCOUNT, NOW)
        async with open_ledger() as other:
            assert list(await other.account_data.deleting()) == [(ACCOUNT, NOW)]
            with pytest.raises(AccountNotFound):
                await other.accounts.get(ACCOUNT)
            assert await other.account_connections.get(ACCOUNT) is None
            assert await other.tokens.get(_OWNER) is None
            assert list(await other.quarantine.list(ACCOUNT, 10)) == []
        with pytest.raises(AccountNotFound):
            await ledger.account_data.begin_deletion("nobody", NOW)

    async def test_all_rows_go_in_steps_and_the_id_may_be_used_again(self, ledger: Ledger) -> None:
        await _secret_account(ledger)
        await put(ledger, full_call_log())
        await ledger.account_data.begin_deletion(ACCOUNT, NOW)
        steps = 0
        while await ledger.account_data.purge(ACCOUNT, 1):
            steps += 1
        assert steps > 0
        await ledger.account_data.end_deletion(ACCOUNT)
        assert list(await ledger.account_data.deleting()) == []
        await _account(ledger)
        page = await ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT), None, 10)
        assert list(page.call_logs) == []


class SecretsCases:
    """Envelope keys, and the secrets keys that encrypt them."""

    async def test_a_ledger_without_secrets_needs_no_key(self, ledger: Ledger) -> None:
        assert not (await ledger.secrets.state()).needed

    async def test_another_envelope_key_keeps_every_document_readable(
        self, ledger: Ledger, open_ledger: OpenLedger
    ) -> None:
        await _secret_account(ledger)
        await ledger.tokens.put("sales", "one", b"of the settings")
        state = await ledger.secrets.state()
        assert state.needed == {state.current}
        assert list(await ledger.secrets.owners(other_than=state.current)) == []
        owners = await ledger.secrets.owners(other_than=_OTHER_KEY)
        assert _OWNER in owners
        assert [await ledger.secrets.renew(owner) for owner in owners] == [3 if one == _OWNER else 1 for one in owners]
        async with open_ledger() as other:
            assert await _readable(other)
            assert await other.tokens.get("sales") == b"of the settings"

    async def test_every_process_sees_which_key_is_in_use(self, ledger: Ledger, open_ledger: OpenLedger) -> None:
        await _secret_account(ledger)
        before = await ledger.secrets.state()
        await ledger.secrets.use(_OTHER_KEY)
        async with open_ledger() as other:
            assert (await other.secrets.state()).current == _OTHER_KEY
            assert (await other.secrets.state()).needed == before.needed
