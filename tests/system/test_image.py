"""The image of deploy/Dockerfile: built, started as a container, and driven. It takes minutes, so it is a long test."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from leadline import Client, errors
from leadline.v1.call_log_service_pb2 import WatchCallLogsRequest
from leadline.v1.call_log_service_pb2_grpc import CallLogServiceStub
from support.backups import log_some
from support.certificates import Authority
from support.images import Container, Image, built_image, running
from support.servers import until

pytestmark = pytest.mark.soak

USER: Final = 10001
ANYWHERE: Final = ("serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--http-listen", "")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with built_image(tmp_path_factory.mktemp("image")) as built:
        yield built


@pytest.fixture
def volume(tmp_path: Path) -> dict[str, Path]:
    return {"/var/lib/leadline": owned(tmp_path / "volume")}


def owned(folder: Path) -> Path:
    """A folder that the image's user may write, and pass through those above it."""
    folder.mkdir()
    for file in (folder, *folder.iterdir()):
        os.chown(file, USER, USER)
    return folder


def address_of(container: Container) -> str:
    found = re.search(r"gRPC on (\S+) ", container.printed)
    assert found
    return found[1]


def test_the_image_runs_as_a_user_of_its_own_with_grpc_health_and_no_package_installer(image: Image) -> None:
    config = image.config
    assert config["User"] == f"{USER}:{USER}"
    assert (config["Entrypoint"], config["Cmd"], config["StopSignal"]) == (["leadline"], ["serve"], "SIGTERM")
    assert config["Healthcheck"]["Test"] == ["CMD", "leadline", "health"]
    assert not list(image.root.glob("opt/leadline/bin/pip*"))
    assert not list(image.root.glob("opt/leadline/lib/python3*/site-packages/hatchling"))
    assert not (image.root / "source").exists()


def test_it_serves_from_a_file_system_that_it_cannot_write_and_drains_on_sigterm(
    image: Image, volume: dict[str, Path], tmp_path: Path
) -> None:
    with running(image, tmp_path / "first", *ANYWHERE, mounts=volume) as container:
        assert container.execute("leadline", "health", "--listen", address_of(container)).stdout == "SERVING\n"
        assert container.execute("id", "-u").stdout == f"{USER}\n"
        assert "Read-only file system" in container.execute("touch", "/var/tmp/new").stderr  # noqa: S108
        assert re.search(r"^CapEff:\s*0+$", container.execute("cat", "/proc/1/status").stdout, re.MULTILINE)
        log_some(address_of(container), ["call-1"])
        channel: Any = grpc.insecure_channel(address_of(container))
        with channel:
            watch: Any = CallLogServiceStub(channel).WatchCallLogs(WatchCallLogsRequest(account_id="demo"), timeout=60)
            next(watch)
            container.signal("TERM")
            with pytest.raises(grpc.RpcError) as ended:
                next(watch)
        error: Any = ended.value
        assert errors.from_rpc_error(error).reason == "SHUTTING_DOWN"
        assert container.wait() == 0
        assert [event in container.printed for event in ('"draining"', '"stopped"')] == [True, True]
    with (
        running(image, tmp_path / "second", *ANYWHERE, mounts=volume) as container,
        Client(address_of(container), account="demo", user="alice") as client,
    ):
        assert client.get_call_log("call-1").call.id == "call-1"
    files = {file.name: file.stat() for file in (volume["/var/lib/leadline"] / "data").iterdir()}
    assert "ledger.db" in files
    assert {(file.st_uid, file.st_mode & 0o777) for file in files.values()} == {(USER, 0o600)}


def test_exposed_it_serves_with_certificates_and_keys_only(
    image: Image, volume: dict[str, Path], tmp_path: Path
) -> None:
    authority = Authority(owned(tmp_path / "tls"))
    authority.issue("server", "leadline")
    for file in (tmp_path / "tls").iterdir():
        os.chown(file, USER, USER)
    mounts = volume | {"/tls": tmp_path / "tls"}
    settings = {
        "LEADLINE_LISTEN": "0.0.0.0:50051",
        "LEADLINE_METRICS_LISTEN": "0.0.0.0:9464",
        "LEADLINE_HTTP_LISTEN": "0.0.0.0:8650",
        "LEADLINE_AUTHENTICATION": "true",
        "LEADLINE_TLS_CERTIFICATE": "/tls/server.pem",
        "LEADLINE_TLS_KEY": "/tls/server.key",
        "LEADLINE_TLS_CLIENT_CA": "/tls/ca.pem",
    }
    with running(image, tmp_path / "own", mounts=mounts, settings=settings, has_own_network=True) as container:
        assert container.execute("leadline", "health").stdout == "SERVING\n"
        made = container.execute("leadline", "keys", "bootstrap", "--file", "/var/lib/leadline/platform.key")
        assert made.returncode == 0, made.stderr
        tls = ["--tls-ca", "/tls/ca.pem", "--tls-cert", "/tls/server.pem", "--tls-key", "/tls/server.key"]
        listed = ["leadline", "account", "list", "--tls-name", "leadline", *tls]
        assert "Set LEADLINE_API_KEY" in container.execute(*listed).stderr
        given = container.execute(
            "sh", "-c", f"LEADLINE_API_KEY=$(cat /var/lib/leadline/platform.key) {' '.join(listed)}"
        )
        assert (given.returncode, "demo" in given.stdout) == (0, True), given.stderr
        container.signal("TERM")
        until(lambda: container.process.poll() is not None)
        assert container.wait() == 0
