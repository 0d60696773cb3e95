"""The description of an adapter in another process, and the values that leadline uses before it has one.

Capabilities must not change, and must not claim too much. But an adapter may be down when leadline starts, and may be
another version when it comes back. So:

- leadline calls an adapter only after it has described itself over the current connection within the last minute. Until
  then every method raises CrmUnavailable. Capabilities that are read before have their safest values: the longest
  times, and `finds_log_by_key`, so that a log is looked for before it is written, which then fails.
- The first description counts until leadline restarts. Further capabilities in a later one are ignored. If a later one
  takes a capability back, every method raises CrmUnavailable until leadline restarts. Calls wait, and leadline never
  relies on a guarantee that no longer holds.
"""

from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import Final

import structlog
from google.protobuf.duration_pb2 import Duration
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import capabilities_pb2

from leadline_server.concurrency.single_flight import SingleFlight
from leadline_server.crm.remote.failures import is_never_done, unusable
from leadline_server.crm.remote.names import METHODS
from leadline_server.crm.remote.wire import Wire
from leadline_server.domain.crm_errors import CrmError, CrmUnavailable
from leadline_server.ports.crm_guarantees import (
    ALL_METHODS,
    MOST_NUMBERS,
    Capabilities,
    CrmMethod,
    LookupRecall,
    NameSearch,
    RateLimit,
)

FRESH_SECONDS: Final = 60.0
"""How long a description is valid, in seconds."""

LONGEST_LAG: Final = timedelta(hours=1)
LONGEST_SETTLING: Final = timedelta(minutes=10)
ASSUMED: Final = timedelta(minutes=1)
"""The search lag or settle time of an adapter that does not declare one."""

UNDESCRIBED: Final = Capabilities(
    finds_log_by_key=True,
    enforces_unique_key=False,
    moves_log=False,
    search_lag=LONGEST_LAG,
    settle_time=LONGEST_SETTLING,
    reads_contacts=False,
    searches=NameSearch.NONE,
    has_subject=False,
    has_company=False,
)
"""The capabilities of an adapter that has not described itself yet."""

_GUARANTEES: Final = ("finds_log_by_key", "enforces_unique_key", "moves_log", "follows_moved_contacts")
_TIMES: Final = ("search_lag", "settle_time")
_RECALLS: Final[Mapping[capabilities_pb2.LookupRecall.ValueType, LookupRecall]] = {
    capabilities_pb2.LOOKUP_RECALL_FORMS_ASKED: LookupRecall.FORMS_ASKED,
    capabilities_pb2.LOOKUP_RECALL_COMPLETE: LookupRecall.COMPLETE,
}
_SEARCHES: Final[Mapping[capabilities_pb2.NameSearch.ValueType, NameSearch]] = {
    capabilities_pb2.NAME_SEARCH_NONE: NameSearch.NONE,
    capabilities_pb2.NAME_SEARCH_WORDS: NameSearch.WORDS,
    capabilities_pb2.NAME_SEARCH_SUBSTRING: NameSearch.SUBSTRING,
}

_log = structlog.get_logger(__name__)


class Description:
    """Asks an adapter for its description, once for all concurrent callers.

    Args:
        wire: sends calls to the adapter.
        name: the connection's name, for leadline's log.
    """

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire = wire
        self._name = name
        self._capabilities: Capabilities | None = None
        self._latest = pb.DescribeResponse()
        self._fresh_until = 0.0
        self._requests: SingleFlight[str, None] = SingleFlight()

    @property
    def capabilities(self) -> Capabilities:
        """The capabilities that leadline may rely on."""
        return self._capabilities or UNDESCRIBED

    @property
    def writes_fields(self) -> bool:
        """Whether the adapter writes fields of the administrator's own."""
        return self._latest.capabilities.writes_fields

    @property
    def required_fields(self) -> pb.RequiredFields | None:
        """The fields that the CRM requires and the adapter does not fill; None: it does not tell."""
        return self._latest.required_fields if self._latest.HasField("required_fields") else None

    async def ready(self) -> None:
        """Return once the adapter is connected, and has described itself.

        Raises:
            CrmError: there is no connection, or no description, or it takes capabilities back. Nothing else was sent.
        """
        if not self._wire.is_connected:
            self._fresh_until = 0.0
            await self._wire.connect()
        if monotonic() >= self._fresh_until:
            await self.ask()

    async def ask(self) -> None:
        """Ask for a description. Concurrent callers share the answer. Raises as `ready`."""
        await self._requests.run("", self._ask)

    async def close(self) -> None:
        """Cancel a pending request."""
        await self._requests.close(0.0)

    async def _ask(self) -> None:
        answer = await self._asked()
        now = self._read(answer)
        if self._capabilities is None:
            _log.info("adapter described", connection=self._name, title=answer.title, version=answer.version)
            self._capabilities = now
        elif less := _less(self._capabilities, now) + self._fields_lost(answer):
            _log.warning("adapter promises less than before", connection=self._name, promises=less)
            raise CrmUnavailable(
                f"{self._wire.title} promises less than when leadline first asked it ({', '.join(less)})."
                " Restart leadline."
            )
        self._latest = answer
        self._fresh_until = monotonic() + FRESH_SECONDS

    def _fields_lost(self, answer: pb.DescribeResponse) -> list[str]:
        return ["writes_fields"] if self.writes_fields and not answer.capabilities.writes_fields else []

    async def _asked(self) -> pb.DescribeResponse:
        try:
            return await self._wire.call("Describe", pb.DescribeRequest(), pb.DescribeResponse)
        except CrmError as error:
            if is_never_done(error):
                raise CrmUnavailable(f"{self._wire.title} does not describe itself. Is it an adapter?") from None
            raise

    def _read(self, answer: pb.DescribeResponse) -> Capabilities:
        if not answer.HasField("capabilities"):
            raise unusable(self._wire.title, "has no capabilities", is_write=False)
        try:
            return capabilities_of(answer)
        except ValueError as error:
            raise unusable(self._wire.title, f"has capabilities that cannot be: {error}", is_write=False) from error


def capabilities_of(description: pb.DescribeResponse) -> Capabilities:
    """The capabilities in a description. Raises ValueError, with the end of a sentence, if they are not valid."""
    message, names = description.capabilities, description.methods
    named = frozenset(METHODS[name] for name in names if name in METHODS)
    methods = named - {CrmMethod.DELETE_CONTACT} if names else ALL_METHODS
    return Capabilities(
        finds_log_by_key=message.finds_log_by_key and CrmMethod.FIND_CALL_LOG in methods,
        enforces_unique_key=message.enforces_unique_key,
        moves_log=message.moves_log,
        search_lag=_time(message, "search_lag", LONGEST_LAG),
        settle_time=_time(message, "settle_time", LONGEST_SETTLING),
        contact_types=tuple(message.contact_types),
        rate_limits=tuple(RateLimit(limit.requests, limit.seconds, limit.scope) for limit in message.rate_limits),
        numbers_per_lookup=_numbers(message),
        lookup_recall=_RECALLS.get(message.lookup_recall, LookupRecall.FORMS_ASKED),
        follows_moved_contacts=message.follows_moved_contacts,
        methods=methods,
        deletes_contacts=message.deletes_contacts and (not names or CrmMethod.DELETE_CONTACT in named),
        reads_contacts=message.reads_contacts,
        searches=_SEARCHES.get(message.searches, NameSearch.NONE),
        has_subject=message.has_subject,
        has_company=message.has_company,
        has_fixed_fields=message.has_fixed_fields,
    )


def capabilities_message(can: Capabilities) -> capabilities_pb2.Capabilities:
    """Capabilities as a message."""
    message = capabilities_pb2.Capabilities(
        finds_log_by_key=can.finds_log_by_key,
        enforces_unique_key=can.enforces_unique_key,
        moves_log=can.moves_log,
        contact_types=can.contact_types,
        rate_limits=[
            capabilities_pb2.RateLimit(requests=limit.requests, seconds=limit.seconds, scope=limit.scope)
            for limit in can.rate_limits
        ],
        numbers_per_lookup=can.numbers_per_lookup,
        lookup_recall=next(number for number, recall in _RECALLS.items() if recall is can.lookup_recall),
        follows_moved_contacts=can.follows_moved_contacts,
        deletes_contacts=can.deletes_contacts,
        reads_contacts=can.reads_contacts,
        searches=next(number for number, search in _SEARCHES.items() if search is can.searches),
        has_subject=can.has_subject,
        has_company=can.has_company,
        has_fixed_fields=can.has_fixed_fields,
    )
    message.search_lag.FromTimedelta(can.search_lag)
    message.settle_time.FromTimedelta(can.settle_time)
    return message


def _time(message: capabilities_pb2.Capabilities, name: str, longest: timedelta) -> timedelta:
    if not message.HasField(name):  # type: ignore[arg-type] # one of _TIMES
        return ASSUMED
    duration: Duration = getattr(message, name)
    if not 0 <= duration.seconds <= longest.total_seconds() or duration.nanos < 0:
        raise ValueError(f"{name} is not between 0 and {longest.total_seconds():.0f} seconds")
    return duration.ToTimedelta()


def _numbers(message: capabilities_pb2.Capabilities) -> int:
    if not 0 <= message.numbers_per_lookup <= MOST_NUMBERS:
        raise ValueError(f"numbers_per_lookup is not between 0 and {MOST_NUMBERS}")
    return max(1, message.numbers_per_lookup)


def _less(before: Capabilities, now: Capabilities) -> list[str]:
    """The names of capabilities that are smaller now."""
    broken = [name for name in _GUARANTEES if getattr(before, name) and not getattr(now, name)]
    if before.lookup_recall is LookupRecall.COMPLETE is not now.lookup_recall:
        broken.append("lookup_recall")
    broken += [name for name in _TIMES if getattr(now, name) > getattr(before, name)]
    return broken + sorted(before.methods - now.methods)
