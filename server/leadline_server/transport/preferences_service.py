"""PreferencesService over gRPC: read the request, run the command, write the answer."""
# ruff: noqa: ARG002, N802 - RPCs have the names and arguments of the generated servicers

from leadline.v1 import preferences_service_pb2 as pb
from leadline.v1.preferences_service_pb2_grpc import PreferencesServiceServicer

from leadline_server.commands import Commands
from leadline_server.transport import preferences_requests as mapping
from leadline_server.transport.endpoint import Context, read_in_region


class PreferencesServicer(PreferencesServiceServicer):
    """PreferencesService."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def GetPreferences(self, request: pb.GetPreferencesRequest, context: Context) -> pb.GetPreferencesResponse:
        """Show what applies to a user."""
        user_id = mapping.user_of(request)
        account = await self._commands.accounts.get(request.account_id)
        return mapping.get_preferences_response(await self._commands.get_preferences.execute(account, user_id))

    async def UpdatePreferences(
        self, request: pb.UpdatePreferencesRequest, context: Context
    ) -> pb.UpdatePreferencesResponse:
        """Write what a user set."""
        account, update = await read_in_region(self._commands.accounts, request, mapping.preferences_update)
        return mapping.update_preferences_response(await self._commands.update_preferences.execute(account, update))

    async def GetAccountSettings(
        self, request: pb.GetAccountSettingsRequest, context: Context
    ) -> pb.GetAccountSettingsResponse:
        """Show an account's settings."""
        account_id = mapping.account_of(request)
        account = await self._commands.accounts.get(account_id)
        return mapping.get_account_settings_response(await self._commands.get_account_settings.execute(account))

    async def UpdateAccountSettings(
        self, request: pb.UpdateAccountSettingsRequest, context: Context
    ) -> pb.UpdateAccountSettingsResponse:
        """Write an account's settings."""
        account, update = await read_in_region(self._commands.accounts, request, mapping.account_settings_update)
        settings = await self._commands.update_account_settings.execute(account, update)
        return mapping.update_account_settings_response(settings)
