"""The settings of a connection to an adapter in another process."""

from typing import Annotated

from pydantic import AfterValidator, Field, FilePath, model_validator

from leadline_server.crm.toolkit import Secret, SettingsWithFields
from leadline_server.domain.loopback import is_loopback

_LAST_PORT = 65_535


def split_address(value: str) -> tuple[str, int]:
    """Host and port of an address such as `[::1]:50060`. Raises ValueError if it is not one."""
    host, colon, port = value.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) <= _LAST_PORT or set(host) & set("/ @"):
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:50060")
    return host, int(port)


def _checked(value: str) -> str:
    split_address(value)
    return value


class RemoteSettings(SettingsWithFields):
    """An adapter's address, and how to connect to it."""

    address: Annotated[str, AfterValidator(_checked)] = Field(description="The adapter's address, HOST:PORT.")
    tls: bool | None = Field(None, description="Whether to encrypt. Unset: yes, except on this machine.")
    ca: FilePath | None = Field(None, description="A PEM file of root certificates. Unset: the system's.")
    client_certificate: FilePath | None = Field(None, description="A PEM file: leadline's own certificate.")
    client_key: Secret | None = Field(None, description="The certificate's private key, PEM, a secret.")
    server_name: str = Field("", description="The name in the adapter's certificate. Empty: the host of the address.")
    token: Secret | None = Field(None, description="Sent as `authorization: Bearer TOKEN`, a secret.")
    deadline: float = Field(10.0, gt=0, le=10, description="The time for one call, in seconds.")
    title: str = Field("The adapter", min_length=1, max_length=80, description="The adapter's name in messages.")

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return not self._is_local if self.tls is None else self.tls

    @property
    def _is_local(self) -> bool:
        return is_loopback(split_address(self.address)[0])

    @model_validator(mode="after")
    def _fit_together(self) -> "RemoteSettings":
        if not self.is_encrypted and not self._is_local:
            raise ValueError("tls = false is allowed for this machine only, since personal data is sent")
        if not self.is_encrypted and (self.ca or self.client_certificate or self.server_name):
            raise ValueError("ca, client_certificate and server_name need tls = true")
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key go together")
        return self
