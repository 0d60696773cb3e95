"""Signed callers (STIR/SHAKEN): the header Identity as a provider signs it, and the HTTPS server of its certificates.

Sources: RFC 8224 (Identity), RFC 8225 (PASSporT), RFC 8588 (SHAKEN).
"""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from support.certificates import Pair


def identity(signer: Pair, url: str, orig: str, dest: str, attest: str = "", *, age: float = 0) -> str:
    """The header Identity of a call.

    Args:
        signer: signs it.
        url: of the signer's certificate.
        orig: the caller's number, in digits.
        dest: who is called.
        attest: A, B or C; empty: a PASSporT without attestation, which RFC 8225 allows.
        age: how many seconds ago it was signed.
    """
    shaken = {"ppt": "shaken"} if attest else {}
    claims = {"dest": {"tn": [dest]}, "iat": int(time.time() - age), "orig": {"tn": orig}}
    claims |= {"attest": attest, "origid": "5ad6f4e6-0000-4000-8000-000000000001"} if attest else {}
    signed = f"{_encoded({'alg': 'ES256', **shaken, 'typ': 'passport', 'x5u': url})}.{_encoded(claims)}"
    return ";".join([f"{signed}.{_signature(signer, signed)}", f"info=<{url}>", "alg=ES256", *_parameters(shaken)])


def _parameters(values: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in values.items()]


def _encoded(value: Any) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _signature(signer: Pair, text: str) -> str:
    """The signature as JWS has it (RFC 7518, section 3.4): both numbers, 32 bytes each."""
    key = serialization.load_pem_private_key(signer.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@contextmanager
def https_files(folder: Path, own: Pair) -> Iterator[str]:
    """Serve a folder's files by HTTPS until the body ends; yields the address, without a trailing slash."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
