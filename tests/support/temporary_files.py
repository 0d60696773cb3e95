"""Where tests put their temporary files: in memory, where the system offers that."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - pytest and tempfile make folders of their own there
_ROOM: Final = 4 << 30  # bytes


def put_in_memory() -> None:
    """Put the temporary files of this process, and of those that it starts, in memory.

    Most tests commit to a ledger of their own, and a commit waits for the disk. Files in memory take the same system
    calls, and outlive a killed process likewise. Where TMPDIR is set, or memory lacks room or runs no programs, nothing
    changes.
    """
    if "TMPDIR" in os.environ or not _is_fit(_SHARED_MEMORY):
        return
    os.environ["TMPDIR"] = str(_SHARED_MEMORY)
    tempfile.tempdir = None  # found before, and kept


def _is_fit(folder: Path) -> bool:
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        return False
    return shutil.disk_usage(folder).free > _ROOM
