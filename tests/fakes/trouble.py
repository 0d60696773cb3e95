"""The trouble that the conformance suite asks for, made by a fake."""

from collections.abc import Mapping
from typing import Any, Final

from leadline_server.testing.crm_trouble import RETRY_AFTER, Failure

from fakes.misbehaviour import Mode
from fakes.serving import FakeServer

MODES: Final[Mapping[Failure, Mode]] = {
    Failure.UNAUTHORIZED: Mode.UNAUTHORIZED,
    Failure.FORBIDDEN: Mode.FORBIDDEN,
    Failure.NOT_FOUND: Mode.NOT_FOUND,
    Failure.CONFLICT: Mode.CONFLICT,
    Failure.UNPROCESSABLE: Mode.UNPROCESSABLE,
    Failure.TELLTALE: Mode.TELLTALE,
    Failure.RATE_LIMITED: Mode.RATE_LIMITED,
    Failure.SERVER_ERROR: Mode.ERROR,
    Failure.UNAVAILABLE: Mode.UNAVAILABLE,
    Failure.HANG: Mode.HANG,
    Failure.DROPPED: Mode.DROP_AFTER_COMMIT,
    Failure.GARBAGE: Mode.GARBAGE,
    Failure.TRUNCATED: Mode.TRUNCATED,
    Failure.HTML: Mode.HTML,
    Failure.REDIRECT: Mode.REDIRECT,
}
"""How a fake fails in each way, but REFUSED, which is no answer."""


class FakeTrouble:
    """See `leadline_server.testing.crm_trouble.Trouble`.

    Args:
        fake: what fails.
        faults: switches of the fake that stay as they are meanwhile.
    """

    def __init__(self, fake: FakeServer[Any], **faults: Any) -> None:
        self._fake = fake
        self._faults = faults

    async def misbehave(self, failure: Failure, *, writes_only: bool = False, after: int = 0) -> None:
        if failure is Failure.REFUSED:
            await self._fake.misbehave(**self._faults, refuses=True)
            return
        only = "writes" if writes_only else ""
        await self._fake.misbehave(**self._faults, mode=MODES[failure], only=only, after=after, retry_after=RETRY_AFTER)

    async def recover(self) -> None:
        await self._fake.misbehave(**self._faults)

    async def redirects_followed(self) -> int:
        return self._fake.misbehaviour.followed
