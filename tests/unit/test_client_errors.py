"""The errors that the client raises for a server's answers."""

import copy
import pickle
from collections.abc import Sequence

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo  # type: ignore[import-untyped] # no py.typed
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # no py.typed
from leadline import errors
from leadline.v1.error_reason_pb2 import ErrorReason
from leadline_server.domain.errors import ContactAlreadyExists
from leadline_server.transport.status import CODES, refusal

CLASSES = [
    (grpc.StatusCode.CANCELLED, errors.Cancelled),
    (grpc.StatusCode.INVALID_ARGUMENT, errors.InvalidArgument),
    (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
    (grpc.StatusCode.NOT_FOUND, errors.NotFound),
    (grpc.StatusCode.ALREADY_EXISTS, errors.AlreadyExists),
    (grpc.StatusCode.PERMISSION_DENIED, errors.PermissionDenied),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.ResourceExhausted),
    (grpc.StatusCode.FAILED_PRECONDITION, errors.FailedPrecondition),
    (grpc.StatusCode.OUT_OF_RANGE, errors.OutOfRange),
    (grpc.StatusCode.UNIMPLEMENTED, errors.Unimplemented),
    (grpc.StatusCode.INTERNAL, errors.Internal),
    (grpc.StatusCode.UNAVAILABLE, errors.Unavailable),
    (grpc.StatusCode.UNAUTHENTICATED, errors.Unauthenticated),
    (grpc.StatusCode.DATA_LOSS, errors.LeadlineError),
]


def answered(code: grpc.StatusCode, *details: Message, message: str = "Said so.") -> errors.LeadlineError:
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return with_trailer(code, status.SerializeToString(), message)


def with_trailer(code: grpc.StatusCode, trailer: bytes, message: str = "Said so.") -> errors.LeadlineError:
    trailing = grpc.aio.Metadata(("x-other", "1"), ("grpc-status-details-bin", trailer))
    return errors.from_rpc_error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, message))


def info(reason: str, **metadata: str) -> ErrorInfo:
    return ErrorInfo(reason=reason, domain="leadline", metadata=metadata)


@pytest.mark.parametrize(("code", "kind"), CLASSES, ids=lambda value: getattr(value, "name", ""))
def test_each_code_has_its_class(code: grpc.StatusCode, kind: type[errors.LeadlineError]) -> None:
    error = answered(code)
    assert type(error) is kind
    assert error.code is code


def test_cannot_tell_is_an_error_and_so_never_an_empty_list() -> None:
    for code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        assert isinstance(answered(code), errors.LeadlineError)


def test_every_code_that_the_server_uses_has_a_class_of_its_own() -> None:
    for code in set(CODES.values()):
        assert type(answered(code)) is not errors.LeadlineError


def test_the_tree_in_the_docstring_names_every_class() -> None:
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == "leadline.errors"
    }
    drawn = {line.split()[1] for line in (errors.__doc__ or "").splitlines() if line.strip().startswith(("├", "└"))}
    assert drawn == classes - {"LeadlineError", "FieldViolation"}


def test_reason_and_metadata_come_from_error_info() -> None:
    error = answered(
        grpc.StatusCode.NOT_FOUND, info("ACCOUNT_NOT_FOUND", account_id="acme"), message="No such account."
    )
    assert (error.reason, error.metadata, error.message) == (
        "ACCOUNT_NOT_FOUND",
        {"account_id": "acme"},
        "No such account.",
    )
    assert f"ERROR_REASON_{error.reason}" in ErrorReason.keys()  # noqa: SIM118 - an enum is no mapping


def test_error_info_of_somebody_else_is_not_taken_for_leadlines() -> None:
    foreign = ErrorInfo(reason="QUOTA", domain="proxy.example", metadata={"contact_ids": "p1"})
    error = answered(grpc.StatusCode.ALREADY_EXISTS, foreign)
    assert (error.reason, error.metadata) == ("", {})


def test_all_violations_are_there() -> None:
    at = [BadRequest.FieldViolation(field=name, description=f"bad {name}") for name in ("user_id", "call.id")]
    error = answered(grpc.StatusCode.INVALID_ARGUMENT, info("INVALID_REQUEST"), BadRequest(field_violations=at))
    assert error.field_violations == (("user_id", "bad user_id"), ("call.id", "bad call.id"))
    assert "call.id: bad call.id" in str(error)


def test_the_retry_delay_is_in_seconds() -> None:
    delay = RetryInfo(retry_delay=Duration(seconds=7, nanos=250_000_000))
    assert answered(grpc.StatusCode.UNAVAILABLE, info("CRM_RATE_LIMITED"), delay).retry_delay == 7.25


def test_without_a_retry_delay_there_is_none() -> None:
    assert answered(grpc.StatusCode.UNAVAILABLE).retry_delay is None


def test_an_internal_error_says_its_correlation_id() -> None:
    error = answered(grpc.StatusCode.INTERNAL, info("INTERNAL", correlation_id="abc123"))
    assert error.correlation_id == "abc123"
    assert "abc123" in str(error)


def test_already_exists_names_the_contacts() -> None:
    error = answered(grpc.StatusCode.ALREADY_EXISTS, info("CONTACT_ALREADY_EXISTS", contact_ids="p1,p2"))
    assert isinstance(error, errors.AlreadyExists)
    assert error.contact_ids == ("p1", "p2")


def test_a_contact_id_that_the_server_had_to_cut_is_not_named() -> None:
    sent = refusal(ContactAlreadyExists([f"contact-{number:04}" for number in range(100)]))
    error = with_trailer(sent.code, sent.details)
    assert isinstance(error, errors.AlreadyExists)
    assert error.contact_ids
    assert all(len(contact_id) == len("contact-0000") for contact_id in error.contact_ids)


@pytest.mark.parametrize("trailer", [b"\xff\xff\xff", b"", b"\x1a\x03\x0a\x01\xff"])
def test_details_that_cannot_be_read_leave_code_and_message(trailer: bytes) -> None:
    error = with_trailer(grpc.StatusCode.NOT_FOUND, trailer, "Gone.")
    assert (type(error), error.message, error.reason) == (errors.NotFound, "Gone.", "")


def test_a_detail_of_the_right_name_and_wrong_bytes_is_passed_over() -> None:
    bad = Any(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff")
    status = Status(code=5, details=[bad])
    assert with_trailer(grpc.StatusCode.NOT_FOUND, status.SerializeToString()).reason == ""


def test_an_error_without_trailers_is_read() -> None:
    raw = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "No connection.")
    error = errors.from_rpc_error(raw)
    assert (type(error), error.message) == (errors.Unavailable, "No connection.")


@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301 - our own
def test_an_error_can_be_copied_and_sent_to_another_process(duplicate: object) -> None:
    violations: Sequence[errors.FieldViolation] = (errors.FieldViolation("user_id", "is missing"),)
    error = errors.InvalidArgument(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "Bad.", {"a": "b"}, violations, 1.5, "c1"
    )
    assert callable(duplicate)
    twin = duplicate(error)
    assert type(twin) is errors.InvalidArgument
    assert vars(twin) == vars(error)
