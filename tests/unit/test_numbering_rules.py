"""An account's rules for numbers: masks of extensions, dial prefixes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline_server.domain.numbers.numbering_rules import (
    MAX_MASKS,
    NumberingRules,
    as_rules,
    fits_pattern,
    numbering_rules,
    read_dial_prefix,
    read_extension_pattern,
)
from leadline_server.domain.preferences import AccountSettings


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1xx,2xxx", "1xx,2xxx"),
        (" 1XX , 2xxx ,", "1xx,2xxx"),
        ("1xx,1xx", "1xx"),
        ("10,xxxxxxxx", "10,xxxxxxxx"),
        ("", ""),
        (" , ", ""),
    ],
)
def test_a_pattern_is_stored_in_one_form(written: str, stored: str) -> None:
    assert read_extension_pattern(written) == stored
    assert read_extension_pattern(stored) == stored


@pytest.mark.parametrize("written", [r"\d{2,6}", "1", "x", "1xxxxxxxx", "1-9xx", "1xx;2xx", "1..", "[1-4]xx", "1*x"])
def test_a_mask_has_digits_and_x_alone(written: str) -> None:
    with pytest.raises(ValueError, match="is not a mask"):
        read_extension_pattern(written)


def test_masks_are_bounded() -> None:
    masks = [f"{i:04}" for i in range(MAX_MASKS + 1)]
    assert read_extension_pattern(",".join(masks[1:])).count(",") == MAX_MASKS - 1
    with pytest.raises(ValueError, match=f"At most {MAX_MASKS} masks"):
        read_extension_pattern(",".join(masks))


@given(mask=st.from_regex("[0-9x]{2,8}", fullmatch=True), digits=st.text("0123456789", max_size=9))
def test_digits_fit_a_mask_of_their_length_with_their_digits(mask: str, digits: str) -> None:
    fits = len(mask) == len(digits) and all(one in ("x", other) for one, other in zip(mask, digits, strict=True))
    assert fits_pattern(digits, f"99,{mask}") is (fits or digits == "99")


def test_nothing_fits_an_empty_pattern() -> None:
    assert not fits_pattern("", "")
    assert not fits_pattern("101", "")


@pytest.mark.parametrize("prefix", ["9", "0", "00", "*9", "#31#"])
def test_a_dial_prefix_is_what_a_phone_can_dial(prefix: str) -> None:
    assert read_dial_prefix(f" {prefix} ") == prefix


@pytest.mark.parametrize("prefix", ["", "9,", "+1", "12345", "nine", "9 9"])
def test_anything_else_is_no_dial_prefix(prefix: str) -> None:
    with pytest.raises(ValueError, match="1 to 4 of the keys"):
        read_dial_prefix(prefix)


def test_an_accounts_settings_have_its_rules() -> None:
    settings = AccountSettings(default_region="DE", extension_pattern="1xx", dial_prefixes=("0",))
    assert settings.numbering == NumberingRules("DE", "1xx", ("0",))
    assert (
        settings.numbering
        is AccountSettings(
            default_region="DE", extension_pattern="1xx", dial_prefixes=("0",), time_zone="Europe/Berlin"
        ).numbering
    )


def test_a_region_alone_stands_for_an_account_that_says_no_more() -> None:
    assert as_rules("GB") is numbering_rules("GB", "", ())
    assert as_rules(NumberingRules("GB", "1xx")) == NumberingRules("GB", "1xx")
