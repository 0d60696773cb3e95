"""Keys of numbers that older rules made are made anew, once, when a database is opened."""

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from leadline_server.commands.create_contact import ContactCreation
from leadline_server.crm.embedded import EmbeddedCrm, open_crm_database
from leadline_server.crm.embedded.rekeying import rekey_books
from leadline_server.domain.call import CallDirection, Party
from leadline_server.domain.contact import Contact
from leadline_server.domain.numbers.key_version import KEY_VERSION
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.domain.preferences import AccountSettings, Preferences
from leadline_server.ledger.sqlite import SqliteLedger, open_sqlite_ledger
from leadline_server.ports.ledger import CallLogFilter
from leadline_server.testing.ledger_samples import ACCOUNT, ALICE, NOW, call_log, key, put
from support.apps import open_harness
from support.contact_book import ContactBook

OLD, TODAY = "+551187654321", "+5511987654321"
LATER = NOW + timedelta(hours=1)


def execute(path: Path, *statements: tuple[str, Iterable[Any]]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement, values in statements:
            connection.execute(statement, tuple(values))


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def claim(path: Path, number_key: str, contact_id: str, account_id: str = ACCOUNT) -> None:
    """Adds a claim as older rules left it after a creation that has ended."""
    statement = "INSERT INTO claims (account_id, number_key, contact_id, recorded_at) VALUES (?, ?, ?, 1)"
    execute(path, (statement, (account_id, number_key, contact_id)))


def as_keyed(text: str, number_key: str) -> PhoneNumber:
    """The number as older rules parsed it, by its key: "+551187654321" or "ext:221236"."""
    if number_key.startswith("ext:"):
        return PhoneNumber(text, NumberKind.EXTENSION, extension=number_key.removeprefix("ext:"))
    return PhoneNumber(text, NumberKind.DIALABLE, e164=number_key, significant=number_key[3:])


def age(path: Path) -> None:
    execute(path, ("UPDATE ledger SET key_version = 0", ()))


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A ledger with an account in Luxembourg, where six digits became a number."""
    async with open_sqlite_ledger(tmp_path / "ledger.db") as ledger:
        await ledger.accounts.create(ACCOUNT, AccountSettings(default_region="LU"))
    return tmp_path / "ledger.db"


async def found_by(ledger: SqliteLedger, number_key: str) -> list[str]:
    page = await ledger.call_logs.list(CallLogFilter(account_id=ACCOUNT, phone_number=number_key), None, 10)
    return [log.call_id for log in page.call_logs]


@pytest.mark.parametrize(
    ("written", "old_key", "key_today"),
    [
        pytest.param(OLD, OLD, TODAY, id="an old spelling"),
        pytest.param("221236", "ext:221236", "+352221236", id="six digits"),
        pytest.param("+442079460123", "+442079460123", "+442079460123", id="a number that is what it was"),
    ],
)
async def test_a_call_is_listed_by_its_number_of_today(path: Path, written: str, old_key: str, key_today: str) -> None:
    async with open_sqlite_ledger(path) as ledger:
        call = replace(call_log().call, caller=Party(phone_number=written))
        stored = await put(ledger, call_log(call=call, number=as_keyed(written, old_key)))
        sequence = await ledger.call_logs.last_sequence(ACCOUNT)
    age(path)
    async with open_sqlite_ledger(path) as ledger:
        assert await found_by(ledger, key_today) == ["call-1"]
        assert old_key == key_today or await found_by(ledger, old_key) == []
        assert await ledger.call_logs.get(key()) == replace(
            stored, number=parse_number(written, "LU") if old_key != key_today else stored.number
        )
        assert await ledger.call_logs.last_sequence(ACCOUNT) == sequence


async def test_what_was_dialled_is_keyed_by_the_number(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await ledger.accounts.change(ACCOUNT, lambda settings: replace(settings, dial_prefixes=("9",)))
        dialled = Party(phone_number="900442079460123")
        call = replace(call_log().call, direction=CallDirection.OUTBOUND, callee=dialled)
        await put(ledger, call_log(call=call, number=PhoneNumber("900442079460123", NumberKind.UNUSABLE)))
    age(path)
    async with open_sqlite_ledger(path) as ledger:
        assert await found_by(ledger, "+442079460123") == ["call-1"]


async def test_the_contact_of_an_old_spelling_is_remembered_by_the_number(path: Path) -> None:
    claim(path, OLD, "c1")
    claim(path, f"{OLD};ext=12", "c2")
    claim(path, f"{OLD};request=k1", "c3")
    age(path)
    async with open_sqlite_ledger(path) as ledger:
        found = await ledger.claims.remembered(ACCOUNT, [TODAY, f"{TODAY};ext=12", f"{TODAY};request=k1", OLD])
        assert {number: each.contact_id for number, each in found.items()} == {
            TODAY: "c1",
            f"{TODAY};ext=12": "c2",
            f"{TODAY};request=k1": "c3",
        }


async def test_of_two_claims_the_exact_spelling_keeps_its_contact(path: Path) -> None:
    claim(path, OLD, "old")
    claim(path, TODAY, "today")
    age(path)
    async with open_sqlite_ledger(path) as ledger:
        [(_, remembered)] = (await ledger.claims.remembered(ACCOUNT, [OLD, TODAY])).items()
        assert remembered.contact_id == "today"
    assert rows(path, "SELECT count(*) FROM claims") == [(1,)]


async def test_a_creation_that_may_be_under_way_is_not_forgotten(path: Path) -> None:
    async with open_sqlite_ledger(path) as ledger:
        await ledger.claims.acquire(ACCOUNT, OLD, "gone", "creation", NOW, NOW)
    claim(path, TODAY, "today")
    age(path)
    async with open_sqlite_ledger(path) as ledger:
        claimed = await ledger.claims.acquire(ACCOUNT, TODAY, "heir", "own", LATER, LATER)
    assert (claimed.creation_key, claimed.given_up, claimed.contact_id) == ("creation", NOW, "today")  # type: ignore[union-attr]


async def test_lists_of_excluded_numbers_are_read_anew(path: Path) -> None:
    listed = Preferences(excluded_numbers=(OLD, TODAY, "221236", "101", "+44800*"))
    async with open_sqlite_ledger(path) as ledger:
        await ledger.accounts.change(ACCOUNT, lambda settings: replace(settings, defaults=listed))
        await ledger.preferences.change(ACCOUNT, ALICE, lambda _settings, _before: listed)
    age(path)
    async with open_sqlite_ledger(path) as ledger:
        today = (TODAY, "+352221236", "101", "+44800*")
        assert (await ledger.accounts.get(ACCOUNT)).defaults.excluded_numbers == today
        assert (await ledger.preferences.get(ACCOUNT, ALICE)).user.excluded_numbers == today


async def test_a_ledger_of_today_is_left_as_it_is(path: Path) -> None:
    claim(path, OLD, "c1")
    assert rows(path, "SELECT key_version FROM ledger") == [(KEY_VERSION,)]
    async with open_sqlite_ledger(path) as ledger:
        assert set(await ledger.claims.remembered(ACCOUNT, [OLD, TODAY])) == {OLD}


async def test_a_claim_of_an_account_that_is_gone_stays(path: Path) -> None:
    claim(path, OLD, "c1", "gone")
    age(path)
    async with open_sqlite_ledger(path) as ledger:
        assert set(await ledger.claims.remembered("gone", [OLD])) == {OLD}
    assert rows(path, "SELECT key_version FROM ledger") == [(KEY_VERSION,)]


def test_the_answer_to_a_request_from_before_is_still_found() -> None:
    creation = ContactCreation(
        user_id=ALICE,
        request_id="",
        name="Ana",
        number=parse_number("+55 11 8765-4321", "US"),
        contact_type="",
        email="",
        company="",
        allow_duplicate=False,
    )
    before = hashlib.sha256(f"{ALICE}\0Ana\0{OLD}\0\0\0\0False".encode()).digest()
    assert creation.fingerprint == before


RULES = {"acme": NumberingRules("BR"), "other": NumberingRules("US")}
PEOPLE = {
    "old spelling": ("+551187654321", "1187654321"),
    "at home": ("(11) 8765-4321", "1187654321"),
    "extension": ("101", "ext:101"),
    "two numbers": ("11 98765-4321 / 11 98765-4322", ""),
}


async def make_old_book(path: Path, account_id: str = "acme") -> None:
    """A contact book as it was before: the keys that older rules made, and none where they read no number."""
    database = await open_crm_database(path)
    book = ContactBook(database, account_id, lambda: RULES[account_id])
    for name, (number, _) in PEOPLE.items():
        await book.add(Contact(id="", name=name, phone_numbers=(number,)))
    await database.close()
    statement = "INSERT INTO crm_contact_numbers SELECT book, ?, pk FROM crm_contacts WHERE name = ?"
    old = [(statement, (old_key, name)) for name, (_, old_key) in PEOPLE.items() if old_key]
    execute(path, ("DELETE FROM crm_contact_numbers", ()), ("UPDATE crm_books SET key_version = 0", ()), *old)


async def names(crm: EmbeddedCrm, number: str, rules: NumberingRules) -> set[str]:
    return {contact.name for contact in await crm.find_contacts([parse_number(number, rules)])}


async def test_contacts_are_found_by_the_keys_of_today_and_stay_what_they_are(tmp_path: Path) -> None:
    path, rules = tmp_path / "crm.db", RULES["acme"]
    await make_old_book(path)
    before = rows(path, "SELECT * FROM crm_contacts ORDER BY pk")
    database = await open_crm_database(path)
    try:
        await rekey_books(database, RULES)
        crm = EmbeddedCrm(database, "acme", lambda: rules)
        assert await names(crm, TODAY, rules) == {"old spelling", "at home", "two numbers"}
        assert await names(crm, "+55 11 98765-4322", rules) == {"two numbers"}
        assert await names(crm, "101", rules) == {"extension"}
    finally:
        await database.close()
    assert rows(path, "SELECT * FROM crm_contacts ORDER BY pk") == before
    assert rows(path, "SELECT key FROM crm_contact_numbers WHERE key LIKE 'ext:%' OR key = '1187654321'") == []
    assert rows(path, "SELECT key_version FROM crm_books") == [(KEY_VERSION,)]


async def test_a_book_is_keyed_anew_once(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    await make_old_book(path)
    database = await open_crm_database(path)
    try:
        await rekey_books(database, RULES)
        await database.write(lambda connection: connection.execute("DELETE FROM crm_contact_numbers").rowcount)
        await rekey_books(database, RULES)
    finally:
        await database.close()
    assert rows(path, "SELECT count(*) FROM crm_contact_numbers") == [(0,)]


async def test_a_book_of_an_account_that_is_not_asked_for_waits(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    await make_old_book(path)
    database = await open_crm_database(path)
    try:
        await rekey_books(database, {"other": RULES["other"]})
    finally:
        await database.close()
    assert rows(path, "SELECT key_version FROM crm_books") == [(0,)]


async def test_more_contacts_than_a_transaction_takes_are_all_keyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadline_server.crm.embedded.rekeying._CHUNK", 3)
    await make_old_book(tmp_path / "crm.db")
    database = await open_crm_database(tmp_path / "crm.db")
    try:
        await rekey_books(database, RULES)
        crm = EmbeddedCrm(database, "acme", lambda: RULES["acme"])
        assert await names(crm, TODAY, RULES["acme"]) == {"old spelling", "at home", "two numbers"}
    finally:
        await database.close()


async def test_a_server_keys_its_books_anew_when_it_starts(tmp_path: Path) -> None:
    async with open_harness(tmp_path) as harness:
        await harness.create("Ana", TODAY)
    execute(
        tmp_path / "ledger.db",
        ("UPDATE crm_contact_numbers SET key = '1187654321'", ()),
        ("UPDATE crm_books SET key_version = 0", ()),
    )
    async with open_harness(tmp_path):
        pass
    assert rows(tmp_path / "ledger.db", "SELECT key FROM crm_contact_numbers") == [("11987654321",)]
