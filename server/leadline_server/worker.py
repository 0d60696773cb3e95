"""A worker's process: `leadline serve` on ports that it shares with other workers. The supervisor starts it."""

import sys

from leadline_server.config import BadSettings, load_settings
from leadline_server.serving import run
from leadline_server.workers.plan import WorkerPlan
from leadline_server.workers.worker import Worker


def main() -> None:
    """Serve as the first argument says, until SIGTERM or the end of the supervisor.

    Exit codes: 0 stopped, 2 the worker cannot start; it says why on standard error.
    """
    plan = WorkerPlan.of(sys.argv[1])
    try:
        problems = _serve(plan)
    except BadSettings as error:
        problems = error.problems
    for problem in problems:
        sys.stderr.write(f"leadline: {problem}\n")
    sys.exit(2 if problems else 0)


def _serve(plan: WorkerPlan) -> list[str]:
    settings = load_settings(plan.flags)
    worker = Worker(plan)
    problem = run(settings, worker.announce, worker)
    return [problem] if problem else []


if __name__ == "__main__":
    main()
