"""Whatever a phone system sends as a name: what is kept of it is clean, and a plain name is never lost."""

from hypothesis import given, settings
from hypothesis import strategies as st
from leadline_server.domain.caller_id import MAX_NAME, usable_name
from leadline_server.domain.numbers.phone_number import parse_number

NUMBER = parse_number("+14155550123", "US")


@settings(max_examples=500, deadline=None)
@given(name=st.text(max_size=300))
def test_a_usable_name_is_clean_and_stays_usable(name: str) -> None:
    usable = usable_name(name, NUMBER)
    if usable is not None:
        assert usable == " ".join(usable.split())
        assert 0 < len(usable) <= MAX_NAME
        assert usable.encode()
        assert usable_name(usable, NUMBER) == usable


LAYERS = [
    *(
        "SALES",
        ":",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        '"',
        "'",
        "\\",
        "Q1 ",
        "#2 ",
        "-",
        "/",
        "|",
        "?",
        ",",
        ".",
        "  ",
        " ",
    ),
    *("&amp;", "&#39;", "%20", "%C3%A9", "=?utf-8?B?SsOpcsO0bWU=?=", "\\u00e9", "\u00c3\u00a9", "<b>", "=C3=A9"),
    *(
        "4155550123",
        "555-0123",
        "sip:1@x",
        "spam",
        "unknown",
        "call from ",
        "Jane",
        "ROE",
        "\u00e9",
        "TX",
        "CO",
        "x",
        "1",
    ),
]


@settings(max_examples=500, deadline=None)
@given(parts=st.lists(st.sampled_from(LAYERS), max_size=14))
def test_no_layer_is_left_around_a_usable_name(parts: list[str]) -> None:
    usable = usable_name("".join(parts), NUMBER, ("Q1",))
    if usable is not None:
        assert usable_name(usable, NUMBER, ("Q1",)) == usable


@settings(max_examples=200, deadline=None)
@given(name=st.from_regex(r"[A-Z][a-z]{2,9} [A-Z][a-z]{3,9}son", fullmatch=True))
def test_a_plain_personal_name_is_never_lost(name: str) -> None:
    assert usable_name(name, NUMBER) == name
