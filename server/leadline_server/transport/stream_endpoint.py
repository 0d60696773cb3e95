"""An endpoint that streams: one request, and messages until the caller or the server ends it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from leadline_server.transport import status
from leadline_server.transport.admission.account_id import read_account_id
from leadline_server.transport.admission.door import AccountUse, CallEntry
from leadline_server.transport.admission.guard import Guard
from leadline_server.transport.bulk_reads import Note
from leadline_server.transport.context import Context
from leadline_server.transport.endpoint import check_size, decode_for, decoder_of
from leadline_server.transport.refusals import logged, refuse
from leadline_server.transport.rpc_counts import RpcCounts
from leadline_server.transport.streams import OpenStream, Streams

StreamEndpoint: TypeAlias = Callable[[bytes, Context], Awaitable[None]]


def stream_endpoint(
    method: MethodDescriptor,
    behaviour: Callable[..., AsyncGenerator[Message, None]],
    counts: RpcCounts,
    streams: Streams,
    entry: CallEntry,
    guard: Guard | None,
    note: Note | None,
) -> StreamEndpoint:
    """The endpoint of an RPC with any number of messages."""
    decode = decoder_of(method)
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
                guard.permit(who, request, account_id)
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


async def _next(responses: AsyncGenerator[Message, None], stream: OpenStream) -> Message | None:
    async with stream.waiting():
        return await anext(responses, None)
