"""The line of a setting in its file."""

from typing import Final

import pytest
from leadline_server.config_errors import line_of, without

TEXT: Final = """# listen = "none"
listen = "x"
note = \'\'\'
grace_period = 1
\'\'\'
[accounts."a.b"]
time_zone = "x"
ingress.pbx.secret = "s"
[ accounts . acme . ingress . pbx ]  # the telephones
'colour' = 1
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("listen",), 2),
        (("grace_period",), None),
        (("accounts", "a.b", "time_zone"), 7),
        (("accounts", "a.b", "default_region"), 6),
        (("accounts", "a.b", "ingress", "pbx", "secret"), 8),
        (("accounts", "acme", "ingress", "pbx", "colour"), 10),
        (("accounts", "acme", "ingress", "pbx", "missing"), 9),
        ((), None),
    ],
)
def test_a_setting_has_the_line_of_its_key_or_of_the_table_around_it(location: tuple[str, ...], line: int) -> None:
    assert line_of(TEXT, location) == line


def test_invalid_values_are_removed_and_the_document_stays_as_it_is() -> None:
    document = {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert without(document, [("a", "b"), ("e",), ("a", "c", "missing")]) == {"a": {}}
    assert document == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
