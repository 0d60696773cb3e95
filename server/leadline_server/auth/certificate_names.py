"""The names in a client certificate, as the ledger's records of certificates have them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

MOST_NAMES: Final = 16
"""The most names of a client certificate that are looked up."""


def certificate_names(said: Mapping[str, Iterable[bytes]]) -> Sequence[str]:
    """The names in a verified client certificate (RFC 5280, section 4.2.1.6): `URI:spiffe://acme/pbx`, `DNS:pbx.acme`.

    The common name is not one of them: nothing says what it is a name of.
    """
    names = [("URI", value) for value in said.get("peer_uri", ())]
    names += [("DNS", value) for value in said.get("peer_dns", ())]
    return [f"{kind}:{value.decode('utf-8', 'replace')}" for kind, value in names[:MOST_NAMES]]
