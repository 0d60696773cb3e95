"""admin/v1/account.proto: accounts and connections, both ways."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import struct_pb2
from google.protobuf.json_format import MessageToDict
from leadline.admin.v1 import account_pb2 as pb
from leadline.admin.v1 import account_service_pb2

from leadline_server.domain.accounts import AccountRecord, AccountState, ConnectionCheck, OwnConnection
from leadline_server.domain.preferences import AccountSettings
from leadline_server.wire.mapping import timestamp
from leadline_server.wire.preferences import region, time_zone
from leadline_server.wire.violations import Violations

TITLE_LENGTH: Final = 128
SECRET_LENGTH: Final = 16_384
_ADAPTER_LENGTH: Final = 64
_MOST_OPTIONS: Final = 100
_OPTIONS_BYTES: Final = 64 * 1024
_STATES: Final[Mapping[AccountState, pb.AccountState.ValueType]] = {
    AccountState.ACTIVE: pb.ACCOUNT_STATE_ACTIVE,
    AccountState.DISABLED: pb.ACCOUNT_STATE_DISABLED,
}


def owner(*, is_of_file: bool) -> pb.Owner.ValueType:
    """Where an account or a connection is administered."""
    return pb.OWNER_SETTINGS_FILE if is_of_file else pb.OWNER_API


def account_message(record: AccountRecord, *, is_of_file: bool) -> pb.Account:
    """The message of an account."""
    return pb.Account(
        account_id=record.account_id,
        title=record.title,
        state=_STATES[record.state],
        owner=owner(is_of_file=is_of_file),
        create_time=timestamp(record.create_time),
        update_time=timestamp(record.update_time),
    )


def connection_message(
    account_id: str, name: str, connection: OwnConnection, check: ConnectionCheck | None, *, is_of_file: bool
) -> pb.Connection:
    """The message of a connection. It has no secrets."""
    options = struct_pb2.Struct()
    options.update(dict(connection.options))
    message = pb.Connection(
        account_id=account_id,
        name=name,
        adapter=connection.adapter,
        options=options,
        secret_names=connection.secret_names,
        owner=owner(is_of_file=is_of_file),
        update_time=timestamp(connection.update_time),
    )
    if check is not None:
        message.state = pb.CONNECTION_STATE_WORKING if check.is_working else pb.CONNECTION_STATE_FAILING
        message.last_error = check.error
        for field in ("check_time", "success_time", "failure_time"):
            if (time := timestamp(getattr(check, field))) is not None:
                getattr(message, field).CopyFrom(time)
    return message


def first_settings(check: Violations, request: account_service_pb2.CreateAccountRequest) -> AccountSettings:
    """The settings of a new account."""
    given: dict[str, Any] = {}
    if request.default_region:
        given["default_region"] = region(check, "default_region", request.default_region)
    if request.time_zone:
        given["time_zone"] = time_zone(check, "time_zone", request.time_zone)
    return AccountSettings(**given)


def connection_fields(
    check: Violations, request: account_service_pb2.SetConnectionRequest
) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The adapter, the options and the secrets that a request wants."""
    adapter = check.text("adapter", request.adapter, _ADAPTER_LENGTH)
    if not adapter:
        check.add("adapter", "Required.")
    if len(request.options.fields) + len(request.secrets) > _MOST_OPTIONS:
        check.add("options", f"At most {_MOST_OPTIONS} options and secrets.")
    if request.options.ByteSize() > _OPTIONS_BYTES:
        check.add("options", f"At most {_OPTIONS_BYTES} bytes.")
        return adapter, {}, {}
    for name, value in request.secrets.items():
        if not value or len(value) > SECRET_LENGTH:
            check.add("secrets", f"Each has 1 to {SECRET_LENGTH} characters.")
        check.text("secrets", name)
    options = {name: _plain(value) for name, value in MessageToDict(request.options).items()}
    return adapter, options, dict(request.secrets)


def _plain(value: Any) -> Any:
    """Whole numbers as such: a Struct has floats alone."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case _:
            return value
