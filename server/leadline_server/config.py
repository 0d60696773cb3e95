"""Settings from flags, the environment, a TOML file and built-in defaults, in this order.

leadline checks all of them at the start. If one is unknown or invalid, it names it and does not start.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from leadline_server.auth.issuers import IssuerConfig
from leadline_server.config_errors import SettingsSources
from leadline_server.config_tables import DEMO_ACCOUNT, AccountConfig, ConnectionTable
from leadline_server.config_values import (
    Address,
    LedgerInPostgres,
    check_account_id,
    check_endpoint,
    check_grpc_tls_version,
    check_ledger,
    check_optional_address,
    check_origins,
    check_postgres,
    check_proxy,
    check_url,
    is_postgres,
    split_origins,
    user_folder,
)
from leadline_server.ingress.settings import RouteConfig
from leadline_server.listeners import Listener, Protection, TlsFiles

PREFIX: Final = "LEADLINE_"
_KEY_FILE: Final = "secrets.key"


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    listen: Address = Field("127.0.0.1:50051", description="The address for gRPC, HOST:PORT; port 0 takes a free one.")
    metrics_listen: Address = Field("127.0.0.1:9464", description="The address for /metrics and /healthz, HOST:PORT.")
    http_listen: Annotated[str, AfterValidator(check_optional_address)] = Field(
        "127.0.0.1:8650", description="The address for JSON over HTTP, HOST:PORT; empty: off."
    )
    console: bool = Field(True, description="Whether the HTTP port serves the page for people, at /.")
    embed_origins: Annotated[str, AfterValidator(check_origins)] = Field(
        "",
        max_length=4096,
        description="The origins whose pages may show leadline in a frame, such as https://crm.example; comma between.",
    )
    public_url: Annotated[str, AfterValidator(check_url)] = Field(
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
    grpc_tls_min_version: Annotated[str, AfterValidator(check_grpc_tls_version)] = Field(
        "1.2", description="The lowest TLS version for gRPC. It cannot be raised."
    )
    tls_proxy: str = Field(
        "",
        max_length=512,
        description="The DNS name or URI in the certificate of a proxy whose x-forwarded-client-cert is trusted.",
    )
    platform_metrics: bool = Field(
        False, description="Whether keys of the role platform may read /metrics, as those of monitor may."
    )
    everyone_may_call: bool = Field(
        False, description="Serve beyond this machine without TLS and authentication: everyone reads and writes all."
    )
    data_dir: Path = Field(Path("data"), description="The folder of the ledger; created if missing.")
    ledger: Annotated[str, AfterValidator(check_ledger)] = Field(
        "",
        repr=False,
        description="The ledger: a path, sqlite:PATH, or postgresql://USER@HOST/DATABASE. Empty: DATA_DIR/ledger.db.",
    )
    ledger_password_file: Path | None = Field(
        None, description="A file with the password of the PostgreSQL user, read for each connection."
    )
    ledger_direct: Annotated[str, AfterValidator(check_postgres)] = Field(
        "",
        repr=False,
        description="The URL past a transaction pooler such as PgBouncer, where ledger is the pooler's; empty: none.",
    )
    ledger_connections: int = Field(
        10, ge=2, le=1_000, description="The most connections of one server to PostgreSQL, beside the listening one."
    )
    ledger_timeout: float = Field(
        10.0, ge=0.1, le=600, description="Seconds that one statement in PostgreSQL may take."
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
    egress_proxy: Annotated[str, AfterValidator(check_proxy)] = Field(
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
    otlp_endpoint: Annotated[str, AfterValidator(check_endpoint)] = Field(
        "", description="Where traces and the audit trail go by OTLP over gRPC, http(s)://HOST:PORT; empty: nowhere."
    )
    trace_ratio: float = Field(
        0.01, ge=0, le=1, description="The share of calls that are traced, of those whose callers do not say."
    )
    workers: int = Field(
        1, ge=1, le=64, description="Processes that serve on the same ports; more than one need Linux."
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
    accounts: dict[Annotated[str, AfterValidator(check_account_id)], AccountConfig] = Field(
        default_factory=lambda: {DEMO_ACCOUNT: AccountConfig()},
        description="The accounts by id, tables [accounts.ID] of the file.",
    )

    @property
    def embedding_origins(self) -> tuple[str, ...]:
        """The origins of `embed_origins`."""
        return split_origins(self.embed_origins)

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
        """The ledger's file. Raises LedgerInPostgres if it has none."""
        if is_postgres(self.ledger):
            raise LedgerInPostgres
        return Path(self.ledger.removeprefix("sqlite:")) if self.ledger else self.data_dir / "ledger.db"

    @property
    def secrets_key_path(self) -> Path:
        """The file of the secrets keys: next to the settings, or in the user's folder for configuration."""
        if self.secrets_key_file is not None:
            return self.secrets_key_file
        return self.config.with_name(_KEY_FILE) if self.config is not None else user_folder() / _KEY_FILE

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
