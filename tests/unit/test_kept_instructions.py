"""Instructions per call are compared with those that docs/performance.md keeps."""

from bench.kept_figures import PAGE, excesses, kept_counts

TABLE = """
| load | credential | groups of | instructions |
|---|---|---|---|
| `find` | none | 1 | 300,000 |
| `find` | key | 8 | 310,000 |
"""


def test_the_page_has_a_figure_for_each_load() -> None:
    counts = kept_counts(PAGE.read_text())
    assert {(load, group) for load, credential, group in counts if not credential} == {
        (load, group) for load in ("find", "log known", "log unknown") for group in (1, 8)
    }
    assert {credential for _, credential, _ in counts} == {"", "key", "jwt"}


def test_five_percent_more_fails_and_less_does_not() -> None:
    kept = kept_counts(TABLE)
    assert excesses({("find", "", 1): 314_999}, kept) == []
    [sentence] = excesses({("find", "", 1): 316_000, ("find", "key", 8): 200_000}, kept)
    assert "316,000" in sentence
    assert "5.3% more" in sentence


def test_a_count_without_a_kept_figure_fails() -> None:
    [sentence] = excesses({("find", "jwt", 1): 1}, kept_counts(TABLE))
    assert "no figure" in sentence
