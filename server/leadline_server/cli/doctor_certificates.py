"""The checks of `leadline doctor` on certificates, and on the contexts of the command line."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leadline_server.cli.diagnosis import Diagnosis
from leadline_server.domain.loopback import own_host

if TYPE_CHECKING:  # these would slow the start of every command
    from cryptography.x509 import Certificate

    from leadline_server.config import Settings
    from leadline_server.listeners import TlsFiles

SOON_DAYS: Final = 14
"""A certificate that expires within so many days is a warning."""

_ANSWER_SECONDS: Final = 2.0
_OTHERS: Final = 0o037  # the group may read a key, since servers often run as a user of a group for keys
_RENEW: Final = "Renew it. A running server takes new files by itself."


def certificates(settings: "Settings") -> Iterator[Diagnosis]:
    """The server's certificate, its key, the CAs of clients, and what a running server shows."""
    from leadline_server.transport.certificates import UnusableCertificate
    from leadline_server.transport.tls import ServerCertificate

    files = settings.tls_files
    if files is None:
        return
    try:
        ServerCertificate(files, settings.tls_min_version)
        chain = _read(files.certificate)
        cas = [] if files.client_ca is None else _read(files.client_ca)
    except (UnusableCertificate, OSError, ValueError) as error:
        action = "Put files that fit together there. A running server still uses the old certificate."
        yield Diagnosis("certificate", "problem", str(error), action)
        return
    yield _certificate(files, chain[0])
    yield _key(files)
    yield from _client_cas(files, cas)
    yield from _served(settings, chain[0])


def contexts() -> Iterator[Diagnosis]:
    """The contexts of the user who asks, if there are any."""
    from leadline_server.cli.contexts import BadContexts, contexts_file, load_contexts

    if not contexts_file().exists():
        return
    try:
        found = load_contexts()
    except BadContexts as error:
        yield Diagnosis("contexts", "problem", str(error), "Correct the file, or delete it.")
        return
    named = [(name, file) for name, one in found.named.items() for file in (one.tls_ca, one.tls_cert, one.tls_key)]
    missing = [f"{file} of {name}" for name, file in named if file and not Path(file).is_file()]
    if missing:
        yield Diagnosis("contexts", "warning", f"missing: {', '.join(missing)}", "Set them: leadline context set NAME")
    else:
        yield Diagnosis("contexts", "ok", f"{len(found.named)} in {contexts_file()}")


def _read(path: Path) -> "Sequence[Certificate]":
    from cryptography import x509

    return x509.load_pem_x509_certificates(path.read_bytes())


def _certificate(files: "TlsFiles", certificate: "Certificate") -> Diagnosis:
    found = f"{files.certificate}, for {', '.join(_names(certificate)) or 'no name'}, until {_day(certificate)}"
    days = _days(certificate)
    if days < 0:
        return Diagnosis("certificate", "problem", f"{found}: it has expired", _RENEW)
    if days < SOON_DAYS:
        return Diagnosis("certificate", "warning", f"{found}: {days:.0f} days are left", _RENEW)
    if not _names(certificate):
        action = "Issue one with the server's DNS names in subjectAltName: clients do not look at the common name."
        return Diagnosis("certificate", "problem", found, action)
    return Diagnosis("certificate", "ok", found)


def _key(files: "TlsFiles") -> Diagnosis:
    if files.key.stat().st_mode & _OTHERS:
        return Diagnosis(
            "certificate key", "problem", f"others can use {files.key}", f"Run: chmod u=rw,g=r,o= {files.key}"
        )
    return Diagnosis("certificate key", "ok", f"{files.key} fits the certificate")


def _client_cas(files: "TlsFiles", cas: "Sequence[Certificate]") -> Iterator[Diagnosis]:
    if not cas:
        return
    expired = [one.subject.rfc4514_string() for one in cas if _days(one) < 0]
    if expired:
        found = f"{files.client_ca}: expired: {'; '.join(expired)}"
        yield Diagnosis("client CAs", "warning", found, "Remove them, or renew them.")
    else:
        yield Diagnosis("client CAs", "ok", f"{len(cas)} in {files.client_ca}")


def _served(settings: "Settings", certificate: "Certificate") -> Iterator[Diagnosis]:
    """Whether a running server shows the certificate of the file; nothing if none runs."""
    from cryptography.hazmat.primitives.serialization import Encoding

    shown = _shown_at(settings.listen)
    if shown is None:
        return
    if shown == certificate.public_bytes(Encoding.DER):
        yield Diagnosis("served certificate", "ok", f"{settings.listen} shows the certificate of the file")
        return
    found = f"{settings.listen} shows another certificate than the file has"
    action = "Read the server's log for `certificate not reloaded`, or restart it with these settings."
    yield Diagnosis("served certificate", "problem", found, action)


def _shown_at(address: str) -> bytes | None:
    """The certificate that a server shows, in DER; None if there is no server, or it has no TLS."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is compared, not trusted
    context.set_alpn_protocols(["h2"])
    try:
        with (
            socket.create_connection((own_host(host), int(port)), _ANSWER_SECONDS) as connection,
            context.wrap_socket(connection) as secured,
        ):
            return secured.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None


def _names(certificate: "Certificate") -> Sequence[str]:
    """The names that a certificate is for."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name.value) for name in names if isinstance(name, (x509.DNSName, x509.IPAddress))]


def _days(certificate: "Certificate") -> float:
    return (certificate.not_valid_after_utc - datetime.now(UTC)).total_seconds() / 86_400


def _day(certificate: "Certificate") -> str:
    return certificate.not_valid_after_utc.date().isoformat()
