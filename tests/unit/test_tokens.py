"""Tokens come back as they went out, or not at all."""

import base64
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from leadline_server.domain.tokens import MAX_PAYLOAD_BYTES, MAX_TOKEN_LENGTH, sign, verify

SECRET = bytes(range(32))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TOKEN_ALPHABET = string.ascii_letters + string.digits + "-_"


@given(kind=TEXT, filter_=TEXT, payload=TEXT)
def test_a_token_returns_its_payload(kind: str, filter_: str, payload: str) -> None:
    assert verify(SECRET, kind, filter_, sign(SECRET, kind, filter_, payload)) == payload


@given(payload=TEXT)
def test_a_token_has_only_characters_that_are_safe_in_a_url(payload: str) -> None:
    assert set(sign(SECRET, "page", "f", payload)) <= set(TOKEN_ALPHABET)


@given(payload=TEXT, place=st.integers(min_value=0), character=st.characters())
def test_any_changed_character_is_refused(payload: str, place: int, character: str) -> None:
    token = sign(SECRET, "page", "f", payload)
    place %= len(token)
    assume(token[place] != character)
    assert verify(SECRET, "page", "f", token[:place] + character + token[place + 1 :]) is None


@given(payload=TEXT, length=st.integers(min_value=0))
def test_a_truncated_token_is_refused(payload: str, length: int) -> None:
    token = sign(SECRET, "page", "f", payload)
    assert verify(SECRET, "page", "f", token[: length % len(token)]) is None


@given(payload=TEXT, extra=st.text(min_size=1, max_size=8))
def test_a_lengthened_token_is_refused(payload: str, extra: str) -> None:
    assert verify(SECRET, "page", "f", sign(SECRET, "page", "f", payload) + extra) is None


@given(text=st.text())
def test_any_text_is_refused_without_an_exception(text: str) -> None:
    assert verify(SECRET, "page", "f", text) is None


def test_a_page_token_is_no_resume_token() -> None:
    assert verify(SECRET, "resume", "f", sign(SECRET, "page", "f", "7")) is None


def test_a_token_for_one_filter_is_refused_with_another() -> None:
    assert verify(SECRET, "page", "user=bob", sign(SECRET, "page", "user=alice", "7")) is None


def test_a_token_signed_with_another_secret_is_refused() -> None:
    assert verify(bytes(32), "page", "f", sign(SECRET, "page", "f", "7")) is None


def test_text_cannot_move_from_the_kind_into_the_filter_or_the_payload() -> None:
    tokens = {
        sign(SECRET, *parts) for parts in [("ab", "c", "d"), ("a", "bc", "d"), ("abc", "", "d"), ("a", "b", "cd")]
    }
    assert len(tokens) == 4
    token = sign(SECRET, "a", "b", "cd")
    assert verify(SECRET, "a", "bc", token) is None
    assert verify(SECRET, "ab", "", token) is None


def test_the_unused_bits_of_the_last_character_are_not_free() -> None:
    token = sign(SECRET, "page", "f", "7")
    same_bytes = [
        token[:-1] + last
        for last in TOKEN_ALPHABET
        if last != token[-1] and _decoded(token[:-1] + last) == _decoded(token)
    ]
    assert same_bytes
    assert [verify(SECRET, "page", "f", twin) for twin in same_bytes] == [None] * len(same_bytes)


def test_the_longest_payload_makes_a_token_within_the_contract_s_limit() -> None:
    payload = "é" * (MAX_PAYLOAD_BYTES // 2)
    token = sign(SECRET, "page", "f", payload)
    assert len(token) < MAX_TOKEN_LENGTH
    assert verify(SECRET, "page", "f", token) == payload


def test_a_payload_that_is_too_long_is_the_program_s_mistake() -> None:
    with pytest.raises(ValueError, match="at most 750 bytes"):
        sign(SECRET, "page", "f", "x" * (MAX_PAYLOAD_BYTES + 1))


def _decoded(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
