"""Settings from flags, the environment, a TOML file and built-in defaults, in this order.

leadline checks all of them at the start. If one is unknown or invalid, it names it and does not start.
"""

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from leadline_server.auth.issuers import IssuerConfig
from leadline_server.config_errors import Location, SettingsSources, unknown, without
from leadline_server.domain.numbers.phone_number import is_region
from leadline_server.ingress.settings import RouteConfig, RouteName
from leadline_server.listeners import Listener, Protection, TlsFiles, missing

PREFIX: Final = "LEADLINE_"
ID_LENGTH: Final = 128
DEMO_ACCOUNT: Final = "demo"
EMBEDDED: Final = "embedded"
"""The connection to the CRM in the data directory, which needs no table."""


COMMAND_VARIABLES: Final = frozenset({"LEADLINE_SERVER", "LEADLINE_ACCOUNT", "LEADLINE_API_KEY"})
"""Variables of the commands that ask a server; they are no settings of the server."""


class BadSettings(Exception):
    """Settings are unknown or invalid; `problems` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _address(value: str) -> str:
    """Check `host:port`."""
    _, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - the largest port
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:50051")
    return value


def _region(value: str) -> str:
    if not is_region(value):
        raise ValueError("must be an ISO 3166-1 code of two letters, such as US")
    return value


def _time_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("must be an IANA time zone, such as Europe/Berlin")
    return value


def _account_id(value: str) -> str:
    if not 1 <= len(value) <= ID_LENGTH or not value.isprintable():
        raise ValueError(f"an account's id has 1 to {ID_LENGTH} characters, and no control characters")
    return value


def _user_folder() -> Path:
    """The folder for a user's configuration (XDG Base Directory Specification), or the system's without a home."""
    try:
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "leadline"
    except RuntimeError:
        return Path("/etc/leadline")


_KEY_FILE: Final = "secrets.key"

_TABLES: Final = frozenset({"accounts", "connections", "issuers"})  # settings that only the file has

Address = Annotated[str, AfterValidator(_address)]


def _address_or_none(value: str) -> str:
    return _address(value) if value else value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.netloc and parts.path in ("", "/")):
        raise ValueError(
            "must be the scheme and host at which others reach leadline, such as https://calls.example.com"
        )
    return value.rstrip("/")


def _proxy(value: str) -> str:
    parts = urlsplit(value)
    if value and not (parts.scheme == "http" and parts.hostname and parts.path in ("", "/")):
        raise ValueError("must be an address such as http://proxy.example:3128")
    return value.rstrip("/")


def _endpoint(value: str) -> str:
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")):
        raise ValueError("must be http://HOST:PORT, or https://HOST:PORT for TLS")
    return value


def _grpc_tls_version(value: str) -> str:
    if value != "1.2":
        raise ValueError("must be 1.2: gRPC takes 1.2 and 1.3, and that cannot be raised; put a proxy before it")
    return value


def _sqlite_ledger(value: str) -> str:
    if value.startswith(("postgresql:", "postgres:")):
        raise ValueError("this version keeps its ledger in SQLite; give a path or sqlite:PATH")
    return value


class AccountConfig(BaseModel):
    """An account that exists from the start. Its values are those of a new account; RPCs change them later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_region: Annotated[str, AfterValidator(_region)] = Field(
        "US", description="The region of numbers without a country code, as an ISO 3166-1 code."
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = Field(
        None, description="The IANA time zone in which people see times. Without it they see UTC."
    )
    connection: str = Field(EMBEDDED, description="The connection to the account's CRM: a table [connections.NAME].")
    ingress: dict[RouteName, RouteConfig] = Field(
        default_factory=dict,
        description="The phone systems that report calls by webhooks, tables [accounts.ID.ingress.NAME].",
    )
    calls_per_second: float | None = Field(
        None, ge=0, le=100_000, description="The account's own account_calls_per_second."
    )
    bytes_per_minute: int | None = Field(
        None, ge=0, le=2**40, description="The account's own account_bytes_per_minute."
    )
    in_flight_bytes: int | None = Field(None, ge=0, le=2**40, description="The account's own account_in_flight_bytes.")
    watches: int | None = Field(None, ge=0, le=100_000, description="The account's own account_watches.")
    stored_bytes: int | None = Field(None, ge=0, le=2**50, description="The account's own account_stored_bytes.")


class ConnectionTable(BaseModel):
    """A connection to a CRM: its adapter, and that adapter's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    adapter: str = Field(description="The adapter's name; `leadline adapter list` shows them.")
    search_lag_seconds: float | None = Field(
        None, ge=0, le=3600, description="Seconds until this CRM's search shows a new contact."
    )
    settle_seconds: float | None = Field(
        None, ge=0, le=3600, description="Seconds in which a write without an answer may still take effect."
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Leave the adapter's own settings out: some are secrets, and only the adapter knows which."""
        return [(name, value) for name, value in super().__repr_args__() if name in type(self).model_fields]

    @property
    def options(self) -> dict[str, Any]:
        """The adapter's own settings."""
        return dict(self.model_extra or {})


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    listen: Address = Field("127.0.0.1:50051", description="The address for gRPC, HOST:PORT; port 0 takes a free one.")
    metrics_listen: Address = Field("127.0.0.1:9464", description="The address for /metrics and /healthz, HOST:PORT.")
    http_listen: Annotated[str, AfterValidator(_address_or_none)] = Field(
        "127.0.0.1:8650", description="The address for JSON over HTTP, HOST:PORT; empty: off."
    )
    console: bool = Field(True, description="Whether the HTTP port serves the page for people, at /.")
    public_url: Annotated[str, AfterValidator(_url)] = Field(
        "", description="The address at which phone systems reach the HTTP port; empty: only this machine reaches it."
    )
    authentication: bool = Field(
        False, description="Whether every call needs a credential: an API key, a JWT or a client certificate."
    )
    reflection: bool = Field(
        False,
        description="Whether anyone may ask for the contract (gRPC reflection) although authentication is on.",
    )
    http_hosts: str = Field(
        "",
        max_length=4096,
        description="Further host names, and perhaps ports, under which others reach the HTTP port; comma between.",
    )
    tls_certificate: Path | None = Field(
        None,
        description="The server's certificate in PEM, with those up to its CA; read again when it changes.",
    )
    tls_key: Path | None = Field(None, description="The private key of the certificate, in PEM.")
    tls_client_ca: Path | None = Field(
        None,
        description="The CAs of clients' certificates, in PEM. gRPC and metrics then need a client certificate.",
    )
    tls_min_version: Literal["1.2", "1.3"] = Field("1.2", description="The lowest TLS version for HTTP and metrics.")
    grpc_tls_min_version: Annotated[str, AfterValidator(_grpc_tls_version)] = Field(
        "1.2", description="The lowest TLS version for gRPC. It cannot be raised."
    )
    tls_proxy: str = Field(
        "",
        max_length=512,
        description="The DNS name or URI in the certificate of a proxy whose x-forwarded-client-cert is trusted.",
    )
    everyone_may_call: bool = Field(
        False, description="Serve beyond this machine without TLS and authentication: everyone reads and writes all."
    )
    data_dir: Path = Field(Path("data"), description="The folder of the embedded ledger and CRM; created if missing.")
    ledger: Annotated[str, AfterValidator(_sqlite_ledger)] = Field(
        "", description="The ledger's file: a path or sqlite:PATH. Empty: DATA_DIR/ledger.db."
    )
    config: Path | None = Field(None, description="A TOML file with any of these settings, and the accounts.")
    secrets_key: str = Field(
        "",
        repr=False,
        description="The secrets keys, base64 of 32 bytes each, the newest first. Empty: a file has them.",
    )
    secrets_key_file: Path | None = Field(
        None, description="The file of the secrets keys, outside the data directory; created when first needed."
    )
    secrets_key_command: str = Field(
        "", repr=False, description="A command that prints the secrets keys; it has no shell."
    )
    egress_proxy: Annotated[str, AfterValidator(_proxy)] = Field(
        "", description="The HTTP proxy of all connections to CRMs, such as http://proxy.example:3128; empty: none."
    )
    egress_ca: Path | None = Field(
        None, description="A PEM file of the root certificates of CRMs and of the proxy; empty: the system's."
    )
    egress_hosts: tuple[str, ...] = Field(
        (), description="Hosts that connections set by API may reach although their addresses are not public."
    )
    check_connections: bool = Field(
        True, description="Whether the server asks each CRM at its start, and warns about those that fail."
    )
    definition_folder: Path | None = Field(
        None, description="A folder of CRM definitions that connections set by API may name."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The lowest level to log.")
    log_format: Literal["console", "json"] = Field("console", description="The form of log lines: for people, or JSON.")
    otlp_endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        "", description="Where traces and the audit trail go by OTLP over gRPC, http(s)://HOST:PORT; empty: nowhere."
    )
    trace_ratio: float = Field(
        0.01, ge=0, le=1, description="The share of calls that are traced, of those whose callers do not say."
    )
    grace_period: float = Field(10.0, ge=0, le=600, description="Seconds to finish requests after SIGTERM.")
    keep_calls_days: int = Field(
        400, ge=0, le=36_500, description="Days that a finished call stays in the ledger; 0 for ever."
    )
    keep_audit_days: int = Field(
        730, ge=0, le=36_500, description="Days that an entry of the audit trail stays in the ledger; 0 for ever."
    )
    account_concurrency: int = Field(
        64, ge=1, le=10_000, description="Simultaneous deliveries to one account's CRM, of this process."
    )
    account_rate: float = Field(
        0.0, ge=0, le=100_000, description="Requests each second to one account's CRM, of this process; 0 for no limit."
    )
    account_calls_per_second: float = Field(
        5_000.0, ge=0, le=100_000, description="RPCs each second of one account, in this process; 0 for no limit."
    )
    account_bytes_per_minute: int = Field(
        256 * 1024 * 1024,
        ge=0,
        le=2**40,
        description="Bytes of one account's writing requests each minute, in this process; 0 for no limit.",
    )
    account_in_flight_bytes: int = Field(
        64 * 1024 * 1024,
        ge=0,
        le=2**40,
        description="Bytes of one account's requests in progress, in this process; 0 for no limit.",
    )
    account_watches: int = Field(
        5_000, ge=0, le=100_000, description="Open watches of one account, in this process; 0 for no limit."
    )
    account_stored_bytes: int = Field(
        64 * 1024**3,
        ge=0,
        le=2**50,
        description="Bytes that the ledger keeps of one account, for all processes; 0 for no limit.",
    )
    account_waiting: int = Field(
        500, ge=1, le=10_000, description="Calls of one account that may wait for their turn, in this process."
    )
    max_connections: int = Field(
        10_000, ge=8, le=60_000, description="gRPC connections, as far as the limit of open files suffices."
    )
    max_connection_age: float = Field(
        3600.0, ge=0, le=7 * 86_400, description="Seconds until a client has to open a new gRPC connection; 0: never."
    )
    lookup_cache_seconds: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="Seconds that leadline remembers a lookup that found a contact; 0: never.",
    )
    lookup_cache_none_seconds: float = Field(
        5.0, ge=0, le=60, description="Seconds that leadline remembers a lookup that found no contact; 0: never."
    )
    lookup_cache_entries: int = Field(10_000, ge=1, le=1_000_000, description="Remembered numbers of each account.")
    connections: dict[str, ConnectionTable] = Field(
        default_factory=dict, description="The connections to CRMs by name, tables [connections.NAME] of the file."
    )
    issuers: dict[str, IssuerConfig] = Field(
        default_factory=dict, description="The issuers of JWTs that are accepted by name, tables [issuers.NAME]."
    )
    accounts: dict[Annotated[str, AfterValidator(_account_id)], AccountConfig] = Field(
        default_factory=lambda: {DEMO_ACCOUNT: AccountConfig()},
        description="The accounts by id, tables [accounts.ID] of the file.",
    )

    @property
    def tls_files(self) -> TlsFiles | None:
        """The files of the server's certificate; None: it has none."""
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return TlsFiles(certificate=self.tls_certificate, key=self.tls_key, client_ca=self.tls_client_ca)

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """The addresses on which the server listens."""
        names = ("listen", "metrics_listen", "http_listen")
        return tuple(Listener(name, address) for name in names if (address := getattr(self, name)))

    @property
    def protection(self) -> Protection:
        """The protection of the ports."""
        return Protection(
            has_tls=self.tls_files is not None,
            has_client_ca=self.tls_client_ca is not None,
            authenticates=self.authentication,
            everyone_may_call=self.everyone_may_call,
        )

    @property
    def ledger_path(self) -> Path:
        """The ledger's file."""
        return Path(self.ledger.removeprefix("sqlite:")) if self.ledger else self.data_dir / "ledger.db"

    @property
    def secrets_key_path(self) -> Path:
        """The file of the secrets keys: next to the settings, or in the user's folder for configuration."""
        if self.secrets_key_file is not None:
            return self.secrets_key_file
        return self.config.with_name(_KEY_FILE) if self.config is not None else _user_folder() / _KEY_FILE

    @property
    def keep_calls(self) -> timedelta | None:
        """How long a finished call stays in the ledger after its last change; None means for ever."""
        return timedelta(days=self.keep_calls_days) if self.keep_calls_days else None

    @property
    def keep_audit(self) -> timedelta | None:
        """How long an entry of the audit trail stays in the ledger; None means for ever."""
        return timedelta(days=self.keep_audit_days) if self.keep_audit_days else None

    @property
    def routes(self) -> dict[str, dict[str, RouteConfig]]:
        """The settings of each account's webhooks, by the account's id and the route's name."""
        return {account_id: account.ingress for account_id, account in self.accounts.items()}

    def connection_of(self, account_id: str) -> str | None:
        """The name of an account's connection; None if the settings have no such account."""
        account = self.accounts.get(account_id)
        return None if account is None else account.connection

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        given = (self.secrets_key, self.secrets_key_file, self.secrets_key_command)
        if sum(map(bool, given)) > 1:
            raise ValueError("only one of secrets_key, secrets_key_file and secrets_key_command may be set")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the file that one of them names."""
        flags = init_settings()
        file = SettingsSources.read({"config": flags.get("config") or env_settings().get("config")}, PREFIX)
        return init_settings, env_settings, InitSettingsSource(settings_cls, file.document)


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings in force. `flags` come from the command line; a flag with the value None is absent.

    Raises:
        BadSettings: settings are unknown or invalid; all of them are named.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    sources = SettingsSources.read(given, PREFIX)
    problems = [*_unknown_variables(), *sources.problems]
    try:
        settings = Settings(**given)
        tables = _Tables(accounts=settings.accounts, connections=settings.connections, public_url=settings.public_url)
    except ValidationError as error:
        details = error.errors()
        problems += [sources.invalid(detail, _known(detail["loc"])) for detail in details]
        tables = _valid_tables(sources, details)
    except ValueError as error:
        raise BadSettings([*problems, f"settings: {error}"]) from error
    else:
        problems += _port_problems(settings, sources)
    problems += _table_problems(tables, sources)
    if problems:
        raise BadSettings(problems)
    return settings


def _port_problems(settings: Settings, sources: SettingsSources) -> Iterable[str]:
    """Problems of the ports: files that need each other, and ports that serve beyond this machine unprotected."""
    pair = {"tls_certificate": settings.tls_certificate, "tls_key": settings.tls_key}
    lone = [name for name, path in pair.items() if path is None]
    if len(lone) == 1:
        yield sources.problem((next(iter(pair.keys() - lone)),), f"needs {lone[0]} too")
    for name in ("tls_client_ca", "tls_proxy"):
        if getattr(settings, name) and settings.tls_files is None:
            yield sources.problem((name,), "needs tls_certificate and tls_key")
    for listener in settings.listeners:
        if why := missing(listener, settings.protection):
            yield sources.problem((listener.setting,), why)


class _Tables(BaseModel):
    """The tables of the file that refer to each other, to adapters and to definitions."""

    accounts: dict[str, AccountConfig] = Field(default_factory=lambda: {DEMO_ACCOUNT: AccountConfig()})
    connections: dict[str, ConnectionTable] = Field(default_factory=dict)
    public_url: str = ""


def _valid_tables(sources: SettingsSources, details: Sequence[Any]) -> _Tables:
    """The tables without their invalid values, so that the rest is checked too."""
    rest = without(sources.document, [detail["loc"] for detail in details])
    url = os.environ.get(f"{PREFIX}PUBLIC_URL") or rest.get("public_url")
    if any(detail["loc"] == ("public_url",) for detail in details):
        url = "https://public-url.invalid"  # a valid one, so that its absence is not named too
    return _Tables.model_validate({name: rest[name] for name in _TABLES if name in rest} | {"public_url": url or ""})


def _known(location: Location) -> Iterable[str]:
    """The settings of the table that has the value at a location."""
    match location:
        case (_,):
            return Settings.model_fields
        case ("accounts", _, _):
            return AccountConfig.model_fields
        case ("issuers", _, _):
            return IssuerConfig.model_fields
        case ("accounts", _, "ingress", _, _):
            return RouteConfig.model_fields
        case _:
            return ()


def _unknown_variables() -> list[str]:
    """A sentence for each environment variable that looks like a setting and is none."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields if name not in _TABLES]
    names = {name for name in os.environ if name.startswith(PREFIX)} - {*known, *COMMAND_VARIABLES}
    return [f"{name}: {unknown(name, known)}" for name in sorted(names)]


def _table_problems(tables: _Tables, sources: SettingsSources) -> list[str]:
    problems = [] if tables.accounts or sources.problems else [sources.problem(("accounts",), "at least one is needed")]
    known = {EMBEDDED, *tables.connections, *_named(sources.document)}
    problems += [
        sources.problem(
            ("accounts", account_id, "connection"),
            f"there is no [connections.{account.connection}]{_similar(account.connection, known)}",
        )
        for account_id, account in tables.accounts.items()
        if account.connection not in known
    ]
    for name, connection in tables.connections.items():
        problems += _connection_problems(name, connection, sources)
    return problems + _ingress_problems(tables, sources)


def _named(document: Mapping[str, Any]) -> Iterable[str]:
    tables = document.get("connections")
    return tables if isinstance(tables, dict) else ()


def _similar(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {found[0]}?" if found else ""


def _connection_problems(name: str, connection: ConnectionTable, sources: SettingsSources) -> list[str]:
    from leadline_server.crm.adapter_registry import NoSuchAdapter, adapter_names, adapter_type

    within = ("connections", name)
    try:
        options = adapter_type(connection.adapter).settings
    except NoSuchAdapter as error:
        return [sources.problem((*within, "adapter"), f"{error}{_similar(connection.adapter, adapter_names())}")]
    try:
        options.model_validate(connection.options)
    except ValidationError as error:
        known = {*options.model_fields, *ConnectionTable.model_fields}
        return [sources.invalid(detail, known if len(detail["loc"]) == 1 else (), within) for detail in error.errors()]
    return []


def _ingress_problems(tables: _Tables, sources: SettingsSources) -> list[str]:
    routes = {account_id: account.ingress for account_id, account in tables.accounts.items()}
    if not any(routes.values()):
        return []
    from leadline_server.definitions.problems import BadDefinition
    from leadline_server.ingress.routes import load_routes

    try:
        load_routes(routes, tables.public_url)
    except BadDefinition as error:
        return [_placed(problem, sources) for problem in error.problems]
    return []


def _placed(problem: str, sources: SettingsSources) -> str:
    """A problem of a route, such as `accounts.acme.ingress.pbx.secret: is required`, with its line."""
    path, _, reason = problem.partition(": ")
    account, _, key = path.partition(".ingress.")
    return sources.in_file(("accounts", account.removeprefix("accounts."), "ingress", *key.split(".")), reason)
