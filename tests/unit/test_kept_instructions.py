"""Instructions per call are compared with those that docs/performance.md keeps."""

from bench.kept_figures import PAGE, excesses, kept_counts

TABLE = """
| load | credential | groups of | instructions |
|---|---|---|---|
| `find` | none | 1 | 300,000 |
| `find` | key | 8 | 310,000 |
"""


def test_the_page_has_figures_of_lookups_with_and_without_a_credential() -> None:
    assert kept_counts(PAGE.read_text()).keys() >= {("find", "", 8), ("find", "key", 8)}


def test_five_percent_more_fails_and_less_does_not() -> None:
    kept = kept_counts(TABLE)
    assert excesses({("find", "", 1): 314_999}, kept) == []
    [sentence] = excesses({("find", "", 1): 316_000, ("find", "key", 8): 200_000}, kept)
    assert "316,000" in sentence
    assert "5.3% more" in sentence


def test_a_count_without_a_kept_figure_fails() -> None:
    [sentence] = excesses({("find", "jwt", 1): 1}, kept_counts(TABLE))
    assert "no figure" in sentence
