"""The extensions, users and own numbers of an account, as readers of events need them."""

from collections.abc import Mapping
from typing import Any

from leadline_server.accounts.registry import Account
from leadline_server.domain.directory import DirectoryIndex
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.ingress.parties import AccountParties
from leadline_server.replay.own_numbers import own_numbers
from leadline_server.replay.rules import Rules

_EXTENSION = "x:"


class PartiesOfAccounts:
    """The parties of each account. They are made once for each change of its settings or users."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Account, AccountParties]] = {}

    def of(self, account: Account) -> AccountParties:
        """The parties of an account."""
        made = self._made.get(account.id)
        if made is None or made[0] is not account:
            made = self._made[account.id] = account, _parties(account)
        return made[1]


def _parties(account: Account) -> AccountParties:
    users = {
        key.removeprefix(_EXTENSION): user
        for key, user in account.directory.users.items()
        if key.startswith(_EXTENSION) and user not in account.directory.inactive
    }
    rules = Rules(
        users=users,
        numbering=account.rules,
        own_numbers=own_numbers((), account.rules, sorted(account.own_numbers)),
    )
    return AccountParties(rules, lambda fields: user_of(account.directory, fields, account.rules))


def user_of(directory: DirectoryIndex, party: Mapping[str, Any], rules: NumberingRules) -> str:
    """The user that the directory finds by the fields of a party; empty for none."""
    leg = {f"party.{name}": value for name, value in party.items()}
    return directory.user_of(CallEvent(call_id="", legs={"leg": leg}), rules)
