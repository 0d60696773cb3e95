"""Texts of CRMs and files have no character that deceives their readers, and ids of callers have none either."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import leadline_server
import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.cli.csv_output import print_csv
from leadline_server.concurrency.circuit_breaker import CircuitBreaker
from leadline_server.crm.embedded.candidates import make_candidate
from leadline_server.crm.embedded.contact_files import CsvOptions, read_csv
from leadline_server.crm.embedded.contact_files.records import ContactRecord
from leadline_server.crm.wrappers.clean_texts import CleanTextsCrm, clean_contact
from leadline_server.crm.wrappers.stack import WrapperStack, local_connection
from leadline_server.domain.clean_text import cleaned, cleaned_id, cleaned_lines, is_safe_id, marked
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.directory import CrmUser
from leadline_server.domain.formula_cells import escaped_cell, unescaped_cell
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import ContactPage, CrmAdapter, CrmLog, CrmUserPage
from support.apps import STRANGER, open_harness
from support.operations import memory_crm

SOURCE: Final = Path(leadline_server.__file__).parent

HARMFUL = [
    *map(chr, (*range(0x20), *range(0x7F, 0xA0))),
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029",
    "\ud800",
    "\udfff",
]


@pytest.mark.parametrize("character", HARMFUL, ids=lambda char: f"U+{ord(char):04X}")
def test_a_harmful_character_stays_in_no_text(character: str) -> None:
    for clean in (cleaned, cleaned_id):
        assert character not in clean(f"Ada{character}Lovelace")
    assert character in "\t\n\r" or character not in cleaned_lines(f"Ada{character}Lovelace")
    assert character == "\n" or character not in marked(f"Ada{character}Lovelace")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Ada\x1b[31m\nLovelace", "Ada[31m Lovelace"),
        ("\u202egpj.exe", "gpj.exe"),
        ("Ada\ud83d", "Ada\ufffd"),
        ("a\u200db \u0646\u200c\u0627 \u200eabc", "a\u200db \u0646\u200c\u0627 \u200eabc"),
        ("non\u00a0breaking \U0001f40e", "non\u00a0breaking \U0001f40e"),
    ],
)
def test_names_keep_what_they_need(text: str, clean: str) -> None:
    assert cleaned(text) == clean


@given(st.text())
def test_a_clean_text_stays_as_it_is_and_has_utf_8(text: str) -> None:
    for clean in (cleaned, cleaned_lines, cleaned_id):
        once = clean(text)
        assert clean(once) == once
        once.encode()
    assert is_safe_id(cleaned_id(text))


def test_ids_that_differ_by_a_harmful_character_stay_apart_from_clean_ones() -> None:
    assert cleaned_id("7\u202e") not in {"7", "8\u202e"}
    assert len(cleaned_id("7\u200b")) == 2


HOSTILE = Contact(
    id="c\u202e1",
    name="Ada\x1b[2J\u2066",
    phone_numbers=("+12025550147\x00",),
    company="A\x9bB",
    url="https://crm.example/\n1",
    attributes={"\x07k": "one\ntwo\x00"},
)


class _Hostile:
    """The answers of a CRM that sends what it likes."""

    def __init__(self) -> None:
        self.capabilities = memory_crm().capabilities

    def __getattr__(self, name: str) -> object:
        async def answer(*_: object) -> object:
            if name == "check":
                raise CrmRejected("No\x1b[31m \u202esuch \ud800thing", metadata={"code": "\x00x"})
            return {
                "find_contacts": [HOSTILE],
                "get_contact": HOSTILE,
                "create_contact": HOSTILE,
                "list_users": CrmUserPage(
                    (CrmUser(id="u\u202e", name="Bo\x07b", email="b\x00@example.com"),), "\ud800"
                ),
                "search_contacts": ContactPage((HOSTILE,), "next\x00\ud800"),
            }.get(name, CrmLog("l\x001", "https://crm.example/\u202e", "c\u202e2"))

        return answer


def _is_clean(text: str) -> bool:
    return not any(character in text for character in HARMFUL)


async def test_no_answer_of_a_crm_brings_a_harmful_character() -> None:
    crm = CleanTextsCrm(_Hostile())  # type: ignore[arg-type] # its methods are made as they are asked for
    page = await crm.search_contacts("a", 1, "")
    assert page.next_cursor == "next\x00?"  # an adapter's own; only what has no UTF-8 is replaced
    numbers = [parse_number("+12025550147", "US")]
    found = [
        *(await crm.find_contacts(numbers)),
        await crm.get_contact("c"),
        *page.contacts,
    ]
    for contact in found:
        assert contact is not None
        texts = (contact.id, contact.name, *contact.phone_numbers, contact.company, contact.url, *contact.attributes)
        assert all(map(_is_clean, texts)), texts
        assert contact.attributes == {"k": "one\ntwo"}
    assert await crm.list_users("") == CrmUserPage((CrmUser(id="u\ufffd", name="Bob", email="b@example.com"),), "?")
    log = await crm.find_call_log("k")
    assert log is not None
    assert (log.id, log.url, log.contact_id) == ("l\ufffd1", "https://crm.example/", "c\ufffd2")
    with pytest.raises(CrmRejected) as caught:
        await crm.check()
    assert caught.value.message == str(caught.value) == "No[31m such \ufffdthing"
    assert caught.value.metadata == {"code": "x"}


async def test_a_clean_contact_is_passed_on_as_it_is() -> None:
    contact = Contact(id="1", name="Zo\u00eb", attributes={"a": "b"})
    assert clean_contact(contact) is contact


@pytest.mark.parametrize("is_remote", [True, False])
async def test_the_wrappers_of_every_adapter_clean_its_texts(is_remote: bool) -> None:  # noqa: FBT001 - a parameter
    breaker, stack = CircuitBreaker(), WrapperStack(lambda: datetime.now(UTC))
    hostile = cast("CrmAdapter", _Hostile())
    connection = (
        stack.connection(hostile, "hostile", breaker=breaker, rate=None, rules=lambda: "US", cache=None)
        if is_remote
        else local_connection(hostile, breaker, None)
    )
    contact = await connection.crm.get_contact("c")
    assert contact is not None
    assert _is_clean(contact.name)
    with pytest.raises(CrmRejected) as caught:
        await connection.crm.check()
    assert _is_clean(caught.value.message)


async def test_the_embedded_crm_cleans_what_it_stores(tmp_path: Path) -> None:
    async with open_harness(tmp_path) as harness:
        created = await harness.create("Ada\u202e Lovelace", STRANGER, company="A\u2066cme")
        [match] = await harness.find(STRANGER)
        assert match.contact == created
        assert (created.name, created.company) == ("Ada Lovelace", "Acme")


def test_a_file_brings_no_harmful_character_into_the_crm() -> None:
    stream = io.BytesIO("Name,Phone,Company\nAda\u202e\x1b[2J Lovelace,202-555-0147,A\x9b Ltd\n".encode())
    [record] = list(read_csv(stream, CsvOptions("US")))
    assert isinstance(record, ContactRecord)
    contact = make_candidate(record, "US").contact
    assert contact.name == "Ada[2J Lovelace"
    assert contact.company == "A Ltd"


@pytest.mark.parametrize("text", ["=1+1", "+12025550147", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "''+1"])
def test_a_cell_that_would_be_computed_is_escaped_and_read_back(text: str) -> None:
    assert escaped_cell(text) == f"'{text}"
    assert unescaped_cell(escaped_cell(text)) == text


@pytest.mark.parametrize("text", ["", "Ada", "'t Hooft", "a=b", " =1"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert escaped_cell(text) == unescaped_cell(text) == text


@given(st.text())
def test_every_cell_is_read_back_and_never_computed(text: str) -> None:
    assert unescaped_cell(escaped_cell(text)) == text
    assert escaped_cell(text)[:1] not in tuple("=+-@\t\r")


def test_contacts_that_were_printed_as_csv_are_imported_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    header = ("Id", "Name", "Phone", "Company")
    rows = [
        ("c_1", '=HYPERLINK("https://evil.example","Ada")', "+12025550147; +12025550148", "-Minus, Ltd"),
        ("c_2", "'t Hooft", "+31201234567", "@Home"),
    ]
    print_csv(header, rows)
    printed = capsys.readouterr().out
    assert all(cell[:1] not in tuple("=+-@") for row in csv.reader(io.StringIO(printed)) for cell in row)
    found = list(read_csv(io.BytesIO(printed.encode()), CsvOptions("US")))
    read = [(r.uid, r.name, "; ".join(r.phone_numbers), r.company) for r in found if isinstance(r, ContactRecord)]
    assert read == rows


def test_one_place_alone_writes_csv() -> None:
    writers = [path for path in SOURCE.rglob("*.py") if re.search(r"csv\.(?:Dict)?[wW]riter", path.read_text())]
    assert [path.name for path in writers] == ["csv_output.py"]
