"""Connections that do nothing do not shut out those who call."""

import resource
import socket
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.servers import server_process


@pytest.mark.parametrize(("hard", "answers_calls"), [(4096, 1), (1024, 0)])
def test_idle_connections_do_not_shut_others_out(
    hard: int, answers_calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        raise_own_limit(stack)
        monkeypatch.setattr("subprocess.Popen", limited(hard))
        server = stack.enter_context(server_process(tmp_path / "data"))
        host, port = server.address.rsplit(":", 1)
        for _ in range(2_000):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
        began = monotonic()
        with urllib.request.urlopen(f"http://{server.metrics_address}/healthz", timeout=5) as answer:
            assert answer.status == 200
        assert monotonic() - began < 1
        if answers_calls:
            channel = stack.enter_context(grpc.insecure_channel(server.address))
            began = monotonic()
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)  # type: ignore[no-untyped-call] # ships no types
            assert monotonic() - began < 1


def raise_own_limit(stack: ExitStack) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))


def limited(hard: int) -> type:
    """A Popen whose programs may open at most `hard` files. A shell sets the limit.

    `preexec_fn` cannot: gRPC starts threads in the child of a fork, and they abort it when the child closes its files.
    """
    import subprocess

    class Limited(subprocess.Popen):  # type: ignore[type-arg] # only started here
        def __init__(self, command: list[str], **options: object) -> None:
            limits = f'ulimit -Sn {min(1024, hard)} && ulimit -Hn {hard} && exec "$@"'
            super().__init__(["/bin/sh", "-c", limits, "sh", *command], **options)  # type: ignore[call-overload] # passed on

    return Limited
