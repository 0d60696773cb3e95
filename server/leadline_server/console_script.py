"""The console script `leadline`, started with few pauses of the garbage collector."""

import gc
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Modules that are imported make no garbage. Looking for it took a seventh of the processor time of a server's
    start; looking once more at the end of the process took as much. So it is looked for while a command runs only.

    Args:
        arguments: put before those of the process, `["serve"]`.
    """
    gc.disable()
    from leadline_server.cli import main as run_command

    gc.enable()
    try:
        run_command(arguments)
    finally:
        gc.freeze()
