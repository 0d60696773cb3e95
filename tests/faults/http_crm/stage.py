"""leadline servers on the faulty CRM: what every proof by breaking things begins with."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from fakes.process import TESTS, FakeProcess
from faults.http_crm.launch import CONFIG
from support import forked_commands
from support.clusters import cluster, command
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
    variables = {CONFIG: json.dumps({"url": crm.url, **promises}), **(settings or {})}
    if before:
        variables |= {"PYTHONPATH": os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH", "")]))}
    start = command(*before, *LAUNCH, *flags) if before else partial(_forked, flags)
    with cluster(data_dir, size, start=start, settings=variables) as servers:
        yield servers


def _forked(
    flags: Sequence[str], variables: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes]
) -> forked_commands.ForkedProcess:
    return forked_commands.fork([*flags], variables, stdout, stderr, forked_commands.FAULTY_SERVER)
