"""leadline servers on the faulty CRM: what every proof by breaking things begins with."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fakes.process import TESTS, FakeProcess
from faults.http_crm.launch import CONFIG
from support.clusters import cluster
from support.servers import ServerProcess

LAUNCH: Final = (sys.executable, "-m", "faults.http_crm.launch")


@contextmanager
def serving(
    data_dir: Path,
    crm: FakeProcess,
    *,
    size: int = 1,
    before: Sequence[str] = (),
    flags: Sequence[str] = (),
    settings: dict[str, str] | None = None,
    **promises: Any,
) -> Iterator[list[ServerProcess]]:
    """Run `size` leadline servers on one data directory, whose one account has its contacts and logs in `crm`.

    Args:
        data_dir: the data directory of all.
        crm: the CRM.
        size: how many.
        before: a program to run each under, with its arguments.
        flags: of `faults.http_crm.launch`.
        settings: environment variables, whole names.
        promises: what the adapter is told of the CRM; see `HttpCrmConfig`.
    """
    variables = {
        CONFIG: json.dumps({"url": crm.url, **promises}),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH", "")])),
    }
    command = (*before, *LAUNCH, *flags)
    with cluster(data_dir, size, command=command, settings=variables | (settings or {})) as servers:
        yield servers
