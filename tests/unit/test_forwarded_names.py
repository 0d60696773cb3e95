"""`x-forwarded-client-cert`: the names that the nearest proxy tells."""

import pytest
from leadline_server.auth.forwarded import MOST_BYTES, forwarded_names


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("URI=spiffe://mesh/pbx", ["URI:spiffe://mesh/pbx"]),
        ("By=spiffe://mesh/l;Hash=ab;URI=spiffe://mesh/pbx;DNS=pbx.acme", ["URI:spiffe://mesh/pbx", "DNS:pbx.acme"]),
        ('Subject="CN=pbx;O=Acme, Inc.";DNS=pbx.acme', ["DNS:pbx.acme"]),
        ('Subject="CN=\\"x\\",DNS=forged";URI="spiffe://mesh/pbx"', ["URI:spiffe://mesh/pbx"]),
        ("URI=spiffe://forged,URI=spiffe://mesh/pbx", ["URI:spiffe://mesh/pbx"]),
        ("URI=spiffe://forged,By=x;Hash=ab", []),
        ("uri=spiffe%3A%2F%2Fmesh/pbx", ["URI:spiffe://mesh/pbx"]),
        ("", []),
        ("URI=", []),
        ("no pairs", []),
        ('DNS=a;Subject="open', []),
        ("DNS=" + "a" * MOST_BYTES, []),
    ],
)
def test_the_last_element_counts(header: str, names: list[str]) -> None:
    assert list(forwarded_names(header)) == names
