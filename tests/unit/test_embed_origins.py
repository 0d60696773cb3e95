"""The setting embed_origins: exact origins, or no start."""

import pytest
from leadline_server.config_loading import BadSettings, load_settings


def test_by_default_no_page_may_show_leadline_in_a_frame() -> None:
    assert load_settings({}).embedding_origins == ()


def test_origins_are_separated_by_commas() -> None:
    value = "https://crm.example, https://phone.example:8443,http://localhost:3000,http://[::1]:3000,http://127.0.0.1"
    assert load_settings({"embed_origins": value}).embedding_origins == tuple(map(str.strip, value.split(",")))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("*", "without *"),
        ("https://*.crm.example", "without *"),
        ("https://crm.example/", "without a path"),
        ("https://crm.example/page", "without a path"),
        ("https://Crm.example", "in lower case"),
        ("crm.example", "must be origins"),
        ("null", "must be origins"),
        ("https://user@crm.example", "must be origins"),
        ("https://crm.example; script-src *", "must be origins"),
        ('https://crm.example"><script>', "must be origins"),
        ("https://crm.example https://other.example", "must be origins"),
        ("https://crm.example:443", "default port"),
        ("http://127.0.0.1:80", "default port"),
        ("http://crm.example", "must begin with https://"),
        ("https://crm.example, http://10.0.0.1", "must begin with https://"),
    ],
)
def test_anything_else_is_told(value: str, why: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load_settings({"embed_origins": value})
    assert "--embed-origins" in str(caught.value)
    assert why in str(caught.value)
