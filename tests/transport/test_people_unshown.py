"""No object of leadline's shows a person: numbers and names are planted, and looked for in every `repr`.

Plain data, such as texts and lists, shows what it holds, and so do messages of protobuf. Whatever leadline makes of
them does not: a `repr` gets into tracebacks and error reports, and from there into logs.
"""

from pathlib import Path
from typing import Any, Final

from leadline.v1 import (
    call_log_service_pb2,
    contact_service_pb2,
    directory_service_pb2,
    placeholder_service_pb2,
    preferences_service_pb2,
)
from leadline_server.domain.access.principals import Role
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import parse_number
from support.access import ALICE, OWN, guarded
from support.looked_at import looked_at

NUMBER: Final = "+12025550147"
PLANTED: Final = ("pLaNtEd", "2025550147", "planted@")
CALL: Final[Any] = {
    "id": "c1",
    "direction": 1,
    "caller": {"phone_number": NUMBER, "name": "pLaNtEd Ada"},
    "note": "pLaNtEd note",
    "subject": "pLaNtEd",
}


async def test_no_object_shows_a_number_or_a_name(tmp_path: Path) -> None:
    async with guarded(tmp_path / "data") as served:
        admin = await served.key(Role.ACCOUNT_ADMIN)

        async def ask(path: str, request: Any) -> None:
            await served.call(f"/leadline.v1.{path}", request, admin)

        wishes: Any = {"defaults": {"unknown_contact_action": 2, "placeholder_name": "pLaNtEd {number}"}}
        user: Any = {"user_id": "jane", "name": "pLaNtEd", "phone_numbers": [NUMBER], "emails": ["planted@example.com"]}
        with looked_at(*PLANTED) as shows:
            await ask(
                "PreferencesService/UpdateAccountSettings",
                preferences_service_pb2.UpdateAccountSettingsRequest(account_id=OWN, settings=wishes),
            )
            calls: list[Any] = [CALL, {**CALL, "is_final": True}]
            for call in calls:
                await ask(
                    "CallLogService/LogCall",
                    call_log_service_pb2.LogCallRequest(account_id=OWN, user_id=ALICE, call=call),
                )
            await ask(
                "ContactService/CreateContact",
                contact_service_pb2.CreateContactRequest(
                    account_id=OWN, user_id=ALICE, name="pLaNtEd Two", phone_number=NUMBER, allow_duplicate=True
                ),
            )
            await ask(
                "ContactService/FindContact",
                contact_service_pb2.FindContactRequest(account_id=OWN, user_id=ALICE, phone_numbers=[NUMBER]),
            )
            await ask(
                "ContactService/SearchContacts",
                contact_service_pb2.SearchContactsRequest(account_id=OWN, query="pLaNtEd"),
            )
            await ask("DirectoryService/UpsertUser", directory_service_pb2.UpsertUserRequest(account_id=OWN, user=user))
            await ask(
                "CallLogService/ListCallLogs",
                call_log_service_pb2.ListCallLogsRequest(account_id=OWN, phone_number=NUMBER),
            )
            await ask(
                "PlaceholderService/ListPlaceholders",
                placeholder_service_pb2.ListPlaceholdersRequest(account_id=OWN),
            )
        assert shows == set()


def test_objects_about_people_show_their_class_alone() -> None:
    number = parse_number(NUMBER, NumberingRules("US"))
    assert repr(number) == "PhoneNumber(...)"
    assert repr(ContactDraft(name="pLaNtEd", phone_number=number)) == "ContactDraft(...)"
