"""A machine on which the commands of a runbook are run."""

import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from support.documents import Step, is_shown
from support.servers import LEADLINE, ServerProcess, environment

BY_HAND: Final = "by hand"


@dataclass
class Scene:
    """A machine with a server, and what happens to it.

    Attributes:
        folder: where the commands are run.
        server: the server that they are for.
        settings: its settings, and those of the commands.
        events: what happens before a block, by the block's mark.
    """

    folder: Path
    server: ServerProcess
    settings: dict[str, str]
    events: dict[str, Callable[[], object]] = field(default_factory=dict)

    def run(self, script: str) -> str:
        """The output of the commands, with the addresses as documented. A command may fail: its output is compared."""
        script = script.replace("127.0.0.1:9464", self.server.metrics_address)
        given = self.settings | {
            "LEADLINE_LISTEN": self.server.address,
            "LEADLINE_SERVER": self.server.address,
            "PATH": f"{LEADLINE.parent}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            ["bash", "-u", "-c", script],
            cwd=self.folder,
            env=environment(given),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout.replace(self.server.address, "127.0.0.1:50051").replace(f"{self.folder}/", "")

    def check(self, document: str, steps: Iterable[Step]) -> None:
        """Run the blocks of a runbook, each after what happens before it, and compare what they print."""
        for step in steps:
            if step.mark == BY_HAND:
                continue
            if step.mark:
                self.events[step.mark]()
            printed = self.run(step.script)
            assert is_shown(printed, step.shown), (
                f"{document}:{step.line}\n{step.script}\nprints\n{printed}\nand not\n{step.shown}"
            )
