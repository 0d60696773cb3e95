"""Addresses of CRMs, as settings have them."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from leadline_server.domain.loopback import is_loopback


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://crm.example.com, without user, query and fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https://, since secrets and personal data are sent there")
    return value.rstrip("/")


Origin = Annotated[str, AfterValidator(_origin)]
"""An https:// address without a slash at its end; http:// is allowed for this machine only."""
