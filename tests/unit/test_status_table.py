"""Errors as statuses: the table is complete, agrees with the contract, and what is sent stays small."""

from collections.abc import Iterator

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from leadline.v1 import error_reason_pb2
from leadline_server.domain import errors
from leadline_server.transport.status import CODES, refusal

CLIENTS_METADATA_LIMIT = 8 * 1024  # gRPC's default soft limit


def subclasses(parent: type[errors.LeadlineError]) -> Iterator[type[errors.LeadlineError]]:
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


@pytest.mark.parametrize("error", [kind for kind in subclasses(errors.LeadlineError) if kind is not errors.CrmError])
def test_every_error_has_a_code_of_its_own_or_of_a_base_other_than_internal(error: type[errors.LeadlineError]) -> None:
    code = next(CODES[base] for base in error.__mro__ if base in CODES)
    assert code is not grpc.StatusCode.INTERNAL


def test_the_reasons_are_those_of_the_contract() -> None:
    names = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()}  # noqa: SIM118 - no dict
    assert {reason.value for reason in errors.ErrorReason} == names - {"UNSPECIFIED"}


@pytest.mark.parametrize("error", [RuntimeError("hush"), errors.LeadlineError("hush"), errors.CrmError("hush")])
def test_what_nobody_expected_is_internal_and_says_nothing(error: Exception) -> None:
    answer = refusal(error)
    assert (answer.code, answer.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "hush" not in answer.message
    assert b"hush" not in answer.details
    assert refusal(error).metadata["correlation_id"] != answer.metadata["correlation_id"]


def test_an_error_that_knows_its_delay_has_its_own_say() -> None:
    assert refusal(errors.CrmUnavailable("x", retry_after=30)).details != refusal(errors.CrmUnavailable("x")).details


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
