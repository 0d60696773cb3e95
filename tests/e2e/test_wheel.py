"""The wheel without its extra: the client and three dependencies, in an environment that has nothing else."""

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from support.servers import server_process

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs" / "clients.md"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("leadline-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel, and with what its metadata asks for outside of extras."""
    home = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(home, symlinks=True)
    interpreter = home / "bin" / "python"
    pip("--python", str(interpreter), "install", "--no-deps", "--no-index", "--no-compile", str(wheel))
    site = next((home / "lib").glob("python*/site-packages"))
    for needed in required(PathDistribution(next(site.glob("leadline-*.dist-info")))):
        link(needed, site)
    return interpreter


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr


def required(package: Distribution) -> Iterator[Distribution]:
    """The packages that a package needs, directly and indirectly, as installed here; without those of extras."""
    for line in package.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found = distribution(requirement.name)
            assert requirement.specifier.contains(found.version, prereleases=True)
            yield found
            yield from required(found)


def link(package: Distribution, site: Path) -> None:
    """Put a package's files into another environment."""
    for file in package.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.symlink_to(Path(str(file.locate())).resolve())


def run(python: Path, program: str) -> str:
    ended = subprocess.run(
        [python, "-I", "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_only_the_three_dependencies_and_their_own_are_installed(python: Path) -> None:
    listed = run(
        python,
        "import importlib.metadata as m, json; print(json.dumps([d.name.lower() for d in m.distributions()]))",
    )
    installed = {name.replace("_", "-") for name in json.loads(listed)}
    assert installed == {"leadline", "grpcio", "protobuf", "googleapis-common-protos", "typing-extensions"}


@pytest.mark.parametrize("name", ["aiosqlite", "phonenumbers", "pydantic_settings", "typer", "aiohttp", "structlog"])
def test_what_the_server_needs_is_not_there(python: Path, name: str) -> None:
    assert run(python, f"import importlib.util; print(importlib.util.find_spec({name!r}))") == "None\n"


def test_the_ten_lines_of_the_documentation_log_a_call(python: Path, tmp_path: Path) -> None:
    program = DOCS.read_text().split("```python\n")[1].split("```")[0]
    assert len(program.splitlines()) <= 10
    with server_process(tmp_path / "data") as server:
        printed = run(python, program.replace("127.0.0.1:50051", server.address))
    assert printed == "Ann Example\n"


def test_importing_the_package_imports_nothing_else(python: Path) -> None:
    program = "import sys, leadline; print([name for name in ('grpc', 'google.protobuf') if name in sys.modules])"
    assert run(python, program) == "[]\n"


def test_the_package_is_typed(python: Path) -> None:
    program = "import leadline, pathlib; print((pathlib.Path(leadline.__file__).parent / 'py.typed').is_file())"
    assert run(python, program) == "True\n"


def test_everything_that_is_exported_is_there(python: Path) -> None:
    program = (
        "import leadline; print(all(getattr(leadline, name) for name in leadline.__all__), 'Client' in dir(leadline))"
    )
    assert run(python, program) == "True True\n"


def test_the_definitions_of_crms_come_along(wheel: Path) -> None:
    folder = "leadline_server/crm/declarative/shipped/"
    names = [name.removeprefix(folder) for name in ZipFile(wheel).namelist() if name.startswith(folder)]
    assert {"bottlecrm.toml", "espocrm.toml"} <= set(names)
