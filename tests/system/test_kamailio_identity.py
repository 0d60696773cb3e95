"""Kamailio verifies signed callers itself (STIR/SHAKEN), and leadline's logs have the verdict."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from leadline.v1.call_pb2 import (
    ATTESTATION_A,
    ATTESTATION_B,
    ATTESTATION_C,
    ATTESTATION_FAILED,
    ATTESTATION_UNSPECIFIED,
)
from support.certificates import Authority, Pair
from support.sip import PROVIDER, STRANGER, Caller, kamailio
from support.sip_identity import https_files, identity
from system.test_kamailio import FAILED, PASSED, SECRET, finished, reporting_server

pytestmark = pytest.mark.system

NUMBER: Final = "12025550123"
CALLED: Final = "101"
CALLS: Final = 2
"""Calls of each kind."""

EXPIRE: Final = 60.0
"""Seconds for which the example accepts a signature."""


class Signers:
    """Who signs, and where Kamailio finds their certificates."""

    def __init__(self, folder: Path, address: str, trusted: Authority) -> None:
        self._address = address
        self.known = trusted.issue("known")
        self._old = trusted.issue("old", lasts=-timedelta(hours=1))
        self._unknown = Authority(folder / "certificates" / "unknown", "Unknown CA").issue("unknown")

    def sign(
        self, attest: str = "", *, by: Pair | None = None, orig: str = NUMBER, dest: str = CALLED, age: float = 0
    ) -> str:
        signer = by or self.known
        return identity(signer, self._url(signer), orig, dest, attest, age=age)

    def _url(self, signer: Pair) -> str:
        folder = "unknown/" if signer is self._unknown else ""
        return f"{self._address}/{folder}{signer.certificate.name}"

    def changed(self) -> str:
        """Signed for B, and changed to A."""
        [head, claims, _] = self.sign("A").partition(";")[0].split(".")
        signature, _, parameters = self.sign("B").split(".", 2)[2].partition(";")
        return f"{head}.{claims}.{signature};{parameters}"

    def by_unknown_ca(self) -> str:
        return self.sign("A", by=self._unknown)

    def by_old_certificate(self) -> str:
        return self.sign("A", by=self._old)

    def without_certificate(self) -> str:
        return identity(self.known, f"{self._address}/none.pem", NUMBER, CALLED, "A")

    def without_https(self) -> str:
        return identity(self.known, self._url(self.known).replace("https:", "http:"), NUMBER, CALLED, "A")


@dataclass(frozen=True)
class Kind:
    """Calls that are signed in one way, and the attestation of their logs. `verdict` is the provider's own, if any."""

    attestation: int
    sign: Callable[[Signers], str] | None = None
    verdict: str = ""
    number: str = f"+{NUMBER}"
    address: str = PROVIDER

    def headers(self, signers: Signers) -> list[str]:
        uri = f"<sip:[field0]@provider.example.com{self.verdict and ';verstat='}{self.verdict}>"
        signed = [f"Identity: {self.sign(signers)}"] if self.sign else []
        return [f"P-Asserted-Identity: {uri}", *signed]


KINDS: Final[Mapping[str, Kind]] = {
    "level-a": Kind(ATTESTATION_A, lambda signers: signers.sign("A")),
    "level-b": Kind(ATTESTATION_B, lambda signers: signers.sign("B")),
    "level-c": Kind(ATTESTATION_C, lambda signers: signers.sign("C")),
    "no-level": Kind(ATTESTATION_UNSPECIFIED, lambda signers: signers.sign()),
    "unsigned": Kind(ATTESTATION_UNSPECIFIED),
    "changed": Kind(ATTESTATION_FAILED, Signers.changed),
    "other-caller": Kind(ATTESTATION_FAILED, lambda signers: signers.sign("A", orig="12025550199")),
    "other-callee": Kind(ATTESTATION_FAILED, lambda signers: signers.sign("A", dest="12025550199")),
    "replayed": Kind(ATTESTATION_FAILED, lambda signers: signers.sign("A", age=2 * EXPIRE)),
    "unknown-ca": Kind(ATTESTATION_FAILED, Signers.by_unknown_ca),
    "old-certificate": Kind(ATTESTATION_FAILED, Signers.by_old_certificate),
    "no-certificate": Kind(ATTESTATION_UNSPECIFIED, Signers.without_certificate),
    "no-https": Kind(ATTESTATION_UNSPECIFIED, Signers.without_https),
    "national": Kind(ATTESTATION_UNSPECIFIED, lambda signers: signers.sign("A"), number="2025550123"),
    "provider-says-b": Kind(ATTESTATION_B, lambda signers: signers.sign("A"), verdict=f"{PASSED}-B"),
    "provider-says-failed": Kind(ATTESTATION_FAILED, lambda signers: signers.sign("A"), verdict=FAILED),
    "stranger": Kind(ATTESTATION_UNSPECIFIED, lambda signers: signers.sign("A"), address=STRANGER),
    "failed-stranger": Kind(ATTESTATION_UNSPECIFIED, Signers.changed, address=STRANGER),
}


async def test_a_signature_that_kamailio_verifies_becomes_the_attestation(tmp_path: Path) -> None:
    trusted = Authority(tmp_path / "certificates")
    cache = tmp_path / "cache"
    cache.mkdir()
    options = {"STI_CA": f"CertCAFile={trusted.file}", "STI_CERTIFICATES": str(cache)}
    trusting = {"SSL_CERT_FILE": str(trusted.file)}
    with (
        reporting_server(tmp_path) as server,
        https_files(tmp_path / "certificates", trusted.issue("web", "127.0.0.1")) as address,
        kamailio(server, tmp_path, SECRET, options, trusting, ring_seconds=30) as phones,
    ):
        signers = Signers(tmp_path, address, trusted)
        placings = {
            name: phones.place(
                name,
                "200",
                [Caller(kind.number, CALLED)] * CALLS,
                5,
                headers=kind.headers(signers),
                address=kind.address,
            )
            for name, kind in KINDS.items()
        }
        placed = {name: await asyncio.to_thread(placing.done) for name, placing in placings.items()}
        logs = await finished(server, CALLS * len(KINDS))
    found = {name: [logs[call_id].call.attestation for call_id in calls] for name, calls in placed.items()}
    assert found == {name: [kind.attestation] * CALLS for name, kind in KINDS.items()}
    assert {file.name.rpartition("_")[2] for file in cache.iterdir()} == {"known.pem", "old.pem", "unknown.pem"}
