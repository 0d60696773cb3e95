"""`make bench`: measures, and prints the tables of docs/performance.md."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from bench import postgres
from bench.crms import Through, through_hubspot
from bench.http import OverHttp, over_http
from bench.pairs import Paired, interval_90
from bench.processes import Result
from bench.scenarios import Bench, Scaled, Watched, median_and_spread

_ONLY: Final = "scenarios that begin so: find, tls, log, scale, watch, crm, http, postgres"


def main() -> None:
    """Run the scenarios."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--starts", type=int, default=3, help="of the servers of each load of pairs")
    parser.add_argument("--pairs", type=int, default=15, help="of a start: a run each of leadline and the echoes")
    parser.add_argument("--pair-calls", type=int, default=600, help="of a run of a pair")
    parser.add_argument("--runs", type=int, default=5, help="of the other loads, by turns")
    parser.add_argument("--calls", type=int, default=4_000, help="of such a run")
    parser.add_argument("--only", default="", help=_ONLY)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            Path(folder),
            starts=options.starts,
            pairs=options.pairs,
            pair_calls=options.pair_calls,
            runs=options.runs,
            calls=options.calls,
        )
        tables = _tables(bench) | _crms(Path(folder), options.runs, options.calls)
        tables |= _http(Path(folder), options.runs, options.calls)
        tables |= _postgres(Path(folder), options.pairs, options.pair_calls)
        for title, scenarios in tables.items():
            wanted = [scenario for name, scenario in scenarios.items() if name.startswith(options.only)]
            if wanted:
                _print(title)
            for scenario in wanted:
                _print(scenario())


def _tables(bench: Bench) -> dict[str, dict[str, Callable[[], str]]]:
    return {
        _PAIRED: {
            **{f"find {n}": partial(_paired_row, bench.find, n) for n in (32, 1, 2, 4, 8, 128)},
            "find paced 200": lambda: _paired(bench.find(64, rate=200)),
            "tls 32": lambda: _paired(bench.find(32, tls=bench.tls_files())),
            "tls 1": lambda: _paired(bench.find(1, tls=bench.tls_files())),
            **{f"log known {n}": partial(_paired_row, bench.log_known, n) for n in (32, 8, 1)},
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


def _postgres(folder: Path, runs: int, calls: int) -> dict[str, dict[str, Callable[[], str]]]:
    scenarios = {
        "postgres find 32": postgres.find,
        "postgres log 32": postgres.log_known,
        "postgres unknown 32": postgres.log_unknown,
    }
    return {_POSTGRES: {name: partial(_beside, scenario, folder, runs, calls) for name, scenario in scenarios.items()}}


_PAIRED = """
| load | in flight | CPU figure | uvloop | CPU us | calls/s | p50 ms | p99 ms | echo/s | p50 / echo | p99 / echo | n |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
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


_POSTGRES = """
| PostgreSQL | CPU figure | uvloop | us | calls/s | p50 ms | p99 ms | its CPU us | statements | pgbench/s | CPU us |
|---|---|---|---|---|---|---|---|---|---|---|"""


def _beside(scenario: Callable[[Path, int, int, int], postgres.Beside], folder: Path, runs: int, calls: int) -> str:
    found = scenario(folder, runs, calls, 32)
    pair = found.paired
    rival = "|  |  |"
    if found.pgbench:
        rates, rivals = zip(*found.pgbench, strict=True)
        rival = f"| {_median(rates):,.0f} | {_median(rivals) * 1e6:.0f} |"
    rate, p50, p99, cpu = (
        _median([getattr(run, name) for run in pair.leadline]) for name in ("rate", "p50", "p99", "cpu_per_call")
    )
    return (
        f"| {pair.load.name} | {_interval(pair.cpu_figures)} | {_interval(pair.uvloop_figures)} | {cpu * 1e6:.0f} |"
        f" {rate:,.0f} | {p50 * 1e3:.1f} | {p99 * 1e3:.1f} | {found.database * 1e6:.0f} | {found.statements} {rival}"
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


def _paired_row(scenario: Callable[[int], Paired], in_flight: int) -> str:
    return _paired(scenario(in_flight))


def _paired(pair: Paired) -> str:
    rate, p50, p99 = (_median([getattr(run, name) for run in pair.leadline]) for name in ("rate", "p50", "p99"))
    cpu = _median([run.cpu_per_call for run in pair.leadline]) * 1e6
    in_flight = f"{pair.load.rate:.0f}/s" if pair.load.rate else pair.load.in_flight
    return (
        f"| {pair.load.name} | {in_flight} | {_interval(pair.cpu_figures)} | {_interval(pair.uvloop_figures)} |"
        f" {cpu:.0f} | {rate:,.0f} | {p50 * 1000:.2f} | {p99 * 1000:.2f} |"
        f" {_median([run.rate for run in pair.echo]):,.0f} | {_interval(pair.times(_p50))} |"
        f" {_interval(pair.times(_p99))} | {len(pair.leadline)} |"
    )


def _interval(values: Sequence[float]) -> str:
    if not values:
        return "-"
    median, low, high = interval_90(values)
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


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
