"""`make bench`: measures, and prints the tables of docs/performance.md."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.crms import Through, through_hubspot
from bench.http import OverHttp, over_http
from bench.processes import Result
from bench.scenarios import Bench, Paired, Scaled, Watched, median_and_spread


def main() -> None:
    """Run the scenarios."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--runs", type=int, default=5, help="of each load, by turns")
    parser.add_argument("--calls", type=int, default=4_000, help="of a run")
    parser.add_argument(
        "--only", default="", help="those whose name begins so: find, log, scale, watch, crm, http, workers"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), runs=options.runs, calls=options.calls)
        tables = _tables(bench) | _crms(Path(folder), options.runs, options.calls)
        tables |= _http(Path(folder), options.runs, options.calls)
        tables |= {_BY_WORKERS: {"workers": lambda: _by_workers(bench.by_workers((1, 2)))}}
        for title, scenarios in tables.items():
            wanted = [scenario for name, scenario in scenarios.items() if name.startswith(options.only)]
            if wanted:
                _print(title)
            for scenario in wanted:
                _print(scenario())


def _tables(bench: Bench) -> dict[str, dict[str, Callable[[], str]]]:
    return {
        _PAIRED: {
            "find 32": lambda: _paired(bench.find(32)),
            "find 1": lambda: _paired(bench.find(1)),
            "log known 32": lambda: _paired(bench.log_known(32)),
            "log known 1": lambda: _paired(bench.log_known(1)),
            "log unknown 32": lambda: _paired(bench.log_unknown(32)),
        },
        _SCALED: {
            "scale 32": lambda: _scaled(bench.scale(32)),
            "scale 1": lambda: _scaled(bench.scale(1)),
        },
        _WATCHED: {
            "watch one": lambda: _watched(bench.watched(1_000, 0, rate=200, seconds=5, pairs=1)),
            "watch many": lambda: _watched(bench.watched(1_000, 1_000, rate=200, seconds=20, pairs=bench.runs)),
        },
    }


def _crms(folder: Path, runs: int, calls: int) -> dict[str, dict[str, Callable[[], str]]]:
    def through(rate: float = 0) -> str:
        return _through(through_hubspot(folder, runs=runs, calls=calls, in_flight=500, latency=0.05, rate=rate))

    return {_THROUGH: {"crm paced": lambda: through(200), "crm 500": through}}


def _http(folder: Path, runs: int, calls: int) -> dict[str, dict[str, Callable[[], str]]]:
    return {_OVER_HTTP: {"http 32": lambda: _over_http(over_http(folder, runs=runs, calls=calls, in_flight=32))}}


_PAIRED = """
| load | in flight | CPU figure | calls/s | p50 ms | p99 ms | echo calls/s | p50 / echo | p99 / echo |
|---|---|---|---|---|---|---|---|---|"""
_SCALED = """
| FindContact at 1,000,000 contacts against 1,000 | CPU per call | p50 | memory after |
|---|---|---|---|"""
_WATCHED = """
| watchers | logs a message | calls | calls/s | saw all | late s | LogCall p99 ms | beside | ratio | CPU ms | beside |
|---|---|---|---|---|---|---|---|---|---|---|"""
_THROUGH = """
| FindContact through | in flight | calls/s | p50 ms | p99 ms | CPU ms | straight calls/s | p50 ms | ratio | echo p50 |
|---|---|---|---|---|---|---|---|---|---|"""


_OVER_HTTP = """
| load | in flight | CPU us | echo CPU us | to the echo | gRPC CPU us | to gRPC | calls/s | p50 ms | p99 ms |
|---|---|---|---|---|---|---|---|---|---|"""


_BY_WORKERS = """
| load | workers | calls/s | p50 ms | p99 ms | server CPU us |
|---|---|---|---|---|---|"""


def _by_workers(found: dict[str, dict[int, list[Result]]]) -> str:
    return "\n".join(
        f"| {method.rpartition('/')[2]} | {number} | {_spread([run.rate for run in runs])} |"
        f" {_median([run.p50 for run in runs]) * 1000:.1f} | {_median([run.p99 for run in runs]) * 1000:.1f} |"
        f" {_median([run.cpu_per_call for run in runs]) * 1e6:.0f} |"
        for method, by_number in found.items()
        for number, runs in by_number.items()
    )


def _over_http(found: OverHttp) -> str:
    cpus = [_median([run.cpu_per_call for run in runs]) * 1e6 for runs in (found.json, found.echo, found.grpc)]
    rate, p50, p99 = (_median([getattr(run, name) for run in found.json]) for name in ("rate", "p50", "p99"))
    return (
        f"| FindContact as JSON | {found.in_flight} | {cpus[0]:.0f} | {cpus[1]:.0f} | {_spread(found.to_echo)} |"
        f" {cpus[2]:.0f} | {_spread(found.to_grpc)} | {rate:,.0f} | {p50 * 1000:.2f} | {p99 * 1000:.2f} |"
    )


def _through(through: Through) -> str:
    names = ("rate", "p50", "p99", "cpu_per_call")
    rate, p50, p99, cpu = (_median([getattr(run, name) for run in through.leadline]) for name in names)
    return (
        f"| {through.name} | {through.in_flight} | {rate:,.0f} | {p50 * 1000:.0f} | {p99 * 1000:.0f} |"
        f" {cpu * 1000:.2f} |"
        f" {_median([run.rate for run in through.straight]):,.0f} |"
        f" {_median([run.p50 for run in through.straight]) * 1000:.0f} | {_spread(through.ratios)} |"
        f" {_median([run.p50 for run in through.echo]) * 1000:.0f} |"
    )


def _paired(pair: Paired) -> str:
    rate, p50, p99 = (_median([getattr(run, name) for run in pair.leadline]) for name in ("rate", "p50", "p99"))
    return (
        f"| {pair.name} | {pair.in_flight} | {_spread(pair.cpu_ratios)} | {rate:,.0f} |"
        f" {p50 * 1000:.2f} | {p99 * 1000:.2f} | {_median([run.rate for run in pair.echo]):,.0f} |"
        f" {_spread(pair.ratios(_p50))} | {_spread(pair.ratios(_p99))} |"
    )


def _scaled(scaled: Scaled) -> str:
    return (
        f"| {scaled.in_flight} in flight | {_spread(scaled.ratios(lambda run: run.cpu_per_call))} |"
        f" {_spread(scaled.ratios(_p50))} | {scaled.resident_bytes / 1e6:.0f} MB |"
    )


def _watched(watched: Watched) -> str:
    alone, beside = (_median([run.p99 for run in runs]) * 1000 for runs in (watched.alone, watched.beside))
    cpus = [_median([run.cpu_per_call for run in runs]) * 1000 for runs in (watched.alone, watched.beside)]
    return (
        f"| {watched.watchers:,} | {max(1, watched.at_once):,} | {watched.calls:,} | {watched.rate:.0f} |"
        f" {watched.complete:,} | {watched.late:.1f} | {alone:.1f} | {beside:.1f} | {_spread(watched.slower)} |"
        f" {cpus[0]:.2f} | {cpus[1]:.2f} |"
    )


def _p50(run: Result) -> float:
    return run.p50


def _p99(run: Result) -> float:
    return run.p99


def _median(values: Sequence[float]) -> float:
    return median_and_spread(values)[0]


def _spread(values: Sequence[float]) -> str:
    middle, least, most = median_and_spread(values)
    return f"{middle:.2f} ({least:.2f}-{most:.2f})"


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
