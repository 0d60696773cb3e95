"""The commands: one class an RPC, with one `execute` each. They know nothing of gRPC.

Three RPCs need none, since all that they do is to ask one part: FindContact asks `lookup`, GetPreferences and
GetAccountSettings ask the account.
"""

from dataclasses import dataclass

from leadline_server.accounts.registry import AccountRegistry
from leadline_server.commands.account_connections import ConnectionAdministration
from leadline_server.commands.accounts import AccountAdministration
from leadline_server.commands.count_call_logs import CountCallLogs
from leadline_server.commands.create_contact import CreateContact
from leadline_server.commands.export_account import ExportAccount
from leadline_server.commands.get_call_log import GetCallLog
from leadline_server.commands.keys import Keys
from leadline_server.commands.list_audit_entries import ListAuditEntries
from leadline_server.commands.list_call_logs import ListCallLogs
from leadline_server.commands.log_call import LogCall
from leadline_server.commands.open_replay import OpenReplay
from leadline_server.commands.placeholders import ListPlaceholders, RemovePlaceholder
from leadline_server.commands.retry_call_log import RetryCallLog
from leadline_server.commands.search_contacts import SearchContacts
from leadline_server.commands.update_account_settings import UpdateAccountSettings
from leadline_server.commands.update_preferences import UpdatePreferences
from leadline_server.commands.users import Directory
from leadline_server.commands.watch_call_logs import WatchCallLogs
from leadline_server.contacts.lookup import ContactLookup

__all__ = [
    "AccountAdministration",
    "Commands",
    "ConnectionAdministration",
    "CountCallLogs",
    "CreateContact",
    "Directory",
    "ExportAccount",
    "GetCallLog",
    "Keys",
    "ListAuditEntries",
    "ListCallLogs",
    "ListPlaceholders",
    "LogCall",
    "OpenReplay",
    "RemovePlaceholder",
    "RetryCallLog",
    "SearchContacts",
    "UpdateAccountSettings",
    "UpdatePreferences",
    "WatchCallLogs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Every command. `accounts` resolves the account of a request, which the command is then given."""

    accounts: AccountRegistry
    lookup: ContactLookup
    search_contacts: SearchContacts
    create_contact: CreateContact
    log_call: LogCall
    get_call_log: GetCallLog
    retry_call_log: RetryCallLog
    list_call_logs: ListCallLogs
    count_call_logs: CountCallLogs
    watch_call_logs: WatchCallLogs
    update_preferences: UpdatePreferences
    update_account_settings: UpdateAccountSettings
    directory: Directory
    list_placeholders: ListPlaceholders
    remove_placeholder: RemovePlaceholder
    open_replay: OpenReplay
    keys: Keys
    account_administration: AccountAdministration
    connection_administration: ConnectionAdministration
    export_account: ExportAccount
    list_audit_entries: ListAuditEntries
