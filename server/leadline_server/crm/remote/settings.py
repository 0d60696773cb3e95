"""What can be set of a connection to an adapter in another process."""

from typing import Annotated

from pydantic import AfterValidator, Field, FilePath, model_validator

from leadline_server.crm.toolkit.adapter_type import ConnectionSettings
from leadline_server.crm.toolkit.secret_settings import Secret
from leadline_server.domain.loopback import is_loopback

_LAST_PORT = 65_535


def split_address(value: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 host stands in brackets. Raises ValueError where it is no such address."""
    host, colon, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT or set(host) & set("/ @"):
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:50060")
    return host, int(port)


def _checked(value: str) -> str:
    split_address(value)
    return value


class RemoteSettings(ConnectionSettings):
    """Where an adapter is, and how to speak with it."""

    address: Annotated[str, AfterValidator(_checked)] = Field(description="Where the adapter serves, HOST:PORT.")
    tls: bool | None = Field(None, description="Whether to encrypt. Unset: everywhere but on this machine.")
    ca: FilePath | None = Field(None, description="A PEM file: who may vouch for the adapter. Unset: the system's.")
    client_certificate: FilePath | None = Field(None, description="A PEM file: leadline's own certificate.")
    client_key: Secret | None = Field(None, description="The certificate's private key, PEM, a secret.")
    server_name: str = Field("", description="The name in the adapter's certificate. Empty: the host of the address.")
    token: Secret | None = Field(None, description="Sent as `authorization: Bearer TOKEN`, a secret.")
    deadline: float = Field(10.0, gt=0, le=10, description="Seconds that one call may take.")
    title: str = Field("The adapter", min_length=1, max_length=80, description="What messages call it.")

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return not self._is_local if self.tls is None else self.tls

    @property
    def _is_local(self) -> bool:
        return is_loopback(split_address(self.address)[0])

    @model_validator(mode="after")
    def _fit_together(self) -> "RemoteSettings":
        if not self.is_encrypted and not self._is_local:
            raise ValueError("tls = false is for this machine alone: what is sent there are people's data")
        if not self.is_encrypted and (self.ca or self.client_certificate or self.server_name):
            raise ValueError("ca, client_certificate and server_name need tls = true")
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key go together")
        return self
