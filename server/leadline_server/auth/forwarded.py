"""The client certificate that a proxy saw, as the proxy tells it: the header `x-forwarded-client-cert`.

Envoy and others write one element for each proxy on the way, and the nearest proxy's is the last
(envoyproxy.io, "HTTP header manipulation", x-forwarded-client-cert):

    By=spiffe://mesh/leadline;Hash=ab12;Subject="CN=pbx,O=Acme";URI=spiffe://mesh/pbx;DNS=pbx.acme

leadline reads it only if the connection's own certificate is that of the proxy in the setting `tls_proxy`.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

FORWARDED_HEADER: Final = "x-forwarded-client-cert"

MOST_BYTES: Final = 16 * 1024
"""The longest header that is read."""

_PAIR: Final = re.compile(r'([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;,"]*)([;,]|$)')


def forwarded_names(header: str) -> Sequence[str]:
    """The names of the client that the nearest proxy saw, such as `URI:spiffe://mesh/pbx`; none if unreadable."""
    names: list[str] = []
    position = 0
    while position < len(header) <= MOST_BYTES:
        pair = _PAIR.match(header, position)
        if pair is None:
            return ()
        kind, value, separator = pair.groups()
        if kind.upper() in ("URI", "DNS") and value:
            names.append(f"{kind.upper()}:{unquote(_unquoted(value))}")
        if separator == ",":
            names = []  # another proxy's element begins
        position = pair.end()
    return names


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
