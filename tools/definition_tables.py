"""Write the tables of `docs/declarative-adapter.md` from the models, or say with `--check` that they are stale.

The tables are compared with the JSON Schema of definitions: a key that the schema has and no table has is an error.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from leadline_server.crm.declarative import answers, definition, operations
from leadline_server.crm.declarative.definition_check import KNOWN, OF_NUMBERS, RESERVED
from leadline_server.definitions.templates import FILTER_NAMES
from marked import with_parts, write_or_check
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "declarative-adapter.md"
TOOL: Final = "definition_tables.py"

TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "The whole file": definition.Definition,
    "`variables.NAME`": definition.Variable,
    '`authentication`, `type = "none"`': definition.NoAuthentication,
    '`authentication`, `type = "header"`': definition.HeaderAuthentication,
    '`authentication`, `type = "basic"`': definition.BasicAuthentication,
    '`authentication`, `type = "oauth2"`': definition.OAuthAuthentication,
    '`authentication`, `type = "login"`': definition.LoginAuthentication,
    "`capabilities`": definition.DefinedCapabilities,
    "`capabilities.rates`, each": definition.DefinedRate,
    "`types.NAME`": definition.ContactType,
    "`contact`": definition.ContactFields,
    "`call_log`": definition.CallLogFields,
    "`words`": definition.CallWords,
    "`errors`, each": definition.ErrorRule,
    "`error_words`": definition.ErrorText,
    "`known_gaps`": definition.DefinedGaps,
    "`limits`": definition.Limits,
    "`facts`, each": definition.DefinedFact,
    "`operations`": operations.Operations,
    "Every operation": operations.Operation,
    "`find_contacts` and `find_extensions` besides": operations.FindContactsOperation,
    "`find_call_log` besides": operations.FindCallLogOperation,
    "`related_records` besides": operations.RelatedRecordsOperation,
    "`response` of `find_contacts`, `find_extensions`, `search_contacts`": answers.ListAnswer,
    "`response` of `get_contact`": answers.RecordAnswer,
    "`response` of `create_contact`": answers.CreatedAnswer,
    "`response` of `create_call_log`": answers.LoggedAnswer,
    "`response` of `read_call_log` and `find_call_log`": answers.LogsAnswer,
    "`response` of `update_call_log`": answers.UpdatedAnswer,
    "`response` of `contact_use`": answers.UseAnswer,
    "`response` of `related_records`": answers.RelatedAnswer,
    "`response` of `delete_contact`": answers.DeletedAnswer,
    "`response` of `contact_fields` and `call_log_fields`": answers.FieldsAnswer,
    "`response` of `check`": answers.CheckAnswer,
    "`response.paging`": answers.Paging,
}
"""Every table of a definition, by where it stands."""


def keys() -> str:
    """A table for each of TABLES."""
    return "\n\n".join(f"### {title}\n\n{table(model)}" for title, model in TABLES.items())


def undocumented(tables: str, schema: Mapping[str, Any]) -> list[str]:
    """The keys of the schema that `tables` does not have, such as `LoginAuthentication.path`."""
    sections = dict(re.findall(r"^### (.*)\n\n((?:\|.*\n?)+)", tables, re.MULTILINE))
    documented = {model.__name__: first_cells(sections.get(title, "")) for title, model in TABLES.items()}
    common = documented[operations.Operation.__name__]
    for kind in operations.Operation.__subclasses__():
        documented[kind.__name__] = documented.get(kind.__name__, set()) | common
    objects = {definition.Definition.__name__: schema, **schema["$defs"]}
    return [
        f"{name}.{key}"
        for name, part in objects.items()
        for key in part.get("properties", ())
        if key not in documented.get(name, ())
    ]


def first_cells(text: str) -> set[str]:
    """The names in the first cells of a table."""
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def table(model: type[BaseModel]) -> str:
    """A table of a model's keys."""
    rows = ["| Key | Default | Meaning |", "|---|---|---|"]
    is_operation = issubclass(model, operations.Operation) and model is not operations.Operation
    inherited = operations.Operation.model_fields if is_operation else ()
    for name, field in model.model_fields.items():
        if name not in inherited:
            rows.append(f"| `{name}` | {_default(field)} | {_meaning(name, field.description)} |")
    if model is operations.Operation:
        rows.append("| `response` | see below | How leadline reads the answer: see the tables below. |")
    return "\n".join(rows)


def _default(field: Any) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "required"
    if default is None or default == "" or isinstance(default, BaseModel) or default in ({}, []):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`".replace("'", '"')


def _meaning(name: str, description: str | None) -> str:
    return (description or f"Says which {name} it is.").replace("|", "\\|").replace("\n", " ")


def names() -> str:
    """A table of the names that the templates of each operation know."""
    return "\n".join(["| Operation | Sees |", "|---|---|", *_names()])


def _names() -> Iterator[str]:
    for operation, known in KNOWN.items():
        listed = ", ".join(f"`{name}`" for name in sorted(known)) or "nothing more"
        if (operation.startswith("find_c") and operation.endswith("contacts")) or operation == "find_extensions":
            ways = [
                f'with `numbers = "{way}"` {" and ".join(f"`{name}`" for name in sorted(more))}'
                for way, more in OF_NUMBERS.items()
            ]
            listed += f"; {', '.join(ways)}"
        yield f"| `{operation}` | {listed} |"


def generated(document: str) -> str:
    """The document with its tables as they ought to be."""
    filters = ", ".join(f"`{name}`" for name in FILTER_NAMES)
    tables = keys()
    if missing := undocumented(tables, definition.json_schema()):
        sys.exit(f"The tables lack keys of the JSON Schema: {', '.join(missing)}.")
    reserved = ", ".join(f"`{name}`" for name in sorted(RESERVED))
    parts = {"keys": tables, "names": names(), "filters": filters, "reserved": reserved}
    return with_parts(document, parts, TOOL)


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
