"""Keep what later versions are compared with: the contract, a ledger and its migrations, as they are in this version.

It writes protos/releases/VERSION.binpb for `make proto-breaking`, and tests/data/ledgers/VERSION.db, which a test opens
with every later version. The digests of the migrations go to tests/data/ledgers/migrations.json. A release runs it
once; see docs/releasing.md.
"""

import asyncio
import hashlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MIGRATIONS: Final = ROOT / "server" / "leadline_server" / "ledger" / "migrations"
LEDGERS: Final = ROOT / "tests" / "data" / "ledgers"
RELEASES: Final = ROOT / "protos" / "releases"
sys.path[:0] = [str(ROOT / "tests")]

from support.released_ledgers import fill  # noqa: E402 - the tests' helpers


def main() -> int:
    """Write the three files; refuse a version of development, and one that was frozen."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    image = RELEASES / f"{version}.binpb"
    if "dev" in version or image.exists():
        print(f"{version} is a version of development, or was frozen before. Set the version in pyproject.toml.")
        return 1
    RELEASES.mkdir(exist_ok=True)
    subprocess.run([Path(sys.executable).parent / "buf", "build", "-o", image], cwd=ROOT, check=True)
    keep_ledger(LEDGERS / f"{version}.db")
    (LEDGERS / "migrations.json").write_text(json.dumps(digests(MIGRATIONS), indent=1) + "\n", encoding="utf-8")
    print(f"Frozen as {version}. Commit protos/releases and tests/data/ledgers.")
    return 0


def keep_ledger(file: Path) -> None:
    """Write a ledger of this version with calls, contacts, preferences and a user."""
    file.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(Path(folder) / "data"))
        with closing(sqlite3.connect(Path(folder) / "data" / "ledger.db")) as connection:
            connection.execute("VACUUM INTO ?", (str(file),))


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each migration, by its path within `folder`."""
    files = sorted(folder.rglob("*.sql"))
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


if __name__ == "__main__":
    sys.exit(main())
