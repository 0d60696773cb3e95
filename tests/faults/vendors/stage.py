"""leadline servers connected to a vendor's fake by a configuration file, as an administrator would."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fakes.connections import write_toml
from fakes.process import FakeProcess
from fakes.written import Written
from support.clusters import cluster
from support.servers import ServerProcess

# The delays of the fakes. Without a property for the call's id some find a log by a search, which lags too.
INDEX_LAG: Final = 0.5
SEARCH_LAG: Final = 0.8
SETTLE: Final = 1.5
_ACCOUNT: Final = "demo/"


@contextmanager
def serving(data_dir: Path, crm: FakeProcess, *, size: int = 1, **more: Any) -> Iterator[list[ServerProcess]]:
    """Run `size` servers on one data directory, whose one account is connected to `crm`; `more` are its options."""
    times = {"search_lag_seconds": SEARCH_LAG, "settle_seconds": SETTLE}
    config = write_toml(data_dir.with_suffix(".toml"), crm.vendor, crm.url, **times | more)
    with cluster(data_dir, size, settings={"LEADLINE_CONFIG": str(config)}) as servers:
        yield servers


def written_of(crm: FakeProcess) -> Written:
    """All that was ever written to a vendor's fake, the logs by call id instead of leadline's key."""
    written = crm.written()
    of_account = Written(contacts=written.contacts)
    of_account.logs.update({key.removeprefix(_ACCOUNT): logs for key, logs in written.logs.items()})
    of_account.steps.update({key.removeprefix(_ACCOUNT): steps for key, steps in written.steps.items()})
    return of_account
