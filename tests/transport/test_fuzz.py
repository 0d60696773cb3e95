"""Thousands of malformed and odd requests to one real server: each gets the right status."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from leadline.v1 import call_log_service_pb2, contact_service_pb2, preferences_service_pb2
from support.servers import ServerProcess, server_process
from transport.fuzzing import bodies
from transport.serving import read_refusal

METHODS: Final[dict[str, MethodDescriptor]] = {
    method.name: method
    for module, service in (
        (contact_service_pb2, "ContactService"),
        (call_log_service_pb2, "CallLogService"),
        (preferences_service_pb2, "PreferencesService"),
    )
    for method in module.DESCRIPTOR.services_by_name[service].methods
}
BODIES_AT_ONCE: Final = 5
SHORT, FULL = 25, 168  # examples an RPC: 12 x 25 x 5 = 1,500 bodies, 12 x 168 x 5 = 10,080
EXPECTED: Final = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
}
"""The codes for faulty requests. Any other code is a fault of the server."""


@dataclass
class Target:
    """A server that is fuzzed, and how its answers ended."""

    server: ServerProcess
    channel: grpc.Channel
    codes: Counter[str] = field(default_factory=Counter)

    def assert_answered(self, rpc: str, several: list[bytes]) -> None:
        """Send the bodies at once; each must be answered, or refused for what the caller did wrong."""
        method = METHODS[rpc]
        raw: Any = self.channel.unary_stream(f"/{method.containing_service.full_name}/{rpc}")
        for data, call in [(data, raw(data, timeout=30)) for data in several]:
            code = _ending(call)
            self.codes[code.name] += 1
            assert code is grpc.StatusCode.OK or code in EXPECTED, (code, call.details(), data[:200])

    def assert_well(self) -> None:
        """It goes on serving, and nothing of all that was a surprise to it."""
        assert self.server.is_running
        ask: Any = self.channel.unary_unary("/leadline.v1.PreferencesService/GetAccountSettings")
        assert ask(b"\x0a\x04demo", timeout=2)
        for sign in ("Traceback", "rpc_failed", "never retrieved", "INTERNAL"):
            assert sign not in self.server.stderr


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with server_process(tmp_path_factory.mktemp("fuzz") / "data") as server:
        options = [("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(server.address, options=options) as channel:
            target = Target(server, channel)
            yield target
            target.assert_well()
        assert server.stop() == 0
        print(json.dumps(target.codes))  # noqa: T201 - what the bodies came to, shown with pytest -s


@pytest.mark.parametrize("rpc", METHODS)
@pytest.mark.parametrize("examples", [SHORT, pytest.param(FULL, marks=pytest.mark.soak)])
def test_no_body_is_more_than_a_bad_request(target: Target, rpc: str, examples: int) -> None:
    several = st.lists(bodies(METHODS[rpc].input_type), min_size=BODIES_AT_ONCE, max_size=BODIES_AT_ONCE)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples == SHORT,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(several)
    def fuzz(several: list[bytes]) -> None:
        target.assert_answered(rpc, several)

    fuzz()
    target.assert_well()


def _ending(call: Any) -> grpc.StatusCode:
    """How a call ends. A call with an answer is cancelled, since a watch has no end. A refusal has its reason."""
    try:
        next(call)
    except grpc.RpcError as error:
        refusal: Any = error
        answer = read_refusal(refusal)
        assert answer.info.domain == "leadline"
        assert answer.info.reason
        return answer.code
    call.cancel()
    return grpc.StatusCode.OK
