"""docs/crms.md says all that can be set of a connection, with its defaults."""

import re
from typing import Final

import pytest
from leadline_server.crm.adapter_registry import BUILT_IN, adapter_type
from unit.test_docs import rows, text

DOCUMENT: Final = text("docs/crms.md")
SECTIONS: Final = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL))


def test_every_adapter_has_its_section() -> None:
    assert SECTIONS.keys() >= BUILT_IN.keys()


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_setting_of_an_adapter_is_documented_and_no_other(name: str) -> None:
    assert rows(SECTIONS[name]).keys() == adapter_type(name).settings.model_fields.keys()


@pytest.mark.parametrize("name", BUILT_IN)
def test_plain_defaults_are_those_of_the_settings(name: str) -> None:
    fields = adapter_type(name).settings.model_fields
    for setting, cells in rows(SECTIONS[name]).items():
        default = fields[setting].default
        if isinstance(default, int | float) or (isinstance(default, str) and default):
            assert cells[0] == (str(default).lower() if isinstance(default, bool) else str(default))
