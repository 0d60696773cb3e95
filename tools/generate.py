"""Write the typed Python stubs of `protos/` into `clients/python/`, or say with `--check` which ones are stale.

A folder that holds stubs is wholly generated: whatever else lies in it is removed. protoc and its plugins come from the
virtual environment that runs this script, so the result depends on `requirements/dev.txt` alone, not on PATH.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
STUBS = ROOT / "clients" / "python"
INIT = '"""Generated from `protos/` by `make generate`; edit the protos, not the stubs."""\n'


def well_known_types() -> Path:
    """Return the folder of `google/protobuf/*.proto` that grpcio-tools ships."""
    spec = importlib.util.find_spec("grpc_tools")
    if spec is None or spec.origin is None:
        sys.exit("grpcio-tools is not installed here; run `make generate`, which sets up .venv.")
    return Path(spec.origin).parent / "_proto"


def generate(target: Path) -> None:
    """Run protoc over every proto file, writing below `target`; protoc's own message and status end a failed run."""
    plugins = Path(sys.executable).parent
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc"),
        f"-I{PROTOS}",
        f"-I{well_known_types()}",
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={target}",
        f"--grpc_python_out={target}",
        f"--mypy_out=quiet:{target}",
        f"--mypy_grpc_out=quiet,only_async:{target}",
        *(str(path.relative_to(PROTOS)) for path in sorted(PROTOS.rglob("*.proto"))),
    ]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status != 0:
        sys.exit(status)
    for folder in stub_folders(target):
        (target / folder / "__init__.py").write_text(INIT)


def stub_folders(target: Path) -> list[Path]:
    """Return the folders below `target` that hold stubs, relative to it."""
    return sorted({path.parent.relative_to(target) for path in target.rglob("*_pb2.py")})


def files_in(base: Path, folders: set[Path]) -> Iterator[Path]:
    """Yield every file directly in `folders`, relative to `base`."""
    for folder in folders:
        if (base / folder).is_dir():
            yield from (path.relative_to(base) for path in (base / folder).iterdir() if path.is_file())


def differences(fresh: Path) -> dict[Path, str]:
    """Return the stubs that are not as generated in `fresh`, by path below `clients/python`, with what is wrong."""
    folders = {*stub_folders(fresh), *stub_folders(STUBS)}
    wanted, found = set(files_in(fresh, folders)), set(files_in(STUBS, folders))
    wrong = dict.fromkeys(wanted - found, "missing") | dict.fromkeys(found - wanted, "not generated from any proto")
    changed = (path for path in wanted & found if (fresh / path).read_bytes() != (STUBS / path).read_bytes())
    return dict(sorted((wrong | dict.fromkeys(changed, "stale")).items()))


def write(fresh: Path, wrong: dict[Path, str]) -> None:
    """Make the stubs named in `wrong` as they are in `fresh`; the others keep their times."""
    for path in wrong:
        if (fresh / path).exists():
            (STUBS / path).parent.mkdir(parents=True, exist_ok=True)
            (STUBS / path).write_bytes((fresh / path).read_bytes())
        else:
            (STUBS / path).unlink()


def main() -> int:
    """Write the stubs, or check them; return the exit status: 0 fine, 1 stale."""
    parser = argparse.ArgumentParser(description="Write the typed Python stubs of protos/ into clients/python/.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a committed stub is stale")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        generate(fresh)
        wrong = differences(fresh)
        if not check:
            write(fresh, wrong)
    for path, what in wrong.items():
        print(f"{(STUBS / path).relative_to(ROOT)}: {what if check else 'was ' + what}")
    if check and wrong:
        print("The stubs do not match protos/: run `make generate`, and commit the result.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
