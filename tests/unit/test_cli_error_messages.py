"""Every error has a sentence, something to do next, and an exit code."""

import io
import json
from typing import Any, Final, cast

import grpc
import pytest
from leadline import Client, LeadlineError, errors
from leadline.errors import FieldViolation
from leadline.v1.error_reason_pb2 import ErrorReason
from leadline_server.cli import error_messages
from leadline_server.cli.error_messages import ExitCode
from leadline_server.cli.session import Session
from rich.console import Console

REASONS: Final = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys() if ErrorReason.Value(name)]  # noqa: SIM118


def session(**other: Any) -> Session:
    values: dict[str, Any] = {"server": "127.0.0.1:50051", "account": "demo", "timeout": 10.0, "as_json": False} | other
    return Session(client=cast("Client", None), console=Console(file=io.StringIO()), **values)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_told_in_a_sentence_and_what_to_do_next(reason: str) -> None:
    first, advice = failures.told(LeadlineError(grpc.StatusCode.INTERNAL, reason, "It went wrong."), session()).split(
        "\n"
    )
    assert first.startswith("leadline: ")
    assert len(advice) > len("Do.")


@pytest.mark.parametrize("code", grpc.StatusCode)
def test_an_error_that_is_grpcs_own_is_told_with_the_servers_address_or_its_code(code: grpc.StatusCode) -> None:
    first, advice = failures.told(LeadlineError(code, message="ipv4:1: refused"), session()).split("\n")
    assert "127.0.0.1:50051" in first or code.name in first
    assert advice


def test_a_server_that_is_not_there_is_asked_about_by_its_address() -> None:
    error = errors.Unavailable(grpc.StatusCode.UNAVAILABLE, message="failed to connect to all addresses")
    assert failures.told(error, session(server="pbx:1")) == (
        "leadline: No server can be reached at pbx:1.\nIs `leadline serve` running there? --server names another."
    )


def test_every_field_at_fault_is_listed() -> None:
    violations = [FieldViolation("call.id", "is required"), FieldViolation("user_id", "is required")]
    error = errors.InvalidArgument(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "call.id: ...", None, violations
    )
    assert failures.told(error, session()).splitlines()[1:3] == ["  call.id: is required", "  user_id: is required"]


def test_a_locked_preference_is_told_with_the_command_that_unlocks_it_there() -> None:
    error = errors.FailedPrecondition(
        grpc.StatusCode.FAILED_PRECONDITION, "PREFERENCE_LOCKED", "Locked.", {"fields": "a,b"}
    )
    assert failures.told(error, session(account="acme")).endswith(
        "leadline account set --unlock=a --unlock=b --account acme"
    )


def test_a_contact_that_exists_is_named() -> None:
    error = errors.AlreadyExists(
        grpc.StatusCode.ALREADY_EXISTS, "CONTACT_ALREADY_EXISTS", "x", {"contact_ids": "c_1,c_2"}
    )
    assert "c_1,c_2" in failures.told(error, session())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, ExitCode.USAGE),
        (grpc.StatusCode.OUT_OF_RANGE, ExitCode.USAGE),
        (grpc.StatusCode.NOT_FOUND, ExitCode.NOT_FOUND),
        (grpc.StatusCode.UNAVAILABLE, ExitCode.CANNOT_TELL),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ExitCode.CANNOT_TELL),
        (grpc.StatusCode.ALREADY_EXISTS, ExitCode.REFUSED),
        (grpc.StatusCode.FAILED_PRECONDITION, ExitCode.REFUSED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ExitCode.REFUSED),
        (grpc.StatusCode.INTERNAL, ExitCode.REFUSED),
    ],
)
def test_the_exit_code_tells_kinds_of_failure_apart(code: grpc.StatusCode, expected: ExitCode) -> None:
    assert failures.exit_code(LeadlineError(code)) is expected


def test_programs_get_the_error_as_one_line_of_json() -> None:
    error = errors.NotFound(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "There is none.", {"account_id": "x"})
    [line] = failures.as_json(error, session()).splitlines()
    told = json.loads(line)["error"]
    assert (told["code"], told["reason"], told["metadata"]) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND", {"account_id": "x"})


def test_a_suggested_command_can_be_copied_whatever_is_in_it() -> None:
    line = session(account="a b", server="pbx:1").command("contacts", "create", "NAME", "+1 202")
    assert line == "leadline contacts create NAME '+1 202' --account 'a b' --server pbx:1"
