"""A worker's process: `leadline serve` on ports that it shares with other workers. The supervisor starts it."""

import gc
import sys


def main() -> None:
    """Serve as the first argument says, until SIGTERM or the end of the supervisor.

    Exit codes: 0 stopped, 2 the worker cannot start; it says why on standard error.
    """
    gc.disable()  # until the server is open, see `tune_garbage_collector`
    problems = _serve(sys.argv[1])
    for problem in problems:
        sys.stderr.write(f"leadline: {problem}\n")
    sys.exit(2 if problems else 0)


def _serve(text: str) -> list[str]:
    """Serve by the plan of this text. Returns why the worker could not start."""
    from leadline_server.config_loading import BadSettings, load_settings
    from leadline_server.serving import run
    from leadline_server.workers.plan import WorkerPlan
    from leadline_server.workers.worker import Worker

    plan = WorkerPlan.of(text)
    try:
        settings = load_settings(plan.flags)
    except BadSettings as error:
        return error.problems
    worker = Worker(plan)
    problem = run(settings, worker.announce, worker)
    return [problem] if problem else []


if __name__ == "__main__":
    main()
