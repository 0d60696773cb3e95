"""Build the page for people from `clients/console` into the server, or say with `--check` whether it is stale.

It needs Node.js 20 or newer and npm. The packages are those of `clients/console/package-lock.json`.

    python tools/console.py           # build
    python tools/console.py --check   # compare
    python tools/console.py --types   # check the types
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

from generate import PROTOS, ROOT, well_known_types

SOURCES = ROOT / "clients" / "console"
TARGET = ROOT / "server" / "leadline_server" / "http" / "console"
FILES = ("index.html", "console.css", "console.js")


def run(*command: str) -> None:
    """Run a command in the page's folder; its own messages and status end a failed run."""
    status = subprocess.run(command, cwd=SOURCES, check=False).returncode
    if status != 0:
        sys.exit(status)


def prepare() -> None:
    """Install the packages, and write the contract's code into `src/contract`."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not on PATH. Install Node.js 20 or newer.")
    run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    contract = SOURCES / "src" / "contract"
    shutil.rmtree(contract, ignore_errors=True)
    contract.mkdir()
    common = Path(str(distribution("googleapis-common-protos").locate_file(".")))
    run(
        *(sys.executable, "-m", "grpc_tools.protoc"),
        *(f"-I{folder}" for folder in (PROTOS, common, well_known_types())),
        f"--plugin=protoc-gen-es={SOURCES / 'node_modules' / '.bin' / 'protoc-gen-es'}",
        f"--es_out={contract}",
        "--es_opt=target=ts,import_extension=ts",
        *(str(path.relative_to(PROTOS)) for path in sorted((PROTOS / "leadline" / "v1").glob("*.proto"))),
        *(f"leadline/admin/v1/{name}.proto" for name in ("account", "account_service", "key")),
        "google/rpc/error_details.proto",
    )


def build(target: Path) -> None:
    """Write the page's files into a folder."""
    target.mkdir(parents=True, exist_ok=True)
    run("node", "build.js", str(target))


def stale() -> list[str]:
    """The names of the page's files that are not as built from the sources."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        return [name for name in FILES if (Path(folder) / name).read_bytes() != read(TARGET / name)]


def read(path: Path) -> bytes:
    """A file's bytes; empty if there is no such file."""
    return path.read_bytes() if path.exists() else b""


def main() -> None:
    """Build, compare or check, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare the committed page with a fresh one")
    parser.add_argument("--types", action="store_true", help="check the types of the sources")
    options = parser.parse_args()
    prepare()
    if options.types:
        run("node_modules/.bin/tsc", "--noEmit")
    elif options.check:
        if wrong := stale():
            sys.exit(f"{', '.join(wrong)}: stale. Run `make console`.")
    else:
        build(TARGET)
        print(f"{TARGET.relative_to(ROOT)} written.")


if __name__ == "__main__":
    main()
