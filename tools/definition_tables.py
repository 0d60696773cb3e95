"""Write the tables of `docs/declarative-adapter.md` from the models, or say with `--check` that they are stale."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from leadline_server.crm.declarative import definition, operations
from leadline_server.crm.declarative.definition_check import KNOWN, OF_NUMBERS
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
    "`operations`": operations.Operations,
    "Every operation": operations.Operation,
    "`find_contacts` and `find_extensions` besides": operations.FindContactsOperation,
    "`find_call_log` besides": operations.FindCallLogOperation,
    "`response` of `find_contacts`, `find_extensions`, `search_contacts`": operations.ListAnswer,
    "`response` of `get_contact`": operations.RecordAnswer,
    "`response` of `create_contact`": operations.CreatedAnswer,
    "`response` of `create_call_log`": operations.LoggedAnswer,
    "`response` of `read_call_log` and `find_call_log`": operations.LogsAnswer,
    "`response` of `update_call_log`": operations.UpdatedAnswer,
    "`response` of `check`": operations.CheckAnswer,
    "`response.paging`": operations.Paging,
}
"""Every table of a definition, by where it stands."""


def keys() -> str:
    """A table for each of TABLES."""
    return "\n\n".join(f"### {title}\n\n{_table(model)}" for title, model in TABLES.items())


def _table(model: type[BaseModel]) -> str:
    rows = ["| Key | Default | Meaning |", "|---|---|---|"]
    inherited = () if model is operations.Operation else operations.Operation.model_fields
    for name, field in model.model_fields.items():
        if name not in inherited:
            rows.append(f"| `{name}` | {_default(field)} | {_meaning(name, field.description)} |")
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
    """What the templates of each operation see."""
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
    return with_parts(document, {"keys": keys(), "names": names(), "filters": filters}, TOOL)


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
