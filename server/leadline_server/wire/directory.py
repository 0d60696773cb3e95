"""directory.proto: the users of the directory, both ways."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from leadline.v1 import directory_pb2 as pb

from leadline_server.domain.directory import MAX_ENTRIES, CrmUser, User
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.wire.mapping import MessageMapping
from leadline_server.wire.violations import Violations

USER: Final = MessageMapping(User, pb.User)
CRM_USER: Final = MessageMapping(CrmUser, pb.CrmUser)

NAME_LENGTH: Final = 256
EXTENSION_LENGTH: Final = 64
EMAIL_LENGTH: Final = 254

_is_email = re.compile(r"[^@\s]+@[^@\s]+").fullmatch


def user(check: Violations, path: str, message: pb.User, rules: NumberingRules | None) -> User:
    """The user of a message. Its numbers are read in `region`; None: of an unknown account, and not read."""
    return User(
        user_id=check.identifier(f"{path}.user_id", message.user_id),
        name=check.text(f"{path}.name", message.name, NAME_LENGTH),
        extensions=_each(check, f"{path}.extensions", message.extensions, _extension),
        phone_numbers=_each(
            check,
            f"{path}.phone_numbers",
            message.phone_numbers,
            lambda check, field, text: own_number(check, field, text, rules),
        ),
        emails=_each(check, f"{path}.emails", message.emails, _email),
        crm_user_id=check.optional_id(f"{path}.crm_user_id", message.crm_user_id),
        is_active=message.is_active if message.HasField("is_active") else True,
    )


def own_number(check: Violations, field: str, text: str, rules: NumberingRules | None) -> str:
    """A number of the account's own in E.164; empty after a violation."""
    number = check.dialable_number(field, text, rules)
    return "" if number is None else number.e164


def _each(
    check: Violations, path: str, texts: Iterable[str], read: Callable[[Violations, str, str], str]
) -> tuple[str, ...]:
    given = tuple(texts)
    if len(given) > MAX_ENTRIES:
        check.add(path, f"At most {MAX_ENTRIES} entries; there are {len(given)}.")
        return ()
    values = (read(check, f"{path}[{index}]", text) for index, text in enumerate(given))
    return tuple(dict.fromkeys(value for value in values if value))


def _extension(check: Violations, field: str, text: str) -> str:
    if not text.strip():
        check.add(field, "An extension has at least one character.")
    return check.text(field, text.strip(), EXTENSION_LENGTH)


def _email(check: Violations, field: str, text: str) -> str:
    if not _is_email(text):
        check.add(field, "Must be an e-mail address.")
    return check.text(field, text.casefold(), EMAIL_LENGTH)
