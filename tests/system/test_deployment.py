"""deploy/, checked by tools that its readers use: hadolint, kubernetes-validate, promtool, and a real Prometheus."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.serving import kept_port
from support.servers import ServerProcess, leadline, server_process, until

pytestmark = pytest.mark.system

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
TOOLS: Final = Path(sys.prefix) / "deploy-tools" / "bin"
"""`make .venv/deploy-tools` installs them."""

RULES: Final = DEPLOY / "prometheus" / "leadline.rules.yml"


def program(name: str) -> str:
    """A program of Debian's package prometheus."""
    path = shutil.which(name)
    assert path is not None, "On Debian: apt-get install --no-install-recommends prometheus"
    return path


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_the_dockerfile_is_accepted_by_hadolint() -> None:
    assert run(TOOLS / "hadolint", DEPLOY / "Dockerfile") == ""


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_the_manifests_are_valid_by_the_schemas_of_kubernetes(version: str) -> None:
    files = sorted(set((DEPLOY / "kubernetes").glob("*.yaml")) - {DEPLOY / "kubernetes" / "kustomization.yaml"})
    assert len(files) == 7
    printed = run(TOOLS / "kubernetes-validate", "--strict", "-k", version, *files)
    assert printed.count(" passed for resource ") == 8


def test_the_alert_rules_are_valid_and_do_what_their_tests_say() -> None:
    assert "SUCCESS" in run(program("promtool"), "check", "rules", RULES)
    assert "SUCCESS" in run(program("promtool"), "test", "rules", RULES.with_suffix(".test.yml"))


class Installation:
    """The secrets and the settings of deploy/compose, for programs of this machine in the place of containers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = folder / "secrets"
        run(DEPLOY / "compose" / "secrets.sh", self.secrets)
        self.config = self._written("leadline.toml", (":50051", ":0"), (":8650", ":0"), (":9464", ":0"))

    def _written(self, name: str, *changes: tuple[str, str]) -> Path:
        text = (DEPLOY / "compose" / name).read_text().replace("/run/secrets", str(self.secrets))
        for old, new in (("0.0.0.0", "127.0.0.1"), *changes):  # noqa: S104 - it is replaced
            text = text.replace(old, new)
        (self.folder / name).write_text(text)
        return self.folder / name

    @contextmanager
    def served(self) -> Iterator[ServerProcess]:
        """The server, with a key of the role monitor where Prometheus reads it."""
        settings = {
            "LEADLINE_CONFIG": str(self.config),
            "LEADLINE_DATA_DIR": str(self.folder / "data"),
            "LEADLINE_CHECK_CONNECTIONS": "false",  # tests ask no CRM of others
            "LEADLINE_SECRETS_KEY_FILE": str(self.secrets / "secrets.key"),
        }
        with server_process(self.folder / "data", settings=settings, has_addresses=True, has_data_dir=True) as server:
            health = leadline("health", "--listen", server.address, settings=settings)
            assert health.stdout == "SERVING\n", health
            first = self.folder / "platform.key"
            made = leadline("keys", "bootstrap", "--file", first, settings=settings)
            assert made.returncode == 0, made.stderr
            files = [("--tls-ca", "ca.pem"), ("--tls-cert", "server.pem"), ("--tls-key", "server.key")]
            tls = [part for option, file in files for part in (option, self.secrets / file)]
            to_server = ["--role", "monitor", "--server", server.address, *tls]
            issued = leadline("keys", "issue", *to_server, settings={"LEADLINE_API_KEY": first.read_text().strip()})
            assert issued.returncode == 0, issued.stderr
            (self.secrets / "monitor.key").write_text(issued.stdout)
            yield server

    @contextmanager
    def prometheus(self, target: str) -> Iterator[int]:
        """Prometheus with the configuration of deploy/compose, which scrapes `target`; its port."""
        config = self._written("prometheus.yml", ("/etc/prometheus", str(RULES.parent)), ("15s", "1s"))
        text = config.read_text()
        found = text.index("    dns_sd_configs:")
        config.write_text(f"{text[:found]}    static_configs: [{{targets: ['{target}']}}]\n")
        run(program("promtool"), "check", "config", config)
        with kept_port() as port:
            options = [f"--storage.tsdb.path={self.folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"]
            log = self.folder / "prometheus.log"
            with log.open("wb") as output:
                command = [program("prometheus"), f"--config.file={config}", *options]
                process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"GOMAXPROCS": "1"})
            try:
                until(lambda: "ready to receive" in log.read_text() or process.poll() is not None, 60)
                assert process.poll() is None, log.read_text()
                yield port
            finally:
                process.terminate()
                process.wait(30)


def asked(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}") as answer:
        return json.load(answer)["data"]


def test_prometheus_scrapes_the_server_of_compose_by_mutual_tls_and_evaluates_every_rule(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.served() as server, installation.prometheus(server.metrics_address) as port:
        until(lambda: [each["health"] for each in asked(port, "targets")["activeTargets"]] == ["up"], 60)
        until(lambda: {rule["health"] for rule in rules(port)} == {"ok"}, 60)
        assert len(rules(port)) == 18
        firing = {rule["name"] for rule in rules(port) if rule["alerts"]}
        assert firing == set()
        value = asked(port, "query?query=leadline_certificate_expiry_seconds")["result"]
        assert len(value) == 1


def rules(port: int) -> list[Any]:
    found: list[Any] = asked(port, "rules")["groups"][0]["rules"]
    return found
