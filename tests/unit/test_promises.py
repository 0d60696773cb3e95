"""docs/promises.md: each promise is on its page, each test exists, and each page's promises have rows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
TABLE: Final = "docs/promises.md"
PAGES: Final = ("README.md", "SECURITY.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
OF_OTHERS: Final = (TABLE, "docs/comparison.md", "docs/glossary.md")
"""Pages whose sentences are about other systems, or define words."""
WORDS: Final = re.compile(r"\b(?:never|always|exactly once)\b", re.IGNORECASE)
OF_BEHAVIOUR: Final = (
    "README.md",
    "docs/access.md",
    "docs/accounts.md",
    "docs/call-records.md",
    "docs/caller-id-names.md",
    "docs/clients.md",
    "docs/contact-files.md",
    "docs/crms.md",
    "docs/declarative-adapter.md",
    "docs/deployment.md",
    "docs/directory.md",
    "docs/errors.md",
    "docs/flow.md",
    "docs/guarantees.md",
    "docs/http.md",
    "docs/ingress-definitions.md",
    "docs/limits.md",
    "docs/operations.md",
    "docs/phone-systems.md",
    "docs/preferences.md",
    "docs/remote-adapters.md",
    "docs/runbooks.md",
    "docs/runbooks-postgres.md",
    "docs/scaling.md",
    "docs/security.md",
    "docs/settings.md",
)
"""Pages on which sentences with more words than WORDS promise something."""
MORE_WORDS: Final = re.compile(r"\b(?:never|always|exactly|only|at most)\b", re.IGNORECASE)

NO_PROMISES: Final = (
    "Without it: never.",  # a default
    "Never delete or copy one alone.",  # an instruction, as the next ones are
    "Never start the first machine's server again",
    "0: never.",  # a value of a setting
    "With 500 always in flight",  # how something was measured
    "A request takes effect within 30 seconds, or never.",  # what is assumed of a vendor, and listed as an assumption
    "Handshakes that never end take all descriptors.",  # an attack, whose row names its test
    "Exactly once, and with which CRM.",  # what a page is about
    "Whether a contact or a log is in the CRM exactly once also depends on the CRM.",
    "exactly once |",  # rows of the generated tables: the lines below them say what the words mean
    "| exactly once",
    "Only BottleCRM was also tried by hand.",  # how the adapters were tested
    "| What | At most |",  # heads of tables, whose figures come from the code
    # instructions to people
    "Declare only capabilities that hold",
    "Give `paging` or `complete` if a search may return only a part.",
    "Install only packages that you trust",
    "Let only known phone systems reach the gRPC port.",
    "Let the host reach the repositories of certificates only.",
    "Other programs should only read these files",
    "Use it where a network that only your services reach protects the port.",
    # what CRMs and phone systems do, and what follows for people
    "Some CRMs return the main number only.",
    "a CRM that rotates refresh tokens accepts the newest one only",
    "only the first event of a leg has its direction",
    "The only unique key of contacts is the e-mail address.",
    "in `more_phone_properties` only as they are written",
    "who wait for 7 seconds at most, as measured",
    "If none has it and the rule only warns",
    "and one a format, at most 10 in 2 seconds",
    "But COQL finds only the written form",
    "each part has 100 characters at most",
    "Other users see only their own contacts",
    "of 10,000 characters at most",
    "can be read only by that record's id",
    # descriptions
    "; for links only.",
    "Measured by `make bench` with `--only",
    "Older backups keep what they have; they lose the secrets only if",
    "Only then the way back is the backup.",
    "Unset: only in the forms that the definition sends",
    "While a copy is made, the write-ahead log only grows.",
    "`post` removes what only old servers needed.",
    "it says only that the leg has ended",
    "what only the old version needs is removed by the upgrade after this one",
)
"""Parts of sentences with one of WORDS that promise nothing."""


class Promise(NamedTuple):
    """A row of the table: the words, the page that has them, and the tests that fail without them."""

    words: str
    page: str
    tests: str


def plain(markdown: str) -> str:
    """A text without marks, links and line breaks."""
    text = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\s+", " ", text.replace("**", ""))


def sentences(page: str) -> Iterator[str]:
    """The sentences of a page's text and tables, each in one line."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for block in re.split(r"\n(?=[\n|#*-]|\d\. )", text):
        yield from re.split(r"(?<=[.!?]) ", plain(block).strip())


PROMISES: Final = [
    Promise(*cells)
    for line in (ROOT / TABLE).read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and len(cells := line.strip("| ").split(" | ")) == 3 and cells[0] != "Promise"
]
TESTS: Final = sorted({name for promise in PROMISES for name in promise.tests.replace("`", "").split(", ")})


@pytest.mark.parametrize("name", TESTS)
def test_a_named_test_exists(name: str) -> None:
    file, _, test = name.partition("::")
    assert re.search(rf"^ *(async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.words[:60])
def test_a_promise_is_quoted_from_its_page(promise: Promise) -> None:
    assert plain(promise.words) in plain((ROOT / promise.page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OF_OTHERS])
def test_every_promise_of_a_page_has_a_test(page: str) -> None:
    words = MORE_WORDS if page in OF_BEHAVIOUR else WORDS
    quoted = [plain(promise.words) for promise in PROMISES if promise.page == page]
    untested = [
        sentence
        for sentence in sentences(page)
        if words.search(sentence) and not any(part in sentence for part in (*quoted, *NO_PROMISES))
    ]
    assert untested == []


def test_the_table_has_rows_and_each_has_a_test() -> None:
    assert len(PROMISES) > 60
    assert all(promise.tests.startswith("`") for promise in PROMISES)
