"""The two sides of a call, as a phone system writes them, and which of them is the account's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from leadline_server.domain.call import CallDirection
from leadline_server.domain.unshown import unshown
from leadline_server.replay.rules import Rules, Target

_EXTENSION: Final = 64  # characters, as in the contract
_NAME: Final = 256
_ID: Final = 128
_NUMBER: Final = 64
_URI: Final = 256
_SHORTEST: Final = 7  # digits of a number that can lack its plus sign


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class ReadParty:
    """One side of a call."""

    phone_number: str = ""
    name: str = ""
    extension: str = ""
    user_id: str = ""

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.phone_number or self.extension or self.user_id)

    def fields(self, *, without_user: bool = False) -> dict[str, str]:
        """The fields of a Party that have a value."""
        found = {"phone_number": self.phone_number, "name": self.name, "extension": self.extension}
        if not without_user:
            found["user_id"] = self.user_id
        return {name: text for name, text in found.items() if text}


class AccountParties:
    """Reads parties by an account's rules.

    Args:
        rules: the account's extensions, users and own numbers.
        find_user: the user that the fields of a party name; empty for none.
    """

    def __init__(self, rules: Rules, find_user: Callable[[Mapping[str, Any]], str]) -> None:
        self._rules = rules
        self._find_user = find_user

    def read(self, *, address: str, name: str, extension: str, user: str, adds_plus: bool) -> ReadParty:
        """A party.

        Args:
            address: a number, an extension, `sip:101@pbx` or `client:alice`. A client's name counts as an extension.
            name: the caller-ID name.
            extension: an extension that the event names besides; one that looks like none is left out.
            user: the user's id.
            adds_plus: whether a number without a plus sign is E.164 without it.
        """
        number = address
        own = extension if self._rules.is_extension(extension) and extension != address else ""
        scheme, colon, rest = address.partition(":")
        if colon and scheme.lower() == "client":
            number, own = "", own or rest
        elif colon and scheme.lower() in {"sip", "sips"}:
            inner = rest.partition("@")[0]
            number, own = ("", own or inner) if self._rules.is_extension(inner) else (address, own)
        elif self._rules.is_extension(address):
            number, own = "", own or address
        elif adds_plus and address.isascii() and address.isdigit() and len(address) >= _SHORTEST:
            number = f"+{address}"
        limit = _URI if number.lower().startswith(("sip:", "sips:")) else _NUMBER
        return ReadParty(phone_number=number[:limit], name=name[:_NAME], extension=own[:_EXTENSION], user_id=user[:_ID])

    def user_of(self, party: ReadParty) -> str:
        """The user whose extension or number a party has; empty for none."""
        fields = party.fields(without_user=True)
        return self._find_user(fields) if fields else ""

    def direction(self, context: str, caller: ReadParty, callee: ReadParty) -> CallDirection | None:
        """The direction that the context or the two sides tell, as in call records; None if neither does."""
        return self._rules.direction(
            context, caller_is_ours=self._is_ours(caller), callee_is_ours=self._is_ours(callee)
        )

    def _is_ours(self, party: ReadParty) -> bool:
        if party.extension or party.user_id:
            return True
        number = party.phone_number
        return number in self._rules.own_numbers or self._rules.target(number) is Target.FEATURE_CODE
