"""An endpoint: one RPC from bytes to bytes.

Handlers are registered without (de)serializers, because gRPC answers a message that it cannot decode with UNKNOWN and
the text of the exception. An endpoint decodes, calls the typed servicer, encodes, bounds the time, turns errors into
statuses, measures and logs. It is built once, at registration, so that a call runs through one function.
"""

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, TypeAlias, TypeVar, cast

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from leadline_server.accounts.registry import Account, AccountRegistry
from leadline_server.concurrency.deadline import MOST_SECONDS, work_seconds
from leadline_server.domain.account_errors import AccountNotFound
from leadline_server.domain.errors import (
    BudgetExhausted,
    FieldViolation,
    MalformedMessage,
    MessageTooLarge,
)
from leadline_server.domain.numbers.numbering_rules import NumberingRules
from leadline_server.transport import status
from leadline_server.transport.admission.account_id import read_account_id
from leadline_server.transport.admission.door import NO_TIME, Admitted, CallEntry
from leadline_server.transport.admission.guard import Guard
from leadline_server.transport.bulk_reads import Note
from leadline_server.transport.context import Context
from leadline_server.transport.refusals import logged, refuse
from leadline_server.transport.rpc_counts import RpcCounts
from leadline_server.transport.streams import Streams
from leadline_server.transport.tracer import Tracer

MAX_MESSAGE_BYTES: Final = 1024 * 1024
"""The most bytes of a request."""
SMALL_BYTES: Final = 1024
"""Requests up to this size are decoded before they are admitted: to read the account alone would cost as much."""
Decode: TypeAlias = Callable[[bytes], Any]


def check_size(data: bytes) -> None:
    """Raise MessageTooLarge if a request has more than MAX_MESSAGE_BYTES."""
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(
            f"A request may have at most {MAX_MESSAGE_BYTES} bytes; this one has {len(data)}.",
            metadata={"limit": str(MAX_MESSAGE_BYTES)},
        )


def decode_for(decode: Decode, data: bytes, account_id: str) -> Any:
    """The request of a call that was admitted for an account. Raises MalformedMessage if it is another account's."""
    request = decode(data)
    if request.account_id != account_id:
        raise MalformedMessage([FieldViolation("account_id", "It can be read in two ways.")])
    return request


def decoder_of(method: MethodDescriptor) -> Decode:
    """A function that reads the RPC's request from bytes."""
    request_type = GetMessageClass(method.input_type)
    name = method.input_type.full_name

    def decode(data: bytes) -> Any:
        try:
            return request_type.FromString(data)
        except DecodeError as error:
            raise MalformedMessage([FieldViolation("request", f"The bytes are not a {name}.")]) from error

    return decode


OWN_BUDGET: Final = frozenset({"LogCall", "RetryCallLog"})
"""RPCs that bound their time themselves. At the end of it they answer with the call log as it is."""

_Behaviour: TypeAlias = Callable[[Any, Context], Coroutine[Any, Any, Message]]
_Work: TypeAlias = Callable[[Any, Context], Coroutine[Any, Any, bytes]]
UnaryEndpoint: TypeAlias = Callable[[bytes, Context], Awaitable[bytes]]
_Read = TypeVar("_Read")


def unary_endpoint(
    method: MethodDescriptor,
    behaviour: _Behaviour,
    counts: RpcCounts,
    streams: Streams,
    entry: CallEntry,
    guard: Guard | None,
    note: Note | None,
    tracer: Tracer | None,
) -> UnaryEndpoint:
    """The endpoint of an RPC with one answer."""
    decode = decoder_of(method)
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
                guard.permit(who, request, account_id)
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


def _noted(behaviour: _Behaviour, note: Note) -> _Behaviour:
    async def noted(request: Any, context: Context) -> Message:
        response = await behaviour(request, context)
        note(request, response)
        return response

    return noted


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
