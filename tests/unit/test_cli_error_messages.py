"""Every error has a sentence, something to do next, and an exit code."""

import json
import socket
import sys
from pathlib import Path
from typing import Final

import grpc
import pytest
from leadline import LeadlineError, errors
from leadline.errors import FieldViolation
from leadline.v1.error_reason_pb2 import ErrorReason
from leadline_server.cli import error_messages
from leadline_server.cli.command_target import CommandTarget
from leadline_server.cli.exit_codes import ExitCode

REASONS: Final = [name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys() if ErrorReason.Value(name)]  # noqa: SIM118


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CommandTarget, "is_listening", lambda _: True)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CommandTarget, "is_listening", lambda _: False)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_told_in_a_sentence_and_what_to_do_next(reason: str) -> None:
    first, advice = error_messages.for_people(
        LeadlineError(grpc.StatusCode.INTERNAL, reason, "It went wrong."), CommandTarget()
    ).split("\n")
    assert first.startswith("leadline: ")
    assert len(advice) > len("Do.")


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("code", grpc.StatusCode)
def test_an_error_that_is_grpcs_own_is_told_with_the_servers_address_or_its_code(code: grpc.StatusCode) -> None:
    first, advice = error_messages.for_people(LeadlineError(code, message="ipv4:1: refused"), CommandTarget()).split(
        "\n"
    )
    assert "127.0.0.1:50051" in first or code.name in first
    assert advice


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
def test_a_missing_server_is_named_by_its_address_whatever_the_timeout(code: grpc.StatusCode) -> None:
    error, target = LeadlineError(code, message="Deadline Exceeded"), CommandTarget(server="pbx:1", timeout=0.05)
    assert error_messages.for_people(error, target) == (
        "leadline: There is no server at pbx:1.\nStart one with `leadline serve`, or name another with --server."
    )
    assert "There is no server at pbx:1." in error_messages.as_json(error, target)


@pytest.mark.usefixtures("listening")
def test_a_server_that_is_too_slow_is_told_apart_from_one_that_is_missing() -> None:
    error = errors.DeadlineExceeded(grpc.StatusCode.DEADLINE_EXCEEDED, message="Deadline Exceeded")
    assert "did not answer within 0.05 seconds" in error_messages.for_people(error, CommandTarget(timeout=0.05))


def test_an_address_is_listening_while_its_socket_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = CommandTarget(server=f"127.0.0.1:{server.getsockname()[1]}")
        assert target.is_listening()
    assert not target.is_listening()


@pytest.mark.parametrize("server", ["unix:/run/leadline", "dns:///leadline.example:50051", "leadline"])
def test_an_address_that_only_grpc_can_read_counts_as_listening(server: str) -> None:
    assert CommandTarget(server=server).is_listening()


def test_every_field_at_fault_is_listed() -> None:
    violations = [FieldViolation("call.id", "is required"), FieldViolation("user_id", "is required")]
    error = errors.InvalidArgument(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "call.id: ...", None, violations
    )
    told = error_messages.for_people(error, CommandTarget()).splitlines()
    assert told[1:3] == ["  call.id: is required", "  user_id: is required"]


def test_a_locked_preference_is_told_with_the_command_that_unlocks_it_there() -> None:
    error = errors.FailedPrecondition(
        grpc.StatusCode.FAILED_PRECONDITION, "PREFERENCE_LOCKED", "Locked.", {"fields": "a,b"}
    )
    assert error_messages.for_people(error, CommandTarget(account="acme")).endswith(
        "leadline account set --unlock=a --unlock=b --account acme"
    )


def test_a_contact_that_exists_is_named() -> None:
    error = errors.AlreadyExists(
        grpc.StatusCode.ALREADY_EXISTS, "CONTACT_ALREADY_EXISTS", "x", {"contact_ids": "c_1,c_2"}
    )
    assert "c_1,c_2" in error_messages.for_people(error, CommandTarget())


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
    assert error_messages.exit_code(LeadlineError(code)) is expected


def test_programs_get_the_error_as_one_line_of_json() -> None:
    error = errors.NotFound(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND", "There is none.", {"account_id": "x"})
    [line] = error_messages.as_json(error, CommandTarget()).splitlines()
    told = json.loads(line)["error"]
    assert (told["code"], told["reason"], told["metadata"]) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND", {"account_id": "x"})


def test_a_suggested_command_can_be_copied_whatever_is_in_it() -> None:
    line = CommandTarget(account="a b", server="pbx:1").command("contacts", "create", "NAME", "+1 202")
    assert line == "leadline contacts create NAME '+1 202' --account 'a b' --server pbx:1"


def test_a_suggested_command_is_called_as_this_program_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "leadline"
    program.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(program), "calls", "list"])
    assert CommandTarget().command("calls", "list") == f"{program} calls list"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert CommandTarget().command("calls", "list") == "leadline calls list"
    monkeypatch.setattr(sys, "argv", ["/x/leadline_server/cli/__main__.py", "calls", "list"])
    assert CommandTarget().command("calls", "list").endswith(" -m leadline_server.cli calls list")
