"""The account of a request, read before the request is decoded."""

from typing import Final

from google.protobuf.message import DecodeError
from leadline.v1.preferences_service_pb2 import GetAccountSettingsRequest

from leadline_server.domain.errors import FieldViolation, MalformedMessage

_READER: Final = GetAccountSettingsRequest
"""A message with field 1 alone, `account_id`, as every request has it. For it all other fields are unknown."""


def read_account_id(data: bytes) -> str:
    """The `account_id` of any request: one pass over its top-level fields that decodes none of the others.

    protobuf's own parser makes the pass: it skips unknown fields and groups, and the last of several values counts.
    The content of other fields is not read, so a request may still turn out to be malformed when it is decoded.

    Raises:
        MalformedMessage: the bytes are no protobuf message, or the id is not UTF-8.
    """
    try:
        return _READER.FromString(data).account_id
    except DecodeError as error:
        raise MalformedMessage([FieldViolation("request", "The bytes are not a request of this RPC.")]) from error
