"""Fail when the contract in `protos/` breaks clients of the last release.

Each release commits an image of its contract, made by `buf build -o protos/releases/<version>.binpb`. The newest
version's is the one to keep to; buf's FILE rules decide what breaks it (`buf.yaml`).
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASES = ROOT / "protos" / "releases"
BUF = Path(sys.executable).parent / "buf"


def version(image: Path) -> tuple[int, ...]:
    """Return the numbers in an image's name, so that 0.10.0 sorts after 0.9.0."""
    return tuple(int(number) for number in re.findall(r"\d+", image.stem))


def main() -> int:
    """Compare the contract with the newest released one; return buf's exit status, 0 when nothing was released."""
    images = sorted(RELEASES.glob("*.binpb"), key=version)
    if not images:
        print("Nothing was released yet (no protos/releases/*.binpb), so there is nothing to break.")
        return 0
    newest = images[-1].relative_to(ROOT)
    print(f"Comparing protos/ with {newest}.")
    return subprocess.run([BUF, "breaking", "--against", newest], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
