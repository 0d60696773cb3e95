"""An endpoint: one RPC from bytes to bytes.

Handlers are registered without (de)serializers, because gRPC answers a message that it cannot decode with UNKNOWN and
the text of the exception. An endpoint decodes, calls the typed servicer, encodes, bounds the time, turns errors into
statuses, measures and logs. It is built once, at registration, so that a call runs through one function.
"""

import asyncio
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias, TypeVar, cast

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from leadline_server.accounts.registry import Account, AccountRegistry
from leadline_server.auth.authenticator import Authenticator
from leadline_server.concurrency.deadline import MOST_SECONDS, work_seconds
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.errors import (
    BudgetExhausted,
    FieldViolation,
    InvalidRequest,
    LeadlineError,
    MalformedMessage,
    MessageTooLarge,
)
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.transport import status
from leadline_server.transport.admission.account_id import read_account_id
from leadline_server.transport.admission.door import NO_TIME, Admitted, CallEntry, Door
from leadline_server.transport.admission.guard import Guard, check_row
from leadline_server.transport.admission.quotas import AccountUse
from leadline_server.transport.bulk_reads import Note, note_of
from leadline_server.transport.rpc_counts import RpcCounts
from leadline_server.transport.streams import OpenStream, Streams
from leadline_server.transport.tracer import CallRecords, Tracer

MAX_MESSAGE_BYTES: Final = 1024 * 1024
"""The most bytes of a request."""

SMALL_BYTES: Final = 1024
"""Requests up to this size are decoded before they are admitted: to read the account alone would cost as much."""

OWN_BUDGET: Final = frozenset({"LogCall", "RetryCallLog"})
"""RPCs that bound their time themselves. At the end of it they answer with the call log as it is."""

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
_Behaviour: TypeAlias = Callable[[Any, Context], Coroutine[Any, Any, Message]]
_Decode: TypeAlias = Callable[[bytes], Any]
_Work: TypeAlias = Callable[[Any, Context], Coroutine[Any, Any, bytes]]
_Unary: TypeAlias = Callable[[bytes, Context], Awaitable[bytes]]
_Stream: TypeAlias = Callable[[bytes, Context], Awaitable[None]]

_Read = TypeVar("_Read")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedMethod:
    """An RPC and its endpoint.

    Attributes:
        service, name: `leadline.v1.ContactService` and `FindContact`.
        input_type, output_type: the classes of its request and its answer.
        is_stream: whether it writes any number of messages to the context.
        serve: the endpoint. It takes the request's bytes and the call's context, and returns the answer's bytes.
        counts: its counts.
        guard: finds the principal, and asks whether it may call; None while authentication is off.
    """

    service: str
    name: str
    input_type: type[Message]
    output_type: type[Message]
    is_stream: bool
    serve: Callable[[bytes, Any], Awaitable[Any]]
    counts: RpcCounts
    guard: Guard | None = None

    @property
    def handler(self) -> "grpc.RpcMethodHandler[Any, Any]":
        """The endpoint, for registration with a gRPC server."""
        if self.is_stream:
            return grpc.unary_stream_rpc_method_handler(self.serve)
        return grpc.unary_unary_rpc_method_handler(self.serve)


def served_methods(
    service: ServiceDescriptor,
    servicer: object,
    counts_of: Callable[[str], RpcCounts],
    streams: Streams,
    door: Door,
    authenticator: Authenticator | None = None,
    records: CallRecords = CallRecords(),  # noqa: B008 - a constant
) -> Sequence[ServedMethod]:
    """The RPCs of one service with their endpoints. Without an authenticator everyone may call everything.

    `records` says where bulk reads and traces of calls are recorded.
    """
    methods = []
    for method in service.methods:
        check_row(method)
        counts, entry = counts_of(method.name), door.entry(method.name)
        guard = None if authenticator is None else Guard(authenticator, method)
        note = note_of(method.name, records.observations)
        behaviour = getattr(servicer, method.name)
        served = ServedMethod(
            service=service.full_name,
            name=method.name,
            input_type=GetMessageClass(method.input_type),
            output_type=GetMessageClass(method.output_type),
            is_stream=method.server_streaming,
            serve=_stream(method, behaviour, counts, streams, entry, guard, note)
            if method.server_streaming
            else _unary(method, behaviour, counts, streams, entry, guard, note, records.tracer),
            counts=counts,
            guard=guard,
        )
        methods.append(served)
    return methods


def _unary(
    method: MethodDescriptor,
    behaviour: _Behaviour,
    counts: RpcCounts,
    streams: Streams,
    entry: CallEntry,
    guard: Guard | None,
    note: Note | None,
    tracer: Tracer | None,
) -> _Unary:
    decode = _decoder(method)
    rpc, service = method.name, method.containing_service.full_name
    if note is not None:
        behaviour = _noted(behaviour, note)
    at_once = _encoded(behaviour) if rpc in OWN_BUDGET else _bounded(behaviour)
    in_group = _answered_last(at_once)

    async def endpoint(data: bytes, context: Context) -> bytes:
        began = counts.begin()
        span = None if tracer is None else tracer.begin(service, rpc, context.invocation_metadata())
        code = status.OK
        admitted: Admitted | None = None
        try:
            if streams.are_over:
                streams.refuse()
            who = None if guard is None else guard.at_once(context, began) or await guard.authenticate(context)
            check_size(data)
            size = len(data)
            request = decode(data) if size <= SMALL_BYTES else None
            account_id = read_account_id(data) if request is None else request.account_id
            charged = account_id if who is None else who.principal.account_id or account_id
            admitted = entry.admitted_at_once(charged, size, began)
            work = at_once if admitted else in_group
            admitted = admitted or await entry.admit(charged, size, began, context.time_remaining)
            request = request or decode_for(decode, data, account_id)
            if guard is not None and who is not None:
                guard.permit(who, request)
            return await work(request, context)
        except asyncio.CancelledError:
            code = status.CANCELLED
            raise
        except Exception as error:  # noqa: BLE001 - the text of an unexpected error must not reach the caller
            answer = logged(rpc, error)
            code = answer.code.name
            counts.refused[code, answer.reason] += 1
        finally:
            if admitted is not None:
                entry.leave(admitted)
            counts.end(code, began)
            if span is not None:
                span.end(code)
                counts.traced(code, began, span.trace_id)
        return await refuse(context, answer)

    return endpoint


def _stream(
    method: MethodDescriptor,
    behaviour: Callable[..., AsyncGenerator[Message, None]],
    counts: RpcCounts,
    streams: Streams,
    entry: CallEntry,
    guard: Guard | None,
    note: Note | None,
) -> _Stream:
    decode = _decoder(method)
    rpc = method.name

    async def endpoint(data: bytes, context: Context) -> None:
        began = counts.begin()
        code = status.OK
        use: AccountUse | None = None
        try:
            if streams.are_over:
                streams.refuse()
            who = None if guard is None else guard.at_once(context, began) or await guard.authenticate(context)
            check_size(data)
            account_id = read_account_id(data)
            charged = account_id if who is None else who.principal.account_id or account_id
            use = await entry.begin_watch(charged, len(data), began)
            request = decode_for(decode, data, account_id)
            if guard is not None and who is not None:
                guard.permit(who, request)
            async with streams.opened(who) as stream, aclosing(behaviour(request, context)) as responses:
                response = await _next(responses, stream)
                if note is not None:
                    note(request, response)
                while response is not None:
                    await streams.write(context, response.SerializeToString())
                    response = await _next(responses, stream)
            return  # noqa: TRY300 - the lines below are for errors
        except asyncio.CancelledError:
            code = status.CANCELLED
            raise
        except Exception as error:  # noqa: BLE001 - the text of an unexpected error must not reach the caller
            answer = logged(rpc, error)
            code = answer.code.name
            counts.refused[code, answer.reason] += 1
        finally:
            if use is not None:
                use.watches -= 1
            counts.end(code, began)
        await refuse(context, answer)

    return endpoint


def _noted(behaviour: _Behaviour, note: Note) -> _Behaviour:
    async def noted(request: Any, context: Context) -> Message:
        response = await behaviour(request, context)
        note(request, response)
        return response

    return noted


async def _next(responses: AsyncGenerator[Message, None], stream: OpenStream) -> Message | None:
    async with stream.waiting():
        return await anext(responses, None)


def check_size(data: bytes) -> None:
    """Raise MessageTooLarge if a request has more than MAX_MESSAGE_BYTES."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(
            f"A request may have at most {MAX_MESSAGE_BYTES} bytes; this one has {len(data)}.",
            metadata={"limit": str(MAX_MESSAGE_BYTES)},
        )


def decode_for(decode: _Decode, data: bytes, account_id: str) -> Any:
    """The request of a call that was admitted for an account. Raises MalformedMessage if it is another account's."""
    request = decode(data)
    if request.account_id != account_id:
        raise MalformedMessage([FieldViolation("account_id", "It can be read in two ways.")])
    return request


def _decoder(method: MethodDescriptor) -> _Decode:
    """A function that reads the RPC's request from bytes."""
    request_type = GetMessageClass(method.input_type)
    name = method.input_type.full_name

    def decode(data: bytes) -> Any:
        try:
            return request_type.FromString(data)
        except DecodeError as error:
            raise MalformedMessage([FieldViolation("request", f"The bytes are not a {name}.")]) from error

    return decode


def _encoded(behaviour: _Behaviour) -> _Work:
    """The same behaviour, with the answer's bytes as its result."""

    async def encoded(request: Message, context: Context) -> bytes:
        response = await behaviour(request, context)
        return response.SerializeToString()

    return encoded


def _answered_last(work: _Work) -> _Work:
    """The same work for a call of a group: the answers of a group are sent after the work of all its calls."""

    async def answered_last(request: Message, context: Context) -> bytes:
        answer = await work(request, context)
        await asyncio.sleep(0)
        return answer

    return answered_last


def _bounded(behaviour: _Behaviour) -> _Work:
    """The encoded behaviour, bounded in time, with enough time left to answer DEADLINE_EXCEEDED."""

    async def bounded(request: Message, context: Context) -> bytes:
        work = behaviour(request, context)
        try:
            waits_for = work.send(None)
        except StopIteration as ended:
            return cast("bytes", ended.value.SerializeToString())  # most lookups wait for nothing, and need no timer
        try:
            async with asyncio.timeout(work_seconds(context.time_remaining(), MOST_SECONDS)) as scope:
                response = await _resumed(work, waits_for)
                return response.SerializeToString()
        except TimeoutError:
            if not scope.expired():
                raise
            raise BudgetExhausted(NO_TIME) from None

    return bounded


@types.coroutine
def _resumed(work: Coroutine[Any, Any, Message], waits_for: Any) -> Generator[Any, Any, Message]:
    """Continue a coroutine that was started and waits for a future."""
    while True:
        try:
            yield waits_for
        except BaseException as error:  # noqa: BLE001 - the coroutine handles it
            try:
                waits_for = work.throw(error)
            except StopIteration as ended:
                return cast("Message", ended.value)
        else:
            return cast("Message", (yield from work))


async def read_by_rules(
    accounts: AccountRegistry, request: Any, read: Callable[[Any, NumberingRules | None], _Read]
) -> tuple[Account, _Read]:
    """The account of a request, and the request as `read` reads it in the account's region.

    Raises:
        InvalidRequest: the request breaks a rule.
        AccountNotFound: there is no such account, and the request breaks no rule.
    """
    account = await accounts.find(request.account_id)
    wanted = read(request, None if account is None else account.rules)
    if account is None:
        raise AccountNotFound(request.account_id)
    return account, wanted


async def refuse(context: Context, answer: status.Refusal) -> NoReturn:
    """End the call with an error. Raises gRPC's exception for it."""
    await context.abort(answer.code, answer.message, answer.trailing(context.time_remaining()))


def logged(rpc: str, error: Exception) -> status.Refusal:
    """Log an error in one line, and return its status. The line has no text of the request, since that names people.

    It never raises. If the line cannot be written, a shorter one is tried, without the error's own texts.
    """
    answer = status.refusal(error)
    try:
        _log_refusal(rpc, error, answer)
    except Exception as failed:  # noqa: BLE001 - such as a text that the log's encoding does not have, or a full disk
        correlation_id = answer.metadata.get("correlation_id", "")
        with suppress(Exception):
            _log.error(
                "rpc_failed",
                rpc=rpc,
                code=answer.code.name,
                correlation_id=correlation_id,
                error=type(error).__name__,
                log_error=type(failed).__name__,
            )
    return answer


def _log_refusal(rpc: str, error: Exception, answer: status.Refusal) -> None:
    known = {"rpc": rpc, "code": answer.code.name, "reason": answer.reason}
    if "correlation_id" in answer.metadata:
        _log.error("rpc_failed", **known, correlation_id=answer.metadata["correlation_id"], exc_info=error)
    elif isinstance(error, InvalidRequest):
        _log.info("rpc_refused", **known, fields=[_loggable(violation.field) for violation in error.violations[:16]])
    elif isinstance(error, LeadlineError) and error.__cause__ is not None:
        _log.info("rpc_refused", **known, cause=type(error.__cause__).__name__)
    else:
        _log.info("rpc_refused", **known)


def _loggable(field: str) -> str:
    """A field's path without an attribute's key, which is the caller's text: `call.attributes`."""
    return field.partition('["')[0]
