"""Find known vulnerabilities in the pinned packages, and in the oldest versions that pyproject.toml allows.

requirements/advisories.json is read always: it needs no network, and is as old as it says. pip-audit asks the package
index too, if it is installed and the index has advisories; what it cannot ask about, it says.

    python tools/audit.py              exit code 1: there is one
    python tools/audit.py --offline    without pip-audit
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.version import Version

ROOT: Final = Path(__file__).resolve().parents[1]
LOCKS: Final = ("build", "server", "dev", "audit")
PIP_AUDIT: Final = ROOT / ".venv" / "audit-tools" / "bin" / "pip-audit"

Advisory = tuple[str, str, str, str]


def advisories() -> list[Advisory]:
    """The known ones: package, id, the first version that has it, and the first that does not."""
    document = json.loads((ROOT / "requirements" / "advisories.json").read_text())
    return [(package, name, since, fixed) for package, name, since, fixed in document["advisories"]]


def pinned(lock: str) -> dict[str, str]:
    """The versions in requirements/LOCK.txt."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


def floors(project: Mapping[str, Any]) -> dict[str, str]:
    """The oldest version of each package that a user may install leadline with."""
    tables = [project["dependencies"], *project["optional-dependencies"].values()]
    found = {}
    for text in (text for table in tables for text in table):
        requirement = Requirement(text)
        oldest = [one.version for one in requirement.specifier if one.operator in (">=", "==", "~=")]
        found[requirement.name.lower()] = oldest[0] if oldest else "0"
    return found


def vulnerable(versions: Mapping[str, str], known: list[Advisory]) -> Iterator[str]:
    """A sentence for each advisory that a version has."""
    for package, name, since, fixed in known:
        version = versions.get(package)
        if version is not None and Version(since) <= Version(version) < Version(fixed):
            yield f"{package} {version}: {name}, fixed in {fixed}"


def offline() -> list[str]:
    """The vulnerabilities that the advisories of the repository name."""
    known = advisories()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = [f"pyproject.toml allows {sentence}" for sentence in vulnerable(floors(project), known)]
    for lock in LOCKS:
        found += [f"requirements/{lock}.txt: {sentence}" for sentence in vulnerable(pinned(lock), known)]
    return found


def online() -> list[str]:
    """The vulnerabilities that pip-audit finds in the packages of the server."""
    if not PIP_AUDIT.exists():
        print("pip-audit is not installed: only the advisories of the repository were read.")
        return []
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--timeout", "15"]
    command = [str(PIP_AUDIT), "-r", str(ROOT / "requirements" / "server.txt"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print("The package index could not be asked: only the advisories of the repository were read.")
        return []
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if unknown:
        print(f"The package index has no advisories of {len(unknown)} of {len(packages)} packages.")
    return [f"{one['name']}: {fault['id']}" for one in packages for fault in one.get("vulns", ())]


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--offline", action="store_true", help="read the advisories of the repository alone")
    found = offline() + ([] if parser.parse_args().offline else online())
    print("\n".join(found) or f"None of {len(advisories())} known advisories applies.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
