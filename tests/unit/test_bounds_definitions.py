"""JMESPath expressions and templates of definitions cost so much and no more."""

import time
from typing import Any

import jmespath
import pytest
from leadline_server.definitions.answer_path import AnswerPath
from leadline_server.definitions.path_cost import MAX_GROWTH, growth
from leadline_server.definitions.rendering_cost import rendering
from leadline_server.definitions.templates import Template, TemplateFailed
from leadline_server.domain.crm_errors import CrmTooMuch

DOUBLED = "|".join(["[@,@][]"] * 22)
ATTACK = f"people{' ' * (217 - len(DOUBLED) - 7)}|{DOUBLED}"
"""217 characters that make 4,194,304 elements of one."""

RECORDS = [{"id": index, "tags": ["a", "b"], "phone": {"number": "+12025550147"}} for index in range(1_000)]


def test_an_expression_that_multiplies_is_refused_on_load() -> None:
    assert len(ATTACK) == 217
    assert growth(jmespath.compile(ATTACK).parsed) == 4_194_304
    began = time.process_time()
    with pytest.raises(ValueError, match=f"more than {MAX_GROWTH} times"):
        AnswerPath(ATTACK)
    assert time.process_time() - began < 0.5, "running it took 3.3 s"


@pytest.mark.parametrize(
    "source",
    ["data.items[].phone", "people[?type=='x'].{a: a, b: b, c: c}", "a || b || c", "length(people)", "[a, b][]"],
)
def test_ordinary_expressions_are_accepted(source: str) -> None:
    AnswerPath(source)


@pytest.mark.parametrize(
    "source", ["[].tags[]", "[?id > `10`].phone.number", "[].to_string(id)", "sort_by(@, &id)[*].id"]
)
def test_a_thousand_records_are_within_the_steps(source: str) -> None:
    assert AnswerPath(source).find(RECORDS)


LARGE = [{"id": str(index), "text": "x" * 20} for index in range(15_000)]


@pytest.mark.parametrize(
    "source",
    [
        "[*].to_string(@)",
        "[?id=='1' || id=='2'].id",
        f"[{', '.join(['@'] * 60)}][].to_string(@)",
        f"[{', '.join(['@'] * 60)}][][][]",
        "[*].[id, text, id, text][] | join(',', @) | [@, @, @, @, @, @]",
    ],
)
def test_an_expression_that_costs_too_much_while_it_runs_is_cannot_tell(source: str) -> None:
    with pytest.raises(CrmTooMuch, match="steps"):
        AnswerPath(source).find(LARGE)


def test_a_template_of_very_many_parts_is_refused_on_load() -> None:
    Template("{{ text }}" * 40, "here")
    with pytest.raises(ValueError, match="at most 100 parts"):
        Template("{{ text ~ text }}" * 100, "here")


def test_the_filters_of_a_request_together_read_and_make_so_many_characters() -> None:
    values: dict[str, Any] = {"text": "x" * 200_000}
    template = Template("{{ text" + " | lower" * 10 + " | limit(5) }}", "here")
    assert template.text(values) == "xxxxx"
    with rendering():
        template.text(values)  # ten filters read and make 4,000,000, and the last one reads 200,000
        with pytest.raises(TemplateFailed, match="here: cannot be rendered"):
            template.text(values)
    assert template.text(values) == "xxxxx"  # each request begins anew
