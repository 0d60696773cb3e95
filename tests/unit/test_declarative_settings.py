"""The settings of a connection whose adapter is a definition."""

import json
from pathlib import Path
from typing import Any

import pytest
from leadline_server.config_loading import BadSettings, load_settings
from leadline_server.crm.declarative.adapter_type import HttpSettings, default_capabilities
from leadline_server.crm.declarative.definition_files import load_definition
from pydantic import ValidationError
from support.acorn import CONNECTION, DEFINITION


class TestSettings:
    """The settings of a connection, by its definition."""

    def test_the_example_of_the_document_is_accepted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "acorn.toml").write_text(DEFINITION)
        (tmp_path / "leadline.toml").write_text(CONNECTION)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("ACORN_KEY", "k")
        settings = load_settings({"config": tmp_path / "leadline.toml"})
        assert settings.connection_of("acme") == "acorn"

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"definition": "espocrm", "api_key": "k"}, "connections.crm.base_url: is required"),
            (
                {"definition": "espocrm", "base_url": "ftp://x", "api_key": "k"},
                "connections.crm.base_url: must be an address",
            ),
            ({"definition": "espocrm", "base_url": "http://x.example", "api_key": "k"}, "must begin with https://"),
            (
                {"definition": "espocrm", "base_url": "https://x", "api_key": "k", "foo": "1"},
                "crm.foo: no such setting",
            ),
            (
                {"definition": "nothing"},
                "connections.crm.definition: nothing: nothing: leadline has no such definition",
            ),
            ({}, "connections.crm.definition: is required"),
        ],
    )
    def test_what_is_wrong_is_told_with_its_place(self, options: dict[str, Any], problem: str, tmp_path: Path) -> None:
        lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        file = tmp_path / "leadline.toml"
        file.write_text("\n".join(["[connections.crm]", 'adapter = "http"', *lines]))
        with pytest.raises(BadSettings) as caught:
            load_settings({"config": file})
        assert any(problem in said for said in caught.value.problems), caught.value.problems

    def test_a_secret_is_never_shown(self) -> None:
        given = {"definition": "espocrm", "base_url": "https://x", "api_key": "very-secret"}
        settings = HttpSettings.model_validate(given)
        assert "very-secret" not in f"{settings!r} {settings}"
        assert settings.values["api_key"] == "very-secret"
        with pytest.raises(ValidationError) as caught:
            HttpSettings.model_validate(given | {"leads": "perhaps"})
        assert "very-secret" not in str(caught.value)

    def test_kinds_that_need_a_variable_are_there_with_it(self) -> None:
        can = default_capabilities(load_definition("bottlecrm"))
        assert can.contact_types == ("contact", "lead")
