"""Checks the settings of a connection that come by API. They have less trust than those of the settings file.

They have no files, environment variables, paths and entry points. A definition is one of the administrator's catalogue.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from leadline_server.crm.adapter_registry import BUILT_IN, adapter_type
from leadline_server.crm.egress import AddressRefused, Egress
from leadline_server.crm.remote.settings import split_address
from leadline_server.crm.toolkit.adapter_type import AnyAdapterType, ConnectionSettings
from leadline_server.domain.errors import FieldViolation, InvalidRequest
from leadline_server.secret_settings import BY_API

DEFINITION: Final = "definition"
_SUFFIX: Final = ".toml"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The definitions that connections set by API may name: the shipped ones, and those of the administrator."""

    folder: Path | None = None

    def find(self, name: str) -> str | None:
        """What the adapter has to load for a name; None if the catalogue does not have it."""
        from leadline_server.crm.declarative.definition_files import shipped_names

        if self.folder is not None and name in {path.stem for path in self.folder.glob(f"*{_SUFFIX}")}:
            return str(self.folder / f"{name}{_SUFFIX}")
        return name if name in shipped_names() else None


def read_settings(
    adapter: str, options: Mapping[str, Any], secrets: Mapping[str, str], catalogue: Catalogue
) -> tuple[AnyAdapterType, ConnectionSettings]:
    """The adapter and its settings. Raises InvalidRequest, which names everything that is wrong."""
    if adapter not in BUILT_IN:
        raise InvalidRequest([FieldViolation("connection.adapter", f"Must be one of: {', '.join(BUILT_IN)}.")])
    kind, given = adapter_type(adapter), {**options, **secrets}
    violations = [*_paths(kind, given), *_both(options, secrets)]
    if DEFINITION in given:
        found = catalogue.find(str(given[DEFINITION]))
        if found is None:
            violations.append(_violation(DEFINITION, "Must be a definition of the catalogue.", secrets))
        given[DEFINITION] = found
    if violations:
        raise InvalidRequest(violations)
    try:
        settings = kind.settings.model_validate(given, context={BY_API: True})
    except ValidationError as error:
        raise InvalidRequest([_invalid(detail, secrets) for detail in error.errors()]) from None
    open_secrets = [name for name in options if isinstance(getattr(settings, name, None), SecretStr)]
    if open_secrets:
        told = "Is a secret: it must be in `secrets`."
        raise InvalidRequest([_violation(name, told, secrets) for name in open_secrets])
    return kind, settings


async def check_hosts(options: Mapping[str, Any], egress: Egress) -> None:
    """Check every host in the settings. Raises InvalidRequest."""
    violations = []
    for name, host in _hosts(options):
        try:
            await egress.check_host(host)
        except AddressRefused as error:
            violations.append(_violation(name, f"{error}", {}))
    if violations:
        raise InvalidRequest(violations)


def _hosts(options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in options.items():
        if not isinstance(value, str):
            continue
        host = urlsplit(value).hostname if "://" in value else _host_of_address(name, value)
        if host:
            yield name, host


def _host_of_address(name: str, value: str) -> str:
    if name != "address":
        return ""
    try:
        return split_address(value)[0]
    except ValueError:
        return ""


def _paths(kind: AnyAdapterType, given: Mapping[str, Any]) -> Iterator[FieldViolation]:
    for name, field in kind.settings.model_fields.items():
        if name in given and any(_is_path(part) for part in (field.annotation, *get_args(field.annotation))):
            yield _violation(name, "Can be set in the settings file only, since it is a path.", {})


def _is_path(annotation: Any) -> bool:
    kinds = (annotation, *get_args(annotation))
    return any(isinstance(kind, type) and issubclass(kind, Path) for kind in kinds)


def _both(options: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[FieldViolation]:
    for name in options.keys() & secrets.keys():
        yield _violation(name, "Is both an option and a secret.", {})


def _invalid(detail: Any, secrets: Mapping[str, str]) -> FieldViolation:
    """A violation in pydantic's words, which do not repeat the value."""
    location = [str(part) for part in detail["loc"]] or [""]
    text = str(detail["msg"]).removeprefix("Value error, ")
    return _violation(".".join(location), f"{text[:1].upper()}{text[1:]}.", secrets)


def _violation(name: str, text: str, secrets: Mapping[str, str]) -> FieldViolation:
    part = "secrets" if name in secrets else "options"
    return FieldViolation(f"connection.{part}.{name}".rstrip("."), text)
