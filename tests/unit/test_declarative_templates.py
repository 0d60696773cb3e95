"""Templates of definitions come to what they say, to no more than there is room for, and reach nothing but values."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from leadline_server.definitions.templates import FILTER_NAMES, Template, TemplateFailed, read_time
from support.acorn import DOCUMENT


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ n }}", 7),
        ("{{- n -}}", 7),
        ("{{ n }} s", "7 s"),
        ("{{ none_ }}", None),
        ("a{{ none_ }}b", "ab"),
        ("{{ text or none }}", None),
        ("{{ yes }}", True),
        ("{{ yes }}{{ yes }}", "truetrue"),
        ("{% if yes %}a{% else %}b{% endif %}", "a"),
        ("{{ when | time('%d.%m.%Y %H:%M', 'Europe/Berlin') }}", "04.03.2026 06:06"),
        ("{{ when | time('epoch_ms') }}", 1772600767000),
        ("{{ none_ | time('epoch') }}", None),
        ("{{ name | first_names }}", "Ada King"),
        ("{{ name | last_name }}", "Lovelace"),
        ("{{ name | limit(3) }}", "Ada"),
        ("{{ name | without('aK') }}", "Ad ing Lovelce"),
        ("{{ 'a:b' | base64 }}", "YTpi"),
        ("plain", "plain"),
    ],
)
def test_an_expression_alone_is_its_value_and_all_else_a_text(source: str, value: object) -> None:
    values = {
        "n": 7,
        "none_": None,
        "text": "",
        "yes": True,
        "when": "2026-03-04T05:06:07Z",
        "name": "Ada King Lovelace",
    }
    assert Template(source, "here").value(values) == value


@pytest.mark.parametrize("source", ["{{ a ~ a }}", "{{ a }}{{ a }}"])
def test_a_text_that_gets_too_long_is_an_error_without_the_text(source: str) -> None:
    with pytest.raises(TemplateFailed, match="here: has more than") as caught:
        Template(source, "here").value({"a": "x" * 100_001})
    assert "xx" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "{{ a.b }}",
        "{{ a | int + b }}",
        "{{ a | time('%H') }}",
        "{{ a ** 9 }}",
        "{{ 1 / 0 }}",
        "{{ 7 | last_name }}",
        "{{ '2026-03-04T05:06:07Z' | time('%H', 'Europe') }}",
    ],
)
def test_what_goes_wrong_is_told_by_its_place_alone(source: str) -> None:
    with pytest.raises(TemplateFailed, match="here: cannot be rendered") as caught:
        Template(source, "here").value({"a": "private", "b": "private"})
    assert "private" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{% set a = a ~ a %}{{ a }}", "a template has no assign"),
        ("{% set a %}{{ a }}{{ a }}{% endset %}{{ a }}", "a template has no assignblock"),
        ("{% with b = a ~ a %}{{ b }}{% endwith %}", "a template has no with"),
        ("{% macro b() %}{% endmacro %}", "a template has no macro"),
        ("{% filter upper %}{{ a }}{% endfilter %}", "a template has no filterblock"),
        ("{% autoescape true %}{{ a }}{% endautoescape %}", "a template has no scope"),
        ("{{ [[a] ~ '', a] ~ '' }}", "a template has no list within a list"),
        ("{{ {'b': (a, a)} ~ '' }}", "a template has no list within a list"),
        (f"{{{{ {'(' * 500}a{')' * 500} }}}}", "is nested too deeply"),
        (f"{{{{ {'-' * 5_000}1 }}}}", "is nested too deeply"),
    ],
)
def test_what_could_make_much_of_little_is_no_template(source: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Template(source, "here")


@pytest.mark.parametrize(
    "source",
    [
        "{{ a | replace('x', a) | length }}",
        "{{ a | replace('', a) | length }}",
        "{{ a | replace('x', a, -1) | length }}",
        "{{ a | join(a) | length }}",
        "{{ a | join(d=a) | length }}",
        "{{ (a | join('=' ~ (a | limit(300)))) | replace('x', '1234') | length }}",
        "{{ a | replace('x', a | limit(800)) | base64 | length }}",
        "{{ when | time(a) | length }}",
    ],
)
def test_a_filter_makes_no_more_than_there_is_room_for(source: str) -> None:
    values = {"a": "x" * 1_001, "when": "2026-03-04T05:06:07Z"}
    with pytest.raises(TemplateFailed, match="here: cannot be rendered"):
        Template(source, "here").value(values)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ text | replace('b', '--') }}", "a--a--a"),
        ("{{ text | replace('b', '--', 1) }}", "a--aba"),
        ("{{ text | replace('', '.') }}", ".a.b.a.b.a."),
        ("{{ n | replace(7, 8) }}", "8"),
        ("{{ several | join(', ', attribute='e164') }}", "+1, +2"),
        ("{{ several | join(d='/', attribute='e164') }}", "+1/+2"),
        ("{{ [text, n] | join }}", "ababa7"),
        ("{{ long | replace('\\n', '<br>') | limit(9) }}", "<br><br><"),
    ],
)
def test_texts_are_replaced_and_joined(source: str, value: object) -> None:
    values = {"text": "ababa", "n": 7, "several": [{"e164": "+1"}, {"e164": "+2"}], "long": "\n" * 240_000}
    assert Template(source, "here").value(values) == value


@pytest.mark.parametrize(
    "source",
    [
        "{{ a.format }}",
        "{{ a['format'] }}",
        "{{ a.format_map }}",
        "{{ [a] | join(attribute='format') }}",
        "{{ a.upper }}",
        "{{ a.__class__ }}",
        "{{ a['__class__'] }}",
        "{{ m.items }}",
        "{{ m.items.__self__ }}",
        "{{ [a] | join(attribute='__class__.__mro__') }}",
        "{{ n.real }}",
    ],
)
def test_nothing_is_reached_but_values(source: str) -> None:
    with pytest.raises(TemplateFailed, match="here: cannot be rendered"):
        Template(source, "here").value({"a": "{0.__class__}", "m": {"b": 1}, "n": 7})


@pytest.mark.parametrize("name", ["self", "loop", "caller", "range", "dict", "cycler", "lipsum", "namespace"])
def test_no_name_is_there_but_those_that_are_given(name: str) -> None:
    template = Template(f"{{{{ {name} }}}}", "here")
    assert template.names == {name}


def test_all_filters_are_explained() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert all(f"`{name}" in document for name in FILTER_NAMES)


NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "form", "moment"),
    [
        (1772625600, "epoch", NOON),
        ("1772625600000", "epoch_ms", NOON),
        ("2026-03-04T12:00:00Z", "iso", NOON),
        ("2026-03-04T12:00:00", "iso", NOON),
        ("2026-03-04T13:00:00+01:00", "iso", NOON.astimezone(timezone(timedelta(hours=1)))),
        ("04.03.2026 12:00", "%d.%m.%Y %H:%M", NOON),
        ("soon", "epoch", None),
        (1e300, "epoch", None),
        (None, "iso", None),
        (7, "%d", None),
    ],
)
def test_a_time_of_the_crm_is_read_as_the_definition_says(value: object, form: str, moment: datetime | None) -> None:
    assert read_time(value, form) == moment
