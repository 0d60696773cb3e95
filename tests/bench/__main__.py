"""`make bench`: measures, and prints the table of docs/performance.md."""

import argparse
import sys
import tempfile
from pathlib import Path

from bench.scenarios import Bench, Paired, median_and_spread


def main() -> None:
    """Run the scenarios."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--calls", type=int, default=4_000, help="calls a run")
    parser.add_argument("--only", default="", help="scenarios whose name has this in it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), runs=options.runs, calls=options.calls)
        scenarios = {
            "find 32": lambda: bench.find(10_000, 32),
            "find 1": lambda: bench.find(10_000, 1),
            "known 32": lambda: bench.log_known(32),
            "known 1": lambda: bench.log_known(1),
            "unknown 32": lambda: bench.log_unknown(32),
        }
        sys.stdout.write(_HEADER)
        for name, scenario in scenarios.items():
            if options.only in name:
                sys.stdout.write(_row(scenario()))
                sys.stdout.flush()


_HEADER = """\
| load | in flight | CPU figure | calls/s | p50 ms | p99 ms | echo calls/s | p50 / echo | p99 / echo |
|---|---|---|---|---|---|---|---|---|
"""


def _row(pair: Paired) -> str:
    figure, low, high = median_and_spread(pair.cpu_ratios)
    ours = [median_and_spread([getattr(r, name) for r in pair.leadline])[0] for name in ("rate", "p50", "p99")]
    echo_rate = median_and_spread([r.rate for r in pair.echo])[0]
    p50 = median_and_spread(pair.ratios(lambda r: r.p50))[0]
    p99 = median_and_spread(pair.ratios(lambda r: r.p99))[0]
    return (
        f"| {pair.name} | {pair.in_flight} | **{figure:.2f}** ({low:.2f}-{high:.2f}) | {ours[0]:,.0f} |"
        f" {ours[1] * 1000:.2f} | {ours[2] * 1000:.2f} | {echo_rate:,.0f} | {p50:.2f} | {p99:.2f} |\n"
    )


if __name__ == "__main__":
    main()
