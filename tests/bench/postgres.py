"""leadline on PostgreSQL beside bare echoes, and beside `pgbench` with the statements of a call."""

import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leadline.v1 import call_log_pb2
from support.postgres import PostgresServer, postgres_server

from bench import workload
from bench.messages import write_messages
from bench.pairs import Load, Paired, run_pairs
from bench.processes import Server, leadline_server, load
from bench.scenarios import create_placeholders

CONTACTS: Final = 10_000
PGBENCH_RUNS: Final = 3
_SECONDS: Final = 5
_CAPTURED: Final = b"captured-call."
_BACKGROUND: Final = (
    "replicas",
    "audit",
    "UPDATE ledger",
    "next_attempt_time <=",
    "min(d.next",
    "blocks <> 0",
    "current_xact_id",
)
"""Parts of statements that no call waits for."""

_executed = re.compile(
    r"execute __asyncpg_\w+: (?P<sql>.*?)\n\S+ \S+ UTC \[\d+\] DETAIL:  parameters: (?P<values>.*?)\n(?=\d{4}-|\Z)",
    re.DOTALL,
)
_value = re.compile(r"\$\d+ = ('(?:[^']|'')*'|NULL)")
_rate = re.compile(r"tps = ([\d.]+)")


@dataclass(frozen=True)
class Beside:
    """A load of leadline's in pairs with the echo, what PostgreSQL took for it, and `pgbench` with its statements.

    Attributes:
        paired: leadline and the echoes.
        database: PostgreSQL's CPU seconds per call.
        statements: how many statements a call takes that is alone; 0: `pgbench` cannot repeat them.
        pgbench: how many of these a second, and PostgreSQL's CPU seconds for each, by runs.
    """

    paired: Paired
    database: float
    statements: int
    pgbench: list[tuple[float, float]]


def find(folder: Path, runs: int, calls: int, in_flight: int) -> Beside:
    """FindContact: numbers of 10,000 contacts."""

    def requests(run: int) -> list[bytes]:
        return workload.find_requests(random.Random(run).choices(range(CONTACTS), k=calls))

    return _measured(folder, Load("FindContact", workload.FIND, requests, workload.found, in_flight), runs)


def log_known(folder: Path, runs: int, calls: int, in_flight: int) -> Beside:
    """LogCall: new calls from known contacts."""
    check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_CONTACT_MATCHED)

    def requests(run: int) -> list[bytes]:
        numbers = map(workload.known_number, random.Random(run).choices(range(CONTACTS), k=calls))
        return workload.log_requests(f"known-{run}", "user", list(numbers))

    return _measured(folder, Load("LogCall, known contact", workload.LOG, requests, check, in_flight), runs)


def log_unknown(folder: Path, runs: int, calls: int, in_flight: int) -> Beside:
    """LogCall: new calls, each from an unknown number, which becomes a placeholder."""
    check = workload.logged_as(call_log_pb2.CALL_LOG_REASON_PLACEHOLDER_CREATED)

    def requests(run: int) -> list[bytes]:
        numbers = [workload.unknown_number(run * calls + index) for index in range(calls)]
        return workload.log_requests(f"unknown-{run}", workload.KEEPER, numbers)

    return _measured(folder, Load("LogCall, new unknown number", workload.LOG, requests, check, in_flight), runs)


def filled_database(server: PostgresServer, folder: Path) -> str:
    """A ledger with contacts. Returns its address."""
    url, csv = server.create(), folder / "contacts.csv"
    workload.write_contacts(csv, CONTACTS)
    command = [sys.executable, "-m", "leadline_server.cli", "contacts", "import", str(csv)]
    environment = os.environ | {"LEADLINE_LEDGER": url, "LEADLINE_DATA_DIR": str(folder / "import")}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    server.sql("VACUUM ANALYZE", url.rpartition("/")[2])
    return url


def _measured(folder: Path, wanted: Load, runs: int) -> Beside:
    with postgres_server(options={"log_parameter_max_length": "-1"}) as postgres:
        url = filled_database(postgres, folder)
        paired = Paired(wanted)
        with leadline_server(folder / "data", {"LEADLINE_LEDGER": url}) as server:
            create_placeholders(server)
            _put_in_use(postgres, url, server, wanted, folder)
            before = _cpu_seconds(postgres)
            run_pairs(paired, server, folder, range(runs), None)
            calls = sum(result.calls for result in paired.leadline) * (runs + 1) / runs  # it warms up first
            database = (_cpu_seconds(postgres) - before) / calls
        if "unknown" in wanted.name:
            return Beside(paired, database, 0, [])  # a number gets a contact once
        script = _script(postgres, folder, wanted, url)
        rivals = [_pgbench(postgres, url, script, wanted.in_flight) for _ in range(PGBENCH_RUNS)]
        return Beside(paired, database, len(script), rivals)


def _put_in_use(postgres: PostgresServer, url: str, server: Server, wanted: Load, folder: Path) -> None:
    """Make some calls, and the tables' statistics.

    A plan that was made for tables known to be empty reads them whole. Autovacuum renews such plans within a minute.
    """
    write_messages(folder / "first", wanted.requests(20_000))
    load(server, wanted.method, folder / "first", wanted.in_flight)
    postgres.sql("VACUUM ANALYZE", url.rpartition("/")[2])


def _script(postgres: PostgresServer, folder: Path, wanted: Load, url: str) -> list[tuple[str, str]]:
    """The statements of one call, and their values: PostgreSQL's log has both."""
    name, file = url.rpartition("/")[2], folder / "one"
    postgres.sql(f'ALTER DATABASE "{name}" SET log_min_duration_statement = 0')
    with leadline_server(folder / "data", {"LEADLINE_LEDGER": url}) as server:
        *others, last = wanted.requests(10_000)[:40]
        write_messages(file, others)
        load(server, wanted.method, file, 1)  # a connection prepares each statement once
        logged = len(postgres.log)
        write_messages(file, [last.replace(b"known-10000-39", _CAPTURED)])
        load(server, wanted.method, file, 1)
        shown = postgres.log[logged:]
    postgres.sql(f'ALTER DATABASE "{name}" RESET log_min_duration_statement')
    found = [(each["sql"], each["values"]) for each in _executed.finditer(shown)]
    return [each for each in found if not any(word in each[0] for word in _BACKGROUND)]


def _pgbench(
    postgres: PostgresServer, url: str, statements: Sequence[tuple[str, str]], clients: int
) -> tuple[float, float]:
    """Run a call's statements by so many clients at once, each call with an id of its own.

    Returns how many a second, and PostgreSQL's CPU seconds for each.
    """
    file = postgres.folder / "script"
    lines = ["\\set n random(1, 1000000000000)", "\\if :ready = 0"]
    lines += [f"PREPARE s{number} AS {sql.strip()};" for number, (sql, _) in enumerate(statements)]
    lines += ["\\set ready 1", "\\endif"]
    lines += [f"EXECUTE s{number}({_literals(values)});" for number, (_, values) in enumerate(statements)]
    file.write_text("\n".join(lines))
    postgres.programs.own(file)
    connection = ("-h", postgres.folder, "-p", str(postgres.port), "-U", "leadline", "-D", "ready=0")
    before = _cpu_seconds(postgres)
    shown = postgres.programs.run(
        "pgbench", "-n", *connection, "-c", str(clients), "-T", str(_SECONDS), "-f", file, url.rpartition("/")[2]
    )
    found = _rate.search(shown)
    assert found is not None, shown
    rate = float(found[1])
    return rate, (_cpu_seconds(postgres) - before) / (rate * _SECONDS)


def _literals(values: str) -> str:
    """The values of a call, with another id each time: of the call, and of its log."""
    literals = ", ".join(_value.findall(values))
    return re.sub(r"l_[0-9a-z]{20}", "l_:n", literals.replace(_CAPTURED.decode(), "c:n"))


def _cpu_seconds(postgres: PostgresServer) -> float:
    """Of all processes of a PostgreSQL server, also of those that ended."""
    assert postgres.process is not None
    pid = postgres.process.pid
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = sum(map(int, fields[13:15])) / 100
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return ended + sum(_cpu_seconds_of(each) for each in (pid, *map(int, children)))


def _cpu_seconds_of(pid: int) -> float:
    try:
        return Server("", pid).cpu_seconds()
    except OSError:  # it has just ended
        return 0.0
