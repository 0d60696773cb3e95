"""What leadline does for its callers: one class an RPC, one `execute` each; no gRPC."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from leadline_server.commands.create_contact import CreateContact
from leadline_server.commands.find_contact import FindContact
from leadline_server.commands.get_account_settings import GetAccountSettings
from leadline_server.commands.get_call_log import GetCallLog
from leadline_server.commands.get_preferences import GetPreferences
from leadline_server.commands.list_call_logs import ListCallLogs
from leadline_server.commands.log_call import LogCall
from leadline_server.commands.retry_call_log import RetryCallLog
from leadline_server.commands.search_contacts import SearchContacts
from leadline_server.commands.update_account_settings import UpdateAccountSettings
from leadline_server.commands.update_preferences import UpdatePreferences
from leadline_server.commands.watch_call_logs import WatchCallLogs
from leadline_server.domain.numbers.numbering_rules import RulesOrRegion

__all__ = [
    "Commands",
    "CreateContact",
    "FindContact",
    "GetAccountSettings",
    "GetCallLog",
    "GetPreferences",
    "ListCallLogs",
    "LogCall",
    "RetryCallLog",
    "SearchContacts",
    "UpdateAccountSettings",
    "UpdatePreferences",
    "WatchCallLogs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Every command; `regions` gives how an account's numbers are read."""

    find_contact: FindContact
    search_contacts: SearchContacts
    create_contact: CreateContact
    log_call: LogCall
    get_call_log: GetCallLog
    retry_call_log: RetryCallLog
    list_call_logs: ListCallLogs
    watch_call_logs: WatchCallLogs
    get_preferences: GetPreferences
    update_preferences: UpdatePreferences
    get_account_settings: GetAccountSettings
    update_account_settings: UpdateAccountSettings
    regions: Callable[[str], Awaitable[RulesOrRegion]]
