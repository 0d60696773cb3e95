"""The address of a PostgreSQL ledger: what is refused, what is made safe, and what is never shown."""

from pathlib import Path

import pytest
from leadline_server.config_loading import BadSettings, load_settings
from leadline_server.config_values import LedgerInPostgres
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.ledger_opening import address_of
from leadline_server.storage.postgres.address import PostgresAddress, each_host, secured, shown

SECRET = "s3cret"
URL = f"postgresql://leadline:{SECRET}@db.example:5432/ledger"


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        (URL, "verify-full"),
        (f"{URL}?sslmode=require", "require"),
        (f"{URL}?application_name=x", "verify-full"),
        ("postgresql://a@one.example,two.example/ledger", "verify-full"),
        ("postgresql:///ledger?host=db.example", "verify-full"),
    ],
)
def test_a_server_elsewhere_is_verified_unless_the_url_says_otherwise(url: str, mode: str) -> None:
    assert f"sslmode={mode}" in secured(url)


@pytest.mark.parametrize(
    "url", ["postgresql://a@127.0.0.1:5432/l", "postgresql://a@[::1]:5432/l", "postgresql:///l?host=/run/postgresql"]
)
def test_a_server_on_this_machine_needs_no_tls(url: str) -> None:
    assert secured(url) == url


def test_a_password_is_never_shown() -> None:
    address = PostgresAddress(url=URL, direct=URL)
    texts = (shown(URL), shown("postgresql:///l?host=h&password=s3cret"), repr(address))
    assert [SECRET in text for text in texts] == [False] * 3
    assert shown(URL) == "postgresql://leadline@db.example:5432/ledger"


def test_the_settings_do_not_show_it_either() -> None:
    settings = load_settings({"ledger": URL})
    assert SECRET not in repr(settings)
    assert address_of(settings).url == URL


@pytest.mark.parametrize("url", ["postgresql://", "postgresql://host", "postgres:ledger", "postgresql://[/l"])
def test_a_url_without_a_database_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load_settings({"ledger": url})
    assert "must be postgresql://" in str(refused.value)


def test_what_works_on_a_file_says_that_there_is_none() -> None:
    with pytest.raises(LedgerInPostgres):
        _ = load_settings({"ledger": URL}).ledger_path


def test_a_password_file_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "password"
    address = PostgresAddress(url=URL, password_file=file)
    for password in ("one", "two"):
        file.write_text(f"{password}\n")
        assert address.password() == password
    file.unlink()
    with pytest.raises(LedgerUnavailable, match="ledger_password_file"):
        address.password()


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        (URL, [URL]),
        ("postgresql://a:b@one,[::1]:5433/l?x=y", ["postgresql://a:b@one/l?x=y", "postgresql://a:b@[::1]:5433/l?x=y"]),
        ("postgresql:///l?host=/run/p&port=5433", ["postgresql:///l?host=/run/p&port=5433"]),
        (
            "postgresql:///l?host=one,two&port=1,2",
            ["postgresql:///l?host=one&port=1", "postgresql:///l?host=two&port=2"],
        ),
        ("postgresql:///l?host=one,two&port=1", ["postgresql:///l?host=one&port=1", "postgresql:///l?host=two&port=1"]),
        ("postgresql:///l", ["postgresql:///l"]),
    ],
)
def test_each_host_of_a_url_has_a_url(url: str, hosts: list[str]) -> None:
    assert each_host(url) == hosts
