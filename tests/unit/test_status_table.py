"""Errors as statuses: the table is complete, agrees with the contract, and what is sent stays small."""

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import grpc
import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from leadline.v1 import contact_service_pb2, error_reason_pb2
from leadline_server.domain import account_errors, crm_errors, errors
from leadline_server.http import rpcs
from leadline_server.transport import refusals
from leadline_server.transport.admission.door import Door
from leadline_server.transport.admission.quotas import QuotaSettings
from leadline_server.transport.refusals import logged
from leadline_server.transport.rpc_counts import RpcCounts
from leadline_server.transport.served_methods import served_methods
from leadline_server.transport.status import CODES, PUSHBACK_KEY, refusal
from leadline_server.transport.streams import Streams
from structlog.testing import capture_logs

CLIENTS_METADATA_LIMIT = 8 * 1024  # gRPC's default soft limit


def subclasses(parent: type[errors.LeadlineError]) -> Iterator[type[errors.LeadlineError]]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


@pytest.mark.parametrize(
    "error", [kind for kind in subclasses(errors.LeadlineError) if kind is not crm_errors.CrmError]
)
def test_every_error_has_a_code_of_its_own_or_of_a_base_other_than_internal(error: type[errors.LeadlineError]) -> None:
    code = next(CODES[base] for base in error.__mro__ if base in CODES)
    assert code is not grpc.StatusCode.INTERNAL


def test_the_reasons_are_those_of_the_contract() -> None:
    names = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()}  # noqa: SIM118 - no dict
    assert {reason.value for reason in errors.ErrorReason} == names - {"UNSPECIFIED"}


@pytest.mark.parametrize("error", [RuntimeError("hush"), errors.LeadlineError("hush"), crm_errors.CrmError("hush")])
def test_what_nobody_expected_is_internal_and_says_nothing(error: Exception) -> None:
    answer = refusal(error)
    assert (answer.code, answer.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "hush" not in answer.message
    assert b"hush" not in answer.details
    assert refusal(error).metadata["correlation_id"] != answer.metadata["correlation_id"]


def test_an_error_that_knows_its_delay_has_its_own_say() -> None:
    assert (
        refusal(crm_errors.CrmUnavailable("x", retry_after=30)).details
        != refusal(crm_errors.CrmUnavailable("x")).details
    )


@pytest.mark.parametrize("text", ["x", "é", "李", "\N{TELEPHONE RECEIVER}"])
def test_a_thousand_violations_still_fit_into_the_metadata_that_clients_accept(text: str) -> None:
    broken = [errors.FieldViolation(f"preferences.values[{i}]", text * 400) for i in range(1000)]
    answer = refusal(errors.InvalidRequest(broken))
    percent_encoded = sum(1 if byte < 0x80 else 3 for byte in answer.message.encode())
    assert percent_encoded + len(answer.details) * 4 / 3 < CLIENTS_METADATA_LIMIT
    assert answer.metadata["violations"] == "1000"


def test_sixteen_ordinary_violations_are_all_named() -> None:
    broken = [errors.FieldViolation(f"phone_numbers[{i}]", "No phone number that can be read.") for i in range(16)]
    status, bad_request, info = (
        Status.FromString(refusal(errors.InvalidRequest(broken)).details),
        BadRequest(),
        ErrorInfo(),
    )
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad_request)
    assert [violation.field for violation in bad_request.field_violations] == [v.field for v in broken]
    assert "violations" not in info.metadata


class _Raises(dict[str, str]):
    """Metadata that cannot even be read."""

    def items(self) -> Any:
        raise RuntimeError("hush")


def _changed(**fields: Any) -> errors.LeadlineError:
    """An error with fields that no constructor would let pass."""
    error = crm_errors.CrmRateLimited("Slower.")
    for name, value in fields.items():
        setattr(error, name, value)
    return error


HOSTILE: Final = {
    "inf": _changed(retry_after=math.inf),
    "-inf": _changed(retry_after=-math.inf),
    "nan": _changed(retry_after=math.nan),
    "1e300": _changed(retry_after=1e300),
    "4,000 digits": _changed(retry_after=10**4_000),
    "text delay": _changed(retry_after="soon"),
    "surrogate in message": _changed(message="a \ud800 b"),
    "surrogate in value": _changed(metadata={"key": "\udfff"}),
    "surrogate in key": _changed(metadata={"\udfff": "value"}),
    "number as message": _changed(message=7),
    "bytes as message": _changed(message=b"\xff"),
    "None as message": _changed(message=None),
    "number as value": _changed(metadata={"key": 7}),
    "number as key": _changed(metadata={7: "value"}),
    "no metadata": _changed(metadata=None),
    "metadata that raises": _changed(metadata=_Raises()),
    "reason of another kind": _changed(reason="SLOW"),
    "surrogate in violation": errors.InvalidRequest([errors.FieldViolation("\ud800", "\udfff")]),
    "number as violation": errors.InvalidRequest([errors.FieldViolation(7, None)]),  # type: ignore[arg-type] # hostile
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("seconds_left", [None, 0.0, 5.0])
def test_no_content_of_an_error_keeps_it_from_being_answered(name: str, seconds_left: float | None) -> None:
    with capture_logs():
        answer = logged("FindContact", HOSTILE[name])
    known = Status.FromString(answer.details)
    assert known.message == answer.message
    assert (answer.code is grpc.StatusCode.INTERNAL) == ("correlation_id" in answer.metadata)
    trailing = dict(answer.trailing(seconds_left))
    assert int(trailing.get(PUSHBACK_KEY, 0)) <= 86_400_000


@pytest.mark.parametrize("name", [name for name in HOSTILE if "as " in name or "metadata" in name])
def test_an_error_that_cannot_be_sent_is_internal_with_a_correlation_id(name: str) -> None:
    with capture_logs() as lines:
        answer = logged("FindContact", HOSTILE[name])
    assert answer.code is grpc.StatusCode.INTERNAL
    assert [line["correlation_id"] for line in lines] == [answer.metadata["correlation_id"]]


@pytest.mark.parametrize("name", ["inf", "-inf", "nan", "1e300", "4,000 digits", "text delay"])
def test_an_error_with_an_odd_delay_keeps_its_reason(name: str) -> None:
    assert refusal(HOSTILE[name]).reason == "CRM_RATE_LIMITED"


@pytest.mark.parametrize("name", ["surrogate in message", "surrogate in value"])
def test_an_error_with_an_unpaired_surrogate_keeps_its_reason_and_loses_the_surrogate(name: str) -> None:
    answer = refusal(HOSTILE[name])
    assert answer.reason == "CRM_RATE_LIMITED"
    assert "?" in (answer.message if name == "surrogate in message" else answer.metadata["key"])


def test_a_log_that_cannot_be_written_keeps_no_error_from_being_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __getattr__(self, _: str) -> Any:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(refusals, "_log", Full())
    assert logged("FindContact", RuntimeError("hush")).code is grpc.StatusCode.INTERNAL
    assert logged("FindContact", account_errors.AccountNotFound("acme")).code is grpc.StatusCode.NOT_FOUND


DOOR = Door(lambda _: True, QuotaSettings())


@pytest.mark.parametrize("name", HOSTILE)
async def test_over_http_too_any_error_is_answered(name: str) -> None:
    async def find(_: Any, __: Any) -> Any:
        raise HOSTILE[name]

    service = contact_service_pb2.DESCRIPTOR.services_by_name["ContactService"]
    servicer = SimpleNamespace(**{method.name: find for method in service.methods})
    [served] = [
        method
        for method in served_methods(service, servicer, lambda _: RpcCounts(), Streams(), DOOR)
        if method.name == "FindContact"
    ]
    with capture_logs(), pytest.raises(ConnectError) as caught:
        await rpcs.call(served, contact_service_pb2.FindContactRequest(), rpcs.CallContext(5.0))
    caught.value.message.encode()


@pytest.mark.parametrize("data", [b"\xff", b""])
def test_an_answer_that_cannot_be_written_as_json_is_internal(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> str:
        raise OverflowError("hush")

    monkeypatch.setattr(rpcs, "MessageToJson", fails)
    method = SimpleNamespace(name="FindContact", output_type=contact_service_pb2.FindContactResponse)
    with capture_logs(), pytest.raises(ConnectError) as caught:
        rpcs._written(method, data, is_json=True)  # type: ignore[arg-type] # noqa: SLF001 - no request gets there
    assert caught.value.code is Code.INTERNAL
    assert "hush" not in caught.value.message
