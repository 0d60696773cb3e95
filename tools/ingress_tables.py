"""Write the tables of `docs/ingress-definitions.md` from the models, or say with `--check` that they are stale."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from definition_tables import first_cells, table
from leadline_server.ingress import definition, schemes
from marked import with_parts, write_or_check
from pydantic import BaseModel

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "ingress-definitions.md"
TOOL: Final = "ingress_tables.py"

TABLES: Final[Mapping[str, type[BaseModel]]] = {
    "The whole file": definition.IngressDefinition,
    '`authentication`, `type = "hmac"`': schemes.HmacScheme,
    '`authentication`, `type = "twilio"`': schemes.TwilioScheme,
    '`authentication`, `type = "ed25519"`': schemes.Ed25519Scheme,
    '`authentication`, `type = "jwt"`': schemes.JwtScheme,
    '`authentication`, `type = "token"`': schemes.TokenScheme,
    '`authentication`, `type = "bearer"`': schemes.BearerScheme,
    '`authentication`, `type = "basic"`': schemes.BasicScheme,
    "`handshake`": definition.Handshake,
    "`body`": definition.BodyForm,
    "`kinds`, each": definition.EventKind,
    "`kinds.call`": definition.CallFields,
    "`kinds.legs`": definition.LegFields,
    "`caller`, `callee`, `party`": definition.PartyFields,
    "`words`": definition.EventWords,
    "`answer`": definition.AnswerForm,
    "`test_call`, each": definition.SampleRequest,
}
"""Every table of a definition, by where it stands."""


def undocumented() -> list[str]:
    """The keys of the JSON Schema that no table has, such as `CallFields.id`."""
    schema = definition.json_schema()
    documented = {model.__name__: first_cells(table(model)) for model in TABLES.values()}
    objects = {definition.IngressDefinition.__name__: schema, **schema["$defs"]}
    return [
        f"{name}.{key}"
        for name, part in objects.items()
        for key in part.get("properties", ())
        if key not in documented.get(name, ())
    ]


def generated(document: str) -> str:
    """The document with its tables as they ought to be."""
    if missing := undocumented():
        sys.exit(f"The tables lack keys of the JSON Schema: {', '.join(missing)}.")
    keys = "\n\n".join(f"### {title}\n\n{table(model)}" for title, model in TABLES.items())
    return with_parts(document, {"keys": keys}, TOOL)


if __name__ == "__main__":
    write_or_check(DOCUMENT, generated, __doc__, TOOL)
