"""Settings as they are given, checked all at once."""

import difflib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import SettingsError

from leadline_server.auth.issuers import IssuerConfig
from leadline_server.config import PREFIX, Settings
from leadline_server.config_errors import Location, SettingsSources, by_line, unknown, without
from leadline_server.config_tables import DEMO_ACCOUNT, EMBEDDED, AccountConfig, ConnectionTable
from leadline_server.ingress.settings import RouteConfig
from leadline_server.listeners import missing

COMMAND_VARIABLES: Final = frozenset({"LEADLINE_SERVER", "LEADLINE_ACCOUNT", "LEADLINE_API_KEY"})
"""Variables of the commands that ask a server; they are no settings of the server."""


class BadSettings(Exception):
    """Settings are unknown or invalid; `problems` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


_TABLES: Final = frozenset({"accounts", "connections", "issuers"})  # settings that only the file has
_LISTS: Final = ("egress_hosts",)  # settings that a variable has as JSON


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
    except SettingsError as error:
        raise BadSettings([*problems, *_unreadable_variables()]) from error
    else:
        problems += _port_problems(settings, sources)
    problems += _table_problems(tables, sources)
    if problems:
        raise BadSettings(by_line(problems))
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


def _unreadable_variables() -> Iterable[str]:
    """A sentence for each environment variable of a list that is not one. The other settings cannot be read then."""
    for name in _LISTS:
        variable = f"{PREFIX}{name.upper()}"
        try:
            json.loads(os.environ.get(variable, "[]"))
        except ValueError:
            yield f'{variable}: must be a list in JSON, such as ["one.example", "two.example"]'


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
