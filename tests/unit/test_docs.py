"""The documents are complete and correct: settings, preferences, errors, reasons, RPCs, dependencies, links."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from leadline.admin.v1 import account_service_pb2, audit_service_pb2, key_service_pb2
from leadline.v1 import (
    call_log_pb2,
    call_log_service_pb2,
    contact_service_pb2,
    directory_service_pb2,
    error_reason_pb2,
    placeholder_service_pb2,
    preferences_service_pb2,
)
from leadline_server.auth.issuers import IssuerConfig
from leadline_server.cli import app
from leadline_server.config import Settings
from leadline_server.config_loading import load_settings
from leadline_server.config_tables import AccountConfig, ConnectionTable
from leadline_server.domain.preferences import PREFERENCE_FIELDS, AccountSettings, EffectivePreferences, Preferences
from leadline_server.ingress.settings import RouteConfig

ROOT: Final = Path(__file__).resolve().parents[2]
DECISIONS: Final = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
DOCUMENTS: Final = sorted(
    str(path.relative_to(ROOT))
    for folder in (".", "docs", "docs/decisions", "examples")
    for path in ROOT.glob(f"{folder}/*.md")
)
SERVICES: Final = (
    contact_service_pb2,
    call_log_service_pb2,
    preferences_service_pb2,
    directory_service_pb2,
    placeholder_service_pb2,
    key_service_pb2,
    account_service_pb2,
    audit_service_pb2,
)
_LINK: Final = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def section(document: str, title: str) -> str:
    """The text under a heading, up to the next heading of any level."""
    [body] = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text(document), re.MULTILINE | re.DOTALL)
    return str(body)


def rows(markdown: str) -> dict[str, list[str]]:
    """The rows of the tables whose first cell is a name in backticks, by that name, without the backticks."""
    found = re.findall(r"^\| `([^`|]+)` \|(.*)\|$", markdown, re.MULTILINE)
    assert len({name for name, _ in found}) == len(found), "a name has two rows"
    return {name: [cell.strip().replace("`", "") for cell in rest.split(" | ")] for name, rest in found}


def values(enum: Any, prefix: str) -> set[str]:
    return {name.removeprefix(prefix) for name in enum.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - not a dict


def flags() -> dict[str, str]:
    """The flags of `leadline serve`, by the setting that each of them sets."""
    serve = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined] # the group's, not every command's
    return {option.name: option.opts[0] for option in serve.params}


def written(value: object) -> str:
    """A built-in value as the documents write it."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_variable_its_flag_and_its_default(name: str) -> None:
    variable, flag, default, meaning = rows(text("docs/settings.md").partition("## Accounts")[0])[name]
    assert variable == ("none" if name in ("accounts", "connections", "issuers") else f"LEADLINE_{name.upper()}")
    assert flag == flags().get(name, "none")
    built_in = {"accounts": "demo", "connections": "none", "issuers": "none"}.get(
        name, Settings.model_fields[name].default
    )
    words = {"": "empty", None: "none", True: "true", False: "false"}
    assert default == (words[built_in] if built_in in ("", None) or isinstance(built_in, bool) else str(built_in))
    assert meaning


def test_no_setting_is_documented_that_does_not_exist() -> None:
    assert rows(text("docs/settings.md").partition("## Accounts")[0]).keys() == Settings.model_fields.keys()


def test_every_setting_of_an_account_is_documented_with_its_default() -> None:
    documented = {name: cells[0] for name, cells in rows(section("docs/settings.md", "Accounts")).items()}
    defaults = {name: field.default or "none" for name, field in AccountConfig.model_fields.items()}
    assert documented == {**defaults, "ingress": "none"}


def test_every_setting_of_a_route_is_documented() -> None:
    assert rows(section("docs/settings.md", "Ingress")).keys() == RouteConfig.model_fields.keys()


def test_every_setting_of_all_connections_is_documented() -> None:
    assert rows(section("docs/settings.md", "Connections")).keys() == ConnectionTable.model_fields.keys()


def test_every_setting_of_an_issuer_is_documented() -> None:
    assert rows(section("docs/settings.md", "Issuers")).keys() == IssuerConfig.model_fields.keys()


def test_the_example_of_a_configuration_file_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LEADLINE_{name.upper()}", raising=False)
    [example] = re.findall(r"```toml\n(.*?)```", text("docs/settings.md"), re.DOTALL)
    file = tmp_path / "leadline.toml"
    file.write_text(example)
    settings = load_settings({"config": file})
    assert settings.accounts["london"] == AccountConfig(default_region="GB", time_zone="Europe/London")
    assert settings.grace_period == 20


def test_every_preference_is_documented_and_no_other() -> None:
    table, _, limits = text("docs/preferences.md").partition("## Limits of placeholders")
    assert tuple(rows(table)) == PREFERENCE_FIELDS
    settings = [field.name for field in fields(AccountSettings) if field.name.startswith("placeholder_")]
    assert list(rows(limits)) == settings


@pytest.mark.parametrize("name", PREFERENCE_FIELDS)
def test_every_preference_is_documented_with_its_values_and_its_built_in_value(name: str) -> None:
    allowed, built_in, _meaning = rows(text("docs/preferences.md"))[name]
    default = getattr(EffectivePreferences(sources={}), name)
    assert built_in.startswith({"()": "none", "": "empty"}.get(written(default), written(default)))
    enums = [kind for kind in _classes(Preferences.__annotations__[name]) if issubclass(kind, Enum)]
    assert all(value.name in allowed for enum in enums for value in enum)


def _classes(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _classes(argument)


def test_every_error_is_documented_with_the_code_of_the_contract() -> None:
    proto = text("protos/leadline/v1/error_reason.proto")
    contract = {
        reason: code
        for code, reason in re.findall(
            r"^  // ([A-Z_]+)\. (?:(?!^  ERROR).)*?^  ERROR_REASON_(\w+) = ", proto, re.MULTILINE | re.DOTALL
        )
    }
    assert contract.keys() == values(error_reason_pb2.ErrorReason, "ERROR_REASON_")
    assert {reason: cells[0] for reason, cells in rows(text("docs/errors.md")).items()} == contract


def test_every_error_is_documented_with_what_to_do() -> None:
    assert all(all(cells) and len(cells) == 3 for cells in rows(text("docs/errors.md")).values())


def test_every_reason_and_every_state_of_a_call_log_is_documented() -> None:
    states_and_reasons = section("docs/flow.md", "States and reasons")
    assert rows(states_and_reasons).keys() == values(call_log_pb2.CallLogReason, "CALL_LOG_REASON_")
    states = set(re.findall(r"^\| ([A-Z]+) \|", states_and_reasons, re.MULTILINE))
    assert states == values(call_log_pb2.CallLogState, "CALL_LOG_STATE_")


def test_the_table_of_decisions_leads_to_every_reason_but_that_of_a_refusal_and_of_an_undo() -> None:
    named = set(re.findall(r"`([A-Z_]+)`", section("docs/flow.md", "The decision")))
    assert named == values(call_log_pb2.CallLogReason, "CALL_LOG_REASON_") - {"CRM_REJECTED", "CONTACT_REMOVED"}


def test_the_readme_lists_every_rpc_and_no_other() -> None:
    documented = re.findall(r"^\| (?:`(\w+)`)? ?\| `(\w+)` \|", section("README.md", "RPCs"), re.MULTILINE)
    services = [service for file in SERVICES for service in file.DESCRIPTOR.services_by_name.values()]
    assert [service for service, _ in documented if service] == [service.name for service in services]
    assert [rpc for _, rpc in documented] == [method.name for service in services for method in service.methods]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(text("pyproject.toml"))
    needed = [
        *project["project"]["dependencies"],
        *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
        *project["dependency-groups"]["dev"],
        *project["dependency-groups"]["vendors"],
    ]
    reasons = rows(text("docs/decisions/0001-dependencies.md"))
    assert reasons.keys() == {re.split(r"[<>=\[]", requirement)[0] for requirement in needed}
    assert all(reason for [reason] in reasons.values())


def test_every_make_target_is_told_to_contributors() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.MULTILINE))
    assert targets == set(re.findall(r"`make ([a-z-]+)`", section("CONTRIBUTING.md", "Set-up"))) | {"help"}


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_has_a_number_a_context_a_choice_and_a_consequence_on_one_page(name: str) -> None:
    record = text(f"docs/decisions/{name}")
    number = DECISIONS.index(name) + 1
    assert (name[:4], record.partition(" ")[2].partition(".")[0]) == (f"{number:04}", str(number))
    assert re.findall(r"^\*\*(\w+)\.\*\*", record, re.MULTILINE) == ["Context", "Choice", "Consequence"]
    assert len(record.splitlines()) <= 66


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_within_the_repository_leads_somewhere(document: str) -> None:
    for path, anchor in _LINK.findall(text(document)):
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), f"{document} links to {path}"
        if anchor:
            assert anchor in _anchors(target), f"{document} links to {path}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_link_to_a_decision_has_the_number_of_the_decision(document: str) -> None:
    links = re.findall(r"\[decision (\d+)\]\([^)]*?(\d{4})-[^)]*\)", text(document), re.IGNORECASE)
    assert [label for label, number in links if int(label) != int(number)] == []


@cache
def _python_files() -> list[str]:
    folders = ("server", "clients/python", "tests", "tools", "examples")
    return [f"/{path.relative_to(ROOT)}" for folder in folders for path in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_python_file_that_a_document_names_exists(document: str) -> None:
    named = re.findall(r"`([\w/]+/\w+\.py)`", text(document))
    assert [name for name in named if not any(path.endswith(f"/{name}") for path in _python_files())] == []


def test_the_start_page_lists_every_page() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert (
        pages - set(re.findall(r"^\| \[([\w-]+\.md)\]", section("docs/index.md", "All pages"), re.MULTILINE)) == set()
    )


def test_the_glossary_has_35_words_and_names_the_pages_that_explain_the_others() -> None:
    needed, _, others = text("docs/glossary.md").partition("## Words of one topic")
    words = [word for word in re.findall(r"^\| ([^|]+) \|", needed, re.MULTILINE) if word not in ("Word", "---")]
    assert len(words) <= 35
    for page, listed in re.findall(r"^\| \[([\w-]+\.md)\]\(.*\) \| (.*) \|$", others, re.MULTILINE):
        words += listed.split(", ")
        bold = " ".join(re.findall(r"\*\*(.*?)\*\*", text(f"docs/{page}"))).lower()
        assert [word for word in listed.split(", ") if word.lower() not in bold] == []
    assert len(set(words)) == len(words), "a word is explained twice"


def _anchors(target: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
