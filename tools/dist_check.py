"""Install each package of `dist/` alone in an empty environment, and log a call there.

    python tools/dist_check.py                       with the Python that runs this
    python tools/dist_check.py python3.12 python3.13 with these, each in turn
    python tools/dist_check.py --lowest              with the oldest packages that are allowed (needs uv)

For each Python: the client alone from the wheel and from the sdist, and the server with each extra, each in an
environment of its own. Server and client both log a call. uv installs if it is there, since it is much faster, and
otherwise pip.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DIST: Final = ROOT / "dist"
VARIANTS: Final[Mapping[str, Sequence[str]]] = {
    "wheel server": (),
    "wheel server,http": ("connectrpc", "uvicorn"),
    "wheel server,postgres": ("asyncpg",),
    "wheel server,otel": ("opentelemetry.sdk",),
    "wheel server,http,postgres,otel": ("uvicorn", "asyncpg", "opentelemetry.sdk"),
    "sdist server": (),
}
"""The packages that are installed, and the modules that must be there besides."""

LOG_A_CALL: Final = """
import sys
from leadline import Client
with Client(sys.argv[1], account="demo", user="alice") as client:
    client.create_contact("Ann Example", "+12025550123")
    print(client.log_call(id="call-1", direction="INBOUND", caller="202-555-0123").contact.name)
"""

START_SECONDS: Final = 60.0


def main() -> int:
    """Check every variant; the exit code is 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="*", default=[sys.executable], help="the interpreters; by default this one")
    parser.add_argument("--lowest", action="store_true", help="install the oldest packages that are allowed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        failed = [
            variant
            for python in arguments.pythons
            for variant in checked(python, Path(tempfile.mkdtemp(dir=folder)), is_lowest=arguments.lowest)
        ]
    return 1 if failed else 0


def checked(python: str, folder: Path, *, is_lowest: bool) -> Iterator[str]:
    """Print the result of each variant; yield those that failed."""
    for variant, modules in VARIANTS.items():
        began = time.monotonic()
        try:
            _check(python, folder / "venv", variant, modules, is_lowest=is_lowest)
            result = "a call logged"
        except (subprocess.CalledProcessError, TimeoutError) as error:
            result = f"FAILED: {error} {getattr(error, 'stderr', '') or ''}"
            yield variant
        print(
            f"{Path(python).resolve().parent.parent.name} {variant}: {result}, {time.monotonic() - began:.0f} s",
            flush=True,
        )


def _check(python: str, venv: Path, variant: str, modules: Sequence[str], *, is_lowest: bool) -> None:
    """Install a variant, and log a call at its server: by its command, and by a client that is installed alone."""
    kind, extras = variant.split()
    served = _installed(python, venv, f"{_file(kind)}[{extras}]", is_lowest=is_lowest)
    _run(served / "python", "-c", "; ".join(["import leadline_server.app", *(f"import {name}" for name in modules)]))
    alone = venv.with_name(f"client-{kind}") / "bin"
    if not alone.exists():
        _installed(python, alone.parent, str(_file(kind)), is_lowest=is_lowest)
    with _server(served, venv.with_name("data")) as address:
        report = ("--user", "alice", "--id", "call-0", "--direction", "inbound", "--caller", "+12025550123", "--json")
        if "CALL_LOG_STATE_UNLOGGED" not in _run(served / "leadline", "calls", "log", "--server", address, *report):
            raise TimeoutError("The command did not report the call.")
        said = _run(alone / "python", "-c", LOG_A_CALL, address)
        if said != "Ann Example\n":
            raise TimeoutError(f"The client said {said!r}.")


def _file(kind: str) -> Path:
    pattern = "leadline-*.whl" if kind == "wheel" else "leadline-*.tar.gz"
    (found,) = DIST.glob(pattern)
    return found


def _installed(python: str, venv: Path, package: str, *, is_lowest: bool) -> Path:
    """The `bin` of a fresh environment that has a package and what it needs."""
    shutil.rmtree(venv, ignore_errors=True)
    _run(python, "-m", "venv", "--without-pip", venv)
    if is_lowest or shutil.which("uv"):
        versions = "lowest-direct" if is_lowest else "highest"
        _run("uv", "pip", "install", "--quiet", "--resolution", versions, "--python", venv, package)
    else:
        # This Python's pip installs into the others: a pip of their own would take most of the time.
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", venv / "bin/python")
        _run(*pip, "install", "--quiet", "--no-compile", package)
    return venv / "bin"


@contextmanager
def _server(served: Path, data: Path) -> Iterator[str]:
    """A server of an environment; its address."""
    shutil.rmtree(data, ignore_errors=True)
    settings = {f"LEADLINE_{name}": "127.0.0.1:0" for name in ("LISTEN", "METRICS_LISTEN", "HTTP_LISTEN")}
    if subprocess.run([served / "python", "-c", "import uvicorn"], capture_output=True, check=False).returncode:
        settings["LEADLINE_HTTP_LISTEN"] = ""
    environment = _environment() | settings | {"LEADLINE_DATA_DIR": str(data)}
    output = data.with_suffix(".stdout")
    with output.open("wb") as file:
        process = subprocess.Popen(
            [served / "leadline", "serve"], env=environment, stdout=file, stderr=file, cwd=data.parent
        )
    try:
        yield _address(process, output)
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _address(process: subprocess.Popen[bytes], output: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if found := re.search(r"gRPC on (\S+) \(", output.read_text()):
            return found[1]
        time.sleep(0.05)
    raise TimeoutError(f"The server did not begin to serve. It said: {output.read_text()}")


def _environment() -> dict[str, str]:
    """The environment without settings of leadline and of Python, which would be those of this machine."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("LEADLINE_", "PYTHON", "VIRTUAL_ENV"))
    }


def _run(*command: str | Path) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env=_environment(), cwd=DIST, check=False, timeout=600
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr[-2000:])
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
