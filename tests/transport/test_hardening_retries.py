"""A client's retry policy (service config, gRFC A6) follows the delay of an error."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, NoReturn

import grpc
import pytest
from leadline.v1 import contact_service_pb2 as pb
from leadline.v1.contact_service_pb2_grpc import ContactServiceStub
from leadline_server.domain import crm_errors, errors, ledger_errors
from leadline_server.transport.status import refusal
from transport.serving import Refused, read_refusal, serving

ATTEMPTS: Final = 3
POLICY: Final = {
    "maxAttempts": ATTEMPTS,
    "initialBackoff": "0.01s",
    "maxBackoff": "0.01s",
    "backoffMultiplier": 1,
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
}
CONFIG: Final = json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": POLICY}]})
ASKED: Final = pb.FindContactRequest(account_id="demo", phone_numbers=["+12025550147"])


@dataclass
class Retrying:
    """A client with a retry policy, of a server that always fails; `times` are those of its attempts."""

    stub: ContactServiceStub
    times: list[float] = field(default_factory=list)

    async def ask(self, seconds: float | None = None) -> Refused:
        """The error after the policy's last attempt."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.stub.FindContact(ASKED, timeout=seconds)
        return read_refusal(caught.value)


@asynccontextmanager
async def retrying(error: Callable[[], errors.LeadlineError]) -> AsyncIterator[Retrying]:
    times = list[float]()

    async def fail(*_: object, **__: object) -> NoReturn:
        times.append(monotonic())
        raise error()

    options: Any = [("grpc.service_config", CONFIG), ("grpc.enable_retries", 1)]
    async with serving(find_contact=fail) as it:
        address = f"127.0.0.1:{it.port}"
        async with grpc.aio.insecure_channel(address, options=options) as channel:
            yield Retrying(ContactServiceStub(channel), times)


async def test_an_error_without_a_known_delay_is_retried_as_the_policy_says() -> None:
    async with retrying(lambda: crm_errors.CrmUnavailable("Down.")) as client:
        answer = await client.ask()
    assert (answer.info.reason, len(client.times)) == ("CRM_UNAVAILABLE", ATTEMPTS)


async def test_attempts_keep_to_the_delay_that_a_crm_asked_for() -> None:
    async with retrying(lambda: crm_errors.CrmRateLimited("Slower.", retry_after=0.3)) as client:
        answer = await client.ask(seconds=20)
    assert (answer.info.reason, answer.retry_seconds) == ("CRM_RATE_LIMITED", 0.3)
    assert len(client.times) == ATTEMPTS
    assert all(later - earlier >= 0.29 for earlier, later in zip(client.times, client.times[1:], strict=False))


async def test_a_delay_beyond_the_deadline_is_told_at_once_instead_of_waited_for() -> None:
    async with retrying(lambda: crm_errors.CrmRateLimited("Slower.", retry_after=60)) as client:
        began = monotonic()
        answer = await client.ask(seconds=20)
    assert (answer.info.reason, answer.retry_seconds) == ("CRM_RATE_LIMITED", 60)
    assert len(client.times) == 1
    assert monotonic() - began < 5


async def test_a_limit_without_a_delay_has_the_usual_one() -> None:
    async with retrying(lambda: crm_errors.CrmRateLimited("Slower.")) as client:
        answer = await client.ask(seconds=4)
    assert (answer.info.reason, answer.retry_seconds) == ("CRM_RATE_LIMITED", 5.0)
    assert len(client.times) == 1


@pytest.mark.parametrize("delay", [None, 0.01])
async def test_refused_credentials_are_not_retried(delay: float | None) -> None:
    async with retrying(lambda: crm_errors.CrmAuthFailed("Renew.", retry_after=delay)) as client:
        answer = await client.ask()
    assert (answer.info.reason, len(client.times)) == ("CRM_AUTH_FAILED", 1)


@pytest.mark.parametrize(
    ("error", "seconds_left", "pushback"),
    [
        (crm_errors.CrmUnavailable("Down."), None, None),
        (crm_errors.CrmUnavailable("Down.", retry_after=2.5), None, "2500"),
        (crm_errors.CrmRateLimited("Slower.", retry_after=0.0001), 10.0, "1"),
        (crm_errors.CrmRateLimited("Slower.", retry_after=10), 10.0, "-1"),
        (crm_errors.CrmRateLimited("Slower.", retry_after=1e12), None, "86400000"),
        (crm_errors.CrmAuthFailed("Renew."), None, "-1"),
        (ledger_errors.LedgerFull("Full.", retry_after=30), 60.0, "30000"),
        (errors.ShuttingDown("Bye."), None, None),
        (errors.ContactNotFound("p1"), None, None),
        (ValueError("hush"), None, None),
    ],
)
def test_the_pushback_of_an_error(error: Exception, seconds_left: float | None, pushback: str | None) -> None:
    trailing: dict[str, Any] = dict(refusal(error).trailing(seconds_left))
    assert trailing.get("grpc-retry-pushback-ms") == pushback
    assert trailing["grpc-status-details-bin"]
