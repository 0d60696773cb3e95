"""The supervisor's log lines, in the form of the server's."""

import json
import sys
import time
from typing import Final

_LEVELS: Final = ("debug", "info", "warning", "error")


class Lines:
    """Writes log lines to standard error.

    Args:
        level: the lowest level to write.
        style: `console` or `json`.
    """

    def __init__(self, level: str, style: str) -> None:
        self._lowest = _LEVELS.index(level)
        self._is_json = style == "json"

    def write(self, level: str, event: str, **fields: object) -> None:
        """Write a line, such as `worker ended` with its number and exit code."""
        if _LEVELS.index(level) < self._lowest:
            return
        now = time.time()
        timestamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1_000_000):06}Z"
        if self._is_json:
            line = json.dumps({**fields, "event": event, "level": level, "timestamp": timestamp})
        else:
            line = f"{timestamp} [{level:<9}] {event:<30} " + " ".join(f"{name}={fields[name]}" for name in fields)
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
