"""What an adapter promises, as it says itself, and what leadline reckons with until it has said it.

Capabilities have to be constant, and must not flatter; an adapter in another process can be away when leadline starts,
and can be another one when it comes back. So:

- Nothing is asked of an adapter that has not described itself over this very connection, and lately. Until then every
  operation is CrmUnavailable, and promises are of no consequence but for those that are read beforehand. For these the
  safest value stands in: times are the longest that can be declared, and a log is looked for before it is written,
  which then fails like everything.
- What it says first holds from then on. If it promises more later, that is not made use of before a restart. If it
  promises less, every operation is CrmUnavailable until there is a restart: calls wait, and nothing is done on the
  strength of a promise that is no longer kept.
"""

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Final

import structlog
from google.protobuf.duration_pb2 import Duration
from leadline.adapter.v1 import adapter_service_pb2 as pb
from leadline.adapter.v1 import capabilities_pb2

from leadline_server.crm.remote.failures import is_never_done, unusable
from leadline_server.crm.remote.names import METHODS
from leadline_server.crm.remote.wire import Wire
from leadline_server.domain.errors import CrmError, CrmUnavailable
from leadline_server.ports.crm import ALL_METHODS, MOST_NUMBERS, Capabilities, CrmMethod, RateLimit

FRESH_SECONDS: Final = 60.0
"""How long a description holds until it is asked for again."""

LONGEST_LAG: Final = timedelta(hours=1)
LONGEST_SETTLING: Final = timedelta(minutes=10)
ASSUMED: Final = timedelta(minutes=1)
"""What leadline reckons with where an adapter does not say how long its index lags, or a write takes to settle."""

UNDESCRIBED: Final = Capabilities(
    finds_log_by_key=True,
    enforces_unique_key=False,
    moves_log=False,
    search_lag=LONGEST_LAG,
    settle_time=LONGEST_SETTLING,
)
"""Until the adapter has described itself."""

_PROMISES: Final = ("finds_log_by_key", "enforces_unique_key", "moves_log")
_TIMES: Final = ("search_lag", "settle_time")

_log = structlog.get_logger(__name__)


class Description:
    """Asks an adapter for its description, for all who need it at once.

    Args:
        wire: the way to the adapter.
        name: of the connection, for leadline's log.
    """

    def __init__(self, wire: Wire, name: str) -> None:
        self._wire = wire
        self._name = name
        self._capabilities: Capabilities | None = None
        self._fresh_until = 0.0
        self._asking: asyncio.Task[None] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What leadline may reckon with."""
        return self._capabilities or UNDESCRIBED

    async def ready(self) -> None:
        """Return once the adapter is connected, and has described itself.

        Raises:
            CrmError: it cannot be reached, does not describe itself, or promises less than it did. Nothing was sent.
        """
        if not self._wire.is_connected:
            self._fresh_until = 0.0
            await self._wire.connect()
        if monotonic() >= self._fresh_until:
            await self.ask()

    async def ask(self) -> None:
        """Have it describe itself; who asks meanwhile shares the answer. Raises as `ready`."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_seen)
        await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> None:
        answer = await self._asked()
        now = self._read(answer)
        if self._capabilities is None:
            _log.info("adapter described", connection=self._name, title=answer.title, version=answer.version)
            self._capabilities = now
        elif less := _less(self._capabilities, now):
            _log.warning("adapter promises less than before", connection=self._name, promises=less)
            raise CrmUnavailable(
                f"{self._wire.title} promises less than when leadline first asked it ({', '.join(less)})."
                " Restart leadline."
            )
        self._fresh_until = monotonic() + FRESH_SECONDS

    async def _asked(self) -> pb.DescribeResponse:
        try:
            return await self._wire.call("Describe", pb.DescribeRequest(), pb.DescribeResponse)
        except CrmError as error:
            if is_never_done(error):
                raise CrmUnavailable(f"{self._wire.title} does not describe itself: is there one?") from None
            raise

    def _read(self, answer: pb.DescribeResponse) -> Capabilities:
        if not answer.HasField("capabilities"):
            raise unusable(self._wire.title, "describes nothing", is_write=False)
        try:
            return capabilities_of(answer)
        except ValueError as error:
            raise unusable(self._wire.title, f"promises what cannot be: {error}", is_write=False) from error


def capabilities_of(description: pb.DescribeResponse) -> Capabilities:
    """What a description declares. Raises ValueError, with a sentence's end, if that cannot be."""
    message, names = description.capabilities, description.methods
    methods = frozenset(METHODS[name] for name in names if name in METHODS) if names else ALL_METHODS
    return Capabilities(
        finds_log_by_key=message.finds_log_by_key and CrmMethod.FIND_CALL_LOG in methods,
        enforces_unique_key=message.enforces_unique_key,
        moves_log=message.moves_log,
        search_lag=_time(message, "search_lag", LONGEST_LAG),
        settle_time=_time(message, "settle_time", LONGEST_SETTLING),
        contact_types=tuple(message.contact_types),
        rate_limits=tuple(RateLimit(limit.requests, limit.seconds, limit.scope) for limit in message.rate_limits),
        numbers_per_lookup=_numbers(message),
        methods=methods,
    )


def capabilities_message(can: Capabilities) -> capabilities_pb2.Capabilities:
    """What an adapter declares, as a message."""
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
    )
    message.search_lag.FromTimedelta(can.search_lag)
    message.settle_time.FromTimedelta(can.settle_time)
    return message


def _time(message: capabilities_pb2.Capabilities, name: str, longest: timedelta) -> timedelta:
    if not message.HasField(name):  # type: ignore[arg-type] # one of _TIMES
        return ASSUMED
    duration: Duration = getattr(message, name)
    if not 0 <= duration.seconds <= longest.total_seconds() or duration.nanos < 0:
        raise ValueError(f"{name} is not between nothing and {longest.total_seconds():.0f} seconds")
    return duration.ToTimedelta()


def _numbers(message: capabilities_pb2.Capabilities) -> int:
    if not 0 <= message.numbers_per_lookup <= MOST_NUMBERS:
        raise ValueError(f"numbers_per_lookup is not between 0 and {MOST_NUMBERS}")
    return max(1, message.numbers_per_lookup)


def _less(before: Capabilities, now: Capabilities) -> list[str]:
    """The names of promises that are smaller now."""
    broken = [name for name in _PROMISES if getattr(before, name) and not getattr(now, name)]
    broken += [name for name in _TIMES if getattr(now, name) > getattr(before, name)]
    return broken + sorted(before.methods - now.methods)


def _seen(task: asyncio.Task[None]) -> None:
    """Its failure was of interest to nobody, if nobody waits any more."""
    if not task.cancelled():
        task.exception()
