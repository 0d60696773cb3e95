"""Splitting a name into first and last name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.person_name import split_name


@given(name=st.text(min_size=1).filter(lambda name: name == name.strip()), longest=st.integers(0, 50) | st.none())
def test_the_parts_joined_with_one_space_are_the_name(name: str, longest: int | None) -> None:
    assert " ".join(filter(None, split_name(name, longest))) == name


@pytest.mark.parametrize(
    ("name", "longest", "parts"),
    [
        ("Ada Lovelace", None, ("Ada", "Lovelace")),
        ("Ana María de la Cruz", 40, ("Ana María de la", "Cruz")),
        ("Acme", None, ("", "Acme")),
        ("two  blanks", None, ("", "two  blanks")),
        ("Ana María de la Cruz", 14, ("", "Ana María de la Cruz")),
    ],
)
def test_a_name_that_cannot_be_split_is_a_last_name(name: str, longest: int | None, parts: tuple[str, str]) -> None:
    assert split_name(name, longest) == parts
