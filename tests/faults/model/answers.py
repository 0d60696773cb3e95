"""The answers of RPCs."""

from collections.abc import Mapping
from typing import Any

import grpc
from transport.serving import read_refusal


def code_of(answer: Any) -> str:
    """The code of an answer; LATER where there is none yet."""
    if answer is None:
        return "LATER"
    return str(answer.code().name) if isinstance(answer, grpc.aio.AioRpcError) else "OK"


def metadata_of(answer: Any) -> Mapping[str, str]:
    """The metadata of an error's ErrorInfo."""
    return dict(read_refusal(answer).info.metadata)
