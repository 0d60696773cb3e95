"""Telling this machine from others."""

import pytest
from leadline_server.domain.loopback import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "192.0.2.1", "::", "localhost.example.com", "127.0.0.1.example.com"])
def test_another_host_is_not(host: str) -> None:
    assert not is_loopback(host)
