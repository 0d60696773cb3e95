"""How the ledger writes domain objects: compact JSON documents, and times as integers.

Documents outlive the code that wrote them. A field that is missing takes its default, so every field that is added to
a stored class needs one; a field that the class no longer has is passed over.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

import msgspec

from leadline_server.domain.call_log import CallLog
from leadline_server.domain.contact import Contact
from leadline_server.domain.directory import User
from leadline_server.domain.errors import LedgerUnavailable
from leadline_server.domain.preferences import AccountSettings, Preferences

T = TypeVar("T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Codec(Generic[T]):
    """Encodes and decodes the documents of one class. Safe to use from several threads.

    Defaults are written too: leaving them out makes a call log a fifth smaller, and twice as slow to write and read.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)
        self.encode: Callable[[T], bytes] = msgspec.json.Encoder().encode
        """Makes the document for a value: JSON in UTF-8."""

    def decode(self, document: bytes | str) -> T:
        """The object in `document`. Raises LedgerUnavailable for a damaged document, or one of a newer leadline."""
        try:
            return self._decoder.decode(document)
        except msgspec.MsgspecError as error:
            raise LedgerUnavailable(
                f"A stored {self._kind.__name__} cannot be read: it is damaged, or a newer leadline wrote it."
            ) from error


SETTINGS: Final = Codec(AccountSettings)
PREFERENCES: Final = Codec(Preferences)
CALL_LOG: Final = Codec(CallLog)
CONTACT: Final = Codec(Contact)
USER: Final = Codec(User)


def to_microseconds(time: datetime) -> int:
    """`time`, which has a time zone, as microseconds since 1970 in UTC. Exact."""
    return (time - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The time in UTC that is `microseconds` after 1970 began."""
    return _EPOCH + timedelta(microseconds=microseconds)
