"""No class of leadline's shows a person or a secret: every field whose name says so is planted, and looked for.

An object that is never shown in a test may still be shown by the first fault. So classes are looked at, and not what a
test happens to make: each dataclass, named tuple and struct is filled without its constructor.
"""

import dataclasses
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Final, NamedTuple

import leadline_server
import msgspec
from leadline_server.domain.unshown import unshown

MARK: Final = "pLaNtEd"

ABOUT_PEOPLE: Final = frozenset(
    {
        *("attributes", "caller", "callee", "company", "digits", "document", "body", "email", "emails", "name", "note"),
        *("number", "numbers", "phone", "phone_number", "phone_numbers", "query", "subject", "text", "title", "user"),
        *("value", "values", "row", "header"),
    }
)
SECRET: Final = frozenset({"cookie", "password", "secret", "secrets", "token", "csrf_token", "refresh_token"})

SHOWN: Final = frozenset(
    {
        "cli.adapters._Row.title",
        "cli.command_target.TlsOptions.name",
        "cli.output.Column.title",
        "commands.account_connections.ShownConnection.name",
        "crm.assumptions.findings.TriedAssumption.name",
        "crm.assumptions.trial.Trial.name",
        "crm.declarative.compiled_definition.CompiledOperation.name",
        "crm.declarative.compiled_definition.CompiledDefinition.attributes",
        "crm.declarative.login.Login.header",
        "crm.embedded.contact_files.exports.KnownExport.name",
        "crm.embedded.contact_files.mapping.ColumnMapping.header",
        "crm.embedded.contact_files.mapping.ChosenColumn.header",
        "crm.salesforce.wire.SalesforceNames.company",
        "crm.toolkit.adapter_type.AdapterContext.name",
        "crm.toolkit.adapter_type.AdapterType.name",
        "crm.toolkit.adapter_type.AdapterType.title",
        "crm.toolkit.assumptions.DocumentedFact.name",
        "crm.toolkit.required_fields.RequiredField.name",
        "crm.zoho.wire.ZohoNames.company",
        "domain.accounts.AccountRecord.title",
        "domain.audit.AuditEvent.subject",
        "domain.merge.Stamps.attributes",
        "encryption.key_sources.KeyText.name",
        "encryption.key_sources.KeyCommand.name",
        "encryption.rotation.Step.text",
        "ingress.compiled_definition.CompiledFields.attributes",
        "ledger.sqlite.integrity_findings.Finding.name",
        "listen.ami_connection.AmiLogin.user",
        "listen.byte_stream.Endpoint.title",
        "listen.esl_connection.EslLogin.user",
        "ports.ledger.replicas.Replica.name",
        "storage.migrations.Migration.name",
        "storage.postgres.deferred.RowsExpression.name",
        "storage.postgres.migrations.HalfMigration.name",
        "testing.crm_failure_cases.Subject.name",
        "testing.crm_failure_cases.Subject.number",
        "testing.crm_people.SeenLog.subject",
        "testing.crm_people.SeenLog.note",
        "testing.crm_people.SeenLog.text",
        "transport.served_methods.ServedMethod.name",
    }
)
"""Fields of those names that hold neither: names of settings, adapters, columns and RPCs; contacts of the test kit."""


def classes() -> Iterator[type]:
    """Every class of leadline's that shows its fields by itself."""
    for found in pkgutil.walk_packages(leadline_server.__path__, "leadline_server."):
        if found.name.endswith("__main__"):
            continue
        module = import_module(found.name)
        for kind in vars(module).values():
            if isinstance(kind, type) and kind.__module__ == module.__name__ and fields_of(kind):
                yield kind


def fields_of(kind: type) -> dict[str, str]:
    """The fields of a class with the text of their types; empty if it has no fields of its own making."""
    if dataclasses.is_dataclass(kind):
        return {field.name: str(field.type) for field in dataclasses.fields(kind)}
    if issubclass(kind, msgspec.Struct):
        return {field.name: str(field.type) for field in msgspec.structs.fields(kind)}
    return {name: str(kind.__annotations__.get(name)) for name in getattr(kind, "_fields", ())}


def filled(kind: type, planted: str) -> object:
    """An object of a class without its constructor: MARK in one field, None in the others."""
    values = {name: MARK if name == planted else None for name in fields_of(kind)}
    if issubclass(kind, tuple):
        return tuple.__new__(kind, values.values())
    if issubclass(kind, msgspec.Struct):
        return kind(**values)
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def shown(thing: object) -> str:
    """The text that an object shows; empty if its own `repr` needs more than its fields."""
    try:
        return repr(thing)
    except AttributeError:
        return ""


def shown_fields(kind: type) -> list[str]:
    """The fields about people, and the secrets, that a class shows: `Contact.name`."""
    texts = ("str", "bytes", "Any")
    return [
        f"{kind.__module__.removeprefix('leadline_server.')}.{kind.__qualname__}.{name}"
        for name, type_text in fields_of(kind).items()
        if name.strip("_") in ABOUT_PEOPLE | SECRET
        and any(text in type_text for text in texts)
        and "Callable" not in type_text
        and MARK in shown(filled(kind, name))
    ]


def test_no_class_shows_a_person_or_a_secret() -> None:
    assert {field for kind in classes() for field in shown_fields(kind)} == SHOWN


def test_the_search_finds_classes_that_show_one() -> None:
    class Struct(msgspec.Struct):
        token: str

    class Pair(NamedTuple):
        phone_number: str

    @dataclasses.dataclass(frozen=True, slots=True)
    class Shown:
        email: str
        secret: str = dataclasses.field(repr=False)

    found = [field.rpartition(".")[2] for kind in (Struct, Pair, Shown) for field in shown_fields(kind)]
    assert found == ["token", "phone_number", "email"]
    assert shown_fields(unshown(Shown)) == []
