"""Make this tree the release VERSION: name it, and keep what later versions are compared with.

    python tools/freeze.py 0.1.0

It sets the version in pyproject.toml and the image's tag in deploy/kubernetes, and gives the changelog's "Unreleased"
the version and the date. It writes protos/releases/VERSION.binpb for `make proto-breaking`, and
tests/data/ledgers/VERSION.db, which a test opens with every later version. The digests of the migrations go to
tests/data/ledgers/migrations.json. See docs/releasing.md.
"""

import argparse
import asyncio
import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MIGRATIONS: Final = ROOT / "server" / "leadline_server" / "ledger" / "migrations"
LEDGERS: Final = ROOT / "tests" / "data" / "ledgers"
RELEASES: Final = ROOT / "protos" / "releases"
sys.path[:0] = [str(ROOT / "tests")]

from support.released_ledgers import fill  # noqa: E402 - the tests' helpers


def main() -> int:
    """Name the release and write its three files; refuse a version of development, and one that was frozen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="such as 0.1.0")
    version = parser.parse_args().version
    image = RELEASES / f"{version}.binpb"
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or image.exists():
        print(f"{version!r} is not a version such as 0.1.0, or was frozen before.")
        return 1
    name_release(version, datetime.now(UTC).date())
    RELEASES.mkdir(exist_ok=True)
    subprocess.run([Path(sys.executable).parent / "buf", "build", "-o", image], cwd=ROOT, check=True)
    keep_ledger(LEDGERS / f"{version}.db")
    (LEDGERS / "migrations.json").write_text(json.dumps(digests(MIGRATIONS), indent=1) + "\n", encoding="utf-8")
    print(f"Frozen as {version}. Commit the changes.")
    return 0


def name_release(version: str, today: date) -> None:
    """Write the version into pyproject.toml and the manifests, and as a heading below the changelog's "Unreleased"."""
    _replace(ROOT / "pyproject.toml", r'^version = ".*"$', f'version = "{version}"')
    _replace(ROOT / "deploy" / "kubernetes" / "kustomization.yaml", r"^    newTag: .*$", f"    newTag: {version}")
    _replace(ROOT / "CHANGELOG.md", r"^## \[Unreleased\]$", f"## [Unreleased]\n\n## [{version}] - {today}")


def _replace(file: Path, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, file.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    if not count:
        raise ValueError(f"{file} has no line {pattern}")
    file.write_text(text, encoding="utf-8")


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
