"""The items of ExportAccount."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from leadline.admin.v1 import account_service_pb2 as pb

from leadline_server.commands.export_account import ExportedItem, SetPreferences
from leadline_server.domain.access.principals import ApiKey
from leadline_server.domain.call_log import CallLog
from leadline_server.domain.contact import Contact
from leadline_server.domain.directory import User
from leadline_server.ports.embedded_contents import EmbeddedCallLog
from leadline_server.wire.call_log import CALL_LOG
from leadline_server.wire.contact import CONTACT
from leadline_server.wire.directory import USER
from leadline_server.wire.keys import key_message
from leadline_server.wire.mapping import MessageMapping
from leadline_server.wire.preferences import preferences_message

EMBEDDED_CALL_LOG: Final = MessageMapping(EmbeddedCallLog, pb.EmbeddedCallLog)


def exported(item: ExportedItem) -> pb.ExportAccountResponse:
    """The response with an item."""
    name, message = _MESSAGES[type(item)]
    return pb.ExportAccountResponse(**{name: message(item)})


def _set_preferences(item: SetPreferences) -> pb.UserPreferences:
    return pb.UserPreferences(user_id=item.user_id, preferences=preferences_message(item.preferences))


_MESSAGES: Final[Mapping[type[Any], tuple[str, Callable[[Any], Any]]]] = {
    ApiKey: ("key", key_message),
    User: ("user", USER.message),
    SetPreferences: ("preferences", _set_preferences),
    Contact: ("contact", CONTACT.message),
    EmbeddedCallLog: ("embedded_call_log", EMBEDDED_CALL_LOG.message),
    CallLog: ("call_log", CALL_LOG.message),
}
