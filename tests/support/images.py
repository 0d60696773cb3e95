"""Images and containers without a container engine: buildah builds and crun runs them, both as root.

buildah runs the build's commands by chroot. crun is an OCI runtime: the container has its own processes and mounts, a
root file system that it cannot write, no capability, and the user of the image.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from support.servers import until

PACKAGES: Final = {"buildah": "buildah", "crun": "crun", "debootstrap": "debootstrap", "unshare": "util-linux"}
"""The programs that this needs, and the Debian packages that have them."""

_ROOT: Final = Path(__file__).resolve().parents[2]
_BUILD_SECONDS: Final = 1200.0
_SECONDS: Final = 180.0
# crun needs the unified hierarchy of control groups, although it sets none.
_IN_OWN_MOUNTS: Final = ("unshare", "-m", "sh", "-c", 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "sh")


def run(*command: str | Path, seconds: float = _SECONDS) -> str:
    """The output of a program that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{command} ended {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@dataclass(frozen=True)
class Image:
    """A built image, unpacked.

    Attributes:
        config: its configuration, as Docker writes it.
        root: its root file system.
    """

    config: Mapping[str, Any]
    root: Path


@contextmanager
def built_image(folder: Path) -> Iterator[Image]:
    """The image of deploy/Dockerfile, on a base of Debian in the place of the official Python image.

    The packages are downloaded beforehand with this machine's pip, by the hashes of the lock files. The build itself
    has no other source of packages.
    """
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    assert not missing, f"On Debian: apt-get install {' '.join(missing)}"
    assert os.geteuid() == 0, "This needs root."
    buildah = ("buildah", "--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", "vfs")
    _make_base(folder, buildah)
    _build(folder, buildah)
    config = json.loads(run(*buildah, "inspect", "--type", "image", "leadline"))["Docker"]["config"]
    container = run(*buildah, "from", "--pull-never", "leadline").strip()
    try:
        yield Image(config, Path(run(*buildah, "mount", container).strip()))
    finally:
        run(*buildah, "rm", "--all")
        run(*buildah, "rmi", "--all", "--force")


def _make_base(folder: Path, buildah: Sequence[str | Path]) -> None:
    base = folder / "base"
    run("debootstrap", "--variant=minbase", "--include=python3,python3-venv", "bookworm", base, seconds=_BUILD_SECONDS)
    container = run(*buildah, "from", "scratch").strip()
    run(*buildah, "add", "-q", container, f"{base}/", "/", seconds=_BUILD_SECONDS)
    run(*buildah, "commit", "-q", container, "localhost/base", seconds=_BUILD_SECONDS)
    shutil.rmtree(base)


def _build(folder: Path, buildah: Sequence[str | Path]) -> None:
    wheels, settings = folder / "wheels", folder / "pip.conf"
    locks = [f"--requirement={_ROOT / 'requirements' / name}" for name in ("build.txt", "server.txt")]
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--dest", wheels)
    run(*pip, *locks, seconds=_BUILD_SECONDS)
    settings.write_text("[global]\nno-index = true\nfind-links = /mnt/wheels\n")
    dockerfile = _ROOT / "deploy" / "Dockerfile"
    how = ("--isolation", "chroot", "--pull-never", "--format", "docker", "--build-arg", "PYTHON=localhost/base")
    mounts = ("--volume", f"{wheels}:/mnt/wheels:ro", "--volume", f"{settings}:/etc/pip.conf:ro")
    what = ("--ignorefile", f"{dockerfile}.dockerignore", "--file", dockerfile, "--tag", "leadline", _ROOT)
    run(*buildah, "build", *how, *mounts, *what, seconds=_BUILD_SECONDS)


@dataclass
class Container:
    """A container that runs."""

    id: str
    user: str
    state: Path
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def printed(self) -> str:
        """The output of its first process so far."""
        return self.output.read_text()

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, as its user."""
        full = [*_IN_OWN_MOUNTS, "crun", "--root", str(self.state), "exec", "--user", self.user, self.id, *command]
        return subprocess.run(full, capture_output=True, text=True, timeout=_SECONDS, check=False)

    def signal(self, name: str) -> None:
        """Send a signal to the first process."""
        run(*_IN_OWN_MOUNTS, "crun", "--root", self.state, "kill", self.id, name)

    def wait(self) -> int:
        """The exit code of the first process, once it has ended."""
        return self.process.wait(_SECONDS)


@contextmanager
def running(
    image: Image,
    folder: Path,
    *arguments: str,
    mounts: Mapping[str, Path] | None = None,
    settings: Mapping[str, str] | None = None,
    has_own_network: bool = False,
) -> Iterator[Container]:
    """A container of an image, as its configuration says, until the body ends.

    Args:
        image: the image.
        folder: where its files go.
        arguments: in the place of the image's own, as an engine would set them.
        mounts: folders of this machine by their path in the container. Its volumes must be among them.
        settings: further environment variables.
        has_own_network: whether it has a network of its own, with nothing but loopback.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = _runtime_config(image, arguments, mounts or {}, settings or {}, has_own_network=has_own_network)
    (folder / "config.json").write_text(json.dumps(config))
    state, output, name = folder / "state", folder / "output", f"leadline-{os.getpid()}-{folder.name}"
    options = ("--cgroup-manager=disabled", "--root", str(state), "run", "--bundle", str(folder), name)
    with output.open("wb") as file:
        process = subprocess.Popen([*_IN_OWN_MOUNTS, "crun", *options], stdout=file, stderr=subprocess.STDOUT)
    container = Container(name, image.config["User"], state, process, output)
    try:
        until(lambda: "Stop with Ctrl-C" in container.printed or process.poll() is not None, _SECONDS)
        assert process.poll() is None, container.printed
        yield container
    finally:
        if process.poll() is None:
            container.signal(str(int(signal.SIGKILL)))
            process.wait(_SECONDS)


def _runtime_config(
    image: Image,
    arguments: Sequence[str],
    mounts: Mapping[str, Path],
    settings: Mapping[str, str],
    *,
    has_own_network: bool,
) -> dict[str, Any]:
    """The configuration of the OCI Runtime Specification 1.0."""
    config = image.config
    assert set(config["Volumes"]) <= set(mounts), "each volume needs a folder"
    user, _, group = config["User"].partition(":")
    namespaces = ["pid", "ipc", "uts", "mount", *(["network"] if has_own_network else [])]
    own = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]},  # noqa: S108
    ]
    bound = [
        {"destination": where, "type": "bind", "source": str(folder), "options": ["rbind"]}
        for where, folder in mounts.items()
    ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": int(user), "gid": int(group)},
            "args": [*config["Entrypoint"], *(arguments or config["Cmd"])],
            "env": [*config["Env"], *(f"{name}={value}" for name, value in settings.items())],
            "cwd": config["WorkingDir"],
            "noNewPrivileges": True,
            "capabilities": {},
        },
        "root": {"path": str(image.root), "readonly": True},
        "mounts": [*own, *bound],
        "linux": {"namespaces": [{"type": each} for each in namespaces]},
    }
