"""The files of deploy/: valid by their schemas, and in accord with each other, settings and command line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped] # no py.typed
from jsonschema import Draft7Validator  # type: ignore[import-untyped] # no py.typed
from leadline_server.app import DRAIN_SECONDS
from leadline_server.cli import app
from leadline_server.config import PREFIX, Settings
from leadline_server.config_loading import load_settings
from typer.testing import CliRunner

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
KUBERNETES: Final = DEPLOY / "kubernetes"
# The Compose Specification's own schema, schema/compose-spec.json of 2026-06-23 (Apache License 2.0), in one line.
COMPOSE_SCHEMA: Final = ROOT / "tests" / "data" / "schemas" / "compose-spec.json"
LEDGER: Final = {"LEADLINE_LEDGER", "LEADLINE_LEDGER_PASSWORD_FILE"}


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


COMPOSE: Final = loaded(DEPLOY / "compose" / "compose.yaml")
OBJECTS: Final = {
    (each["kind"], each["metadata"]["name"]): each
    for name in loaded(KUBERNETES / "kustomization.yaml")["resources"]
    for each in yaml.safe_load_all((KUBERNETES / name).read_text())
}
POD: Final = OBJECTS["Deployment", "leadline"]["spec"]["template"]
SERVER: Final = POD["spec"]["containers"][0]
RULES: Final = [
    rule for group in loaded(DEPLOY / "prometheus" / "leadline.rules.yml")["groups"] for rule in group["rules"]
]


def settings_of(file: Path, tmp_path: Path) -> Settings:
    """The settings of a deployment, which have to be valid."""
    folder = tmp_path / "etc"
    folder.mkdir()
    token = folder / "crm.token"
    token.write_text("a token")
    (folder / "leadline.toml").write_text(re.sub(r'file = ".*/crm.token"', f'file = "{token}"', file.read_text()))
    return load_settings({"config": folder / "leadline.toml"})


def test_compose_is_valid_by_its_schema() -> None:
    errors = Draft7Validator(json.loads(COMPOSE_SCHEMA.read_text())).iter_errors(COMPOSE)
    assert [f"{list(error.absolute_path)}: {error.message}" for error in errors] == []


def test_compose_names_files_that_exist_and_secrets_that_its_script_makes() -> None:
    made = (DEPLOY / "compose" / "secrets.sh").read_text()
    certificates = re.findall(r"^certificate (\w+) ", made, re.MULTILINE)
    written = {*re.findall(r"[> ](\w+\.(?:key|password|pem|token))\b", made)}
    written |= {f"{name}.{kind}" for name in certificates for kind in ("pem", "key")}
    assert COMPOSE["secrets"].keys() <= written
    for service in COMPOSE["services"].values():
        assert set(service["secrets"]) <= COMPOSE["secrets"].keys()
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / "compose" / source).exists(), source


def test_compose_publishes_nothing_beyond_this_machine_unless_it_is_told_to() -> None:
    published = [port for service in COMPOSE["services"].values() for port in service.get("ports", ())]
    assert {port.rpartition(":")[0].rpartition(":")[0] for port in published} == {"${PUBLISH:-127.0.0.1}", "127.0.0.1"}


def test_the_server_of_compose_writes_to_its_volume_alone_and_has_no_capability() -> None:
    server = COMPOSE["services"]["leadline"]
    assert (server["read_only"], server["cap_drop"]) == (True, ["ALL"])
    assert server["security_opt"] == ["no-new-privileges:true"]
    assert "no-new-privileges:true" in server["security_opt"]


@pytest.mark.parametrize("file", [DEPLOY / "compose" / "leadline.toml", KUBERNETES / "leadline.toml"])
def test_the_settings_are_valid_and_protect_each_port(file: Path, tmp_path: Path) -> None:
    settings = settings_of(file, tmp_path)
    assert (settings.authentication, settings.everyone_may_call) == (True, False)
    assert settings.tls_client_ca is not None


def environment_of_compose() -> dict[str, str]:
    found: dict[str, str] = COMPOSE["services"]["leadline"]["environment"]
    return found


def environment_of_pod() -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in SERVER["env"]}


@pytest.mark.parametrize("environment", [environment_of_compose(), environment_of_pod()])
def test_every_variable_is_a_setting(environment: dict[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    assert environment.keys() - LEDGER <= known
    assert environment.keys() >= LEDGER


def test_the_paths_of_the_pods_settings_are_on_its_volumes(tmp_path: Path) -> None:
    settings = settings_of(KUBERNETES / "leadline.toml", tmp_path)
    assert settings.tls_files is not None
    used = [*map(str, settings.tls_files.paths), *(text for text in environment_of_pod().values() if text[:1] == "/")]
    mounted = {each["mountPath"]: each["name"] for each in SERVER["volumeMounts"]}
    assert {str(Path(path).parent) for path in used} <= mounted.keys()
    assert set(mounted.values()) == {volume["name"] for volume in POD["spec"]["volumes"]}


def test_the_pod_may_write_to_its_volumes_alone_and_has_no_rights() -> None:
    assert SERVER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    context = POD["spec"]["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 10001)
    assert "USER 10001:10001" in (DEPLOY / "Dockerfile").read_text()
    assert OBJECTS["ServiceAccount", "leadline"]["automountServiceAccountToken"] is False


def test_the_pod_has_time_to_drain(tmp_path: Path) -> None:
    grace = settings_of(KUBERNETES / "leadline.toml", tmp_path).grace_period
    sleep = SERVER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["spec"]["terminationGracePeriodSeconds"] >= sleep + grace + DRAIN_SECONDS + 10
    readiness = SERVER["readinessProbe"]
    assert readiness["timeoutSeconds"] >= 3  # the time that `leadline health` waits
    assert float(COMPOSE["services"]["leadline"]["stop_grace_period"].removesuffix("s")) > 10 + DRAIN_SECONDS


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe"])
def test_probes_ask_for_grpc_health(probe: str) -> None:
    command = SERVER[probe]["exec"]["command"]
    assert command[0] == "leadline"
    assert CliRunner().invoke(app, [*command[1:], "--help"]).exit_code == 0


def test_a_database_that_is_away_restarts_no_pod() -> None:
    assert SERVER["livenessProbe"]["tcpSocket"] == {"port": "grpc"}
    assert "exec" not in SERVER["livenessProbe"]


def test_the_autoscaler_adds_pods_from_60_percent_on_and_takes_one_away_in_two_minutes() -> None:
    spec = OBJECTS["HorizontalPodAutoscaler", "leadline"]["spec"]
    [metric] = spec["metrics"]
    assert metric["resource"]["name"] == "cpu"
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 60}
    assert spec["behavior"]["scaleDown"]["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 120}]


def test_everything_selects_the_pods_and_names_their_ports() -> None:
    labels = POD["metadata"]["labels"]
    assert OBJECTS["Deployment", "leadline"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["PodDisruptionBudget", "leadline"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["NetworkPolicy", "leadline"]["spec"]["podSelector"]["matchLabels"] == labels
    ports = {port["name"]: port["containerPort"] for port in SERVER["ports"]}
    for name in ("leadline", "leadline-headless"):
        service = OBJECTS["Service", name]["spec"]
        assert service["selector"] == labels
        assert {port["targetPort"] for port in service["ports"]} <= ports.keys()
    assert OBJECTS["Service", "leadline-headless"]["spec"]["clusterIP"] == "None"
    allowed = [
        port["port"] for rule in OBJECTS["NetworkPolicy", "leadline"]["spec"]["ingress"] for port in rule["ports"]
    ]
    assert sorted(allowed) == sorted(ports)
    target = OBJECTS["HorizontalPodAutoscaler", "leadline"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) in OBJECTS


def test_the_ports_are_those_that_the_settings_and_the_image_name(tmp_path: Path) -> None:
    settings = settings_of(KUBERNETES / "leadline.toml", tmp_path)
    listening = [int(each.address.rpartition(":")[2]) for each in settings.listeners]
    assert sorted(port["containerPort"] for port in SERVER["ports"]) == sorted(listening)
    [exposed] = re.findall(r"^EXPOSE (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert sorted(map(int, exposed.split())) == sorted(listening)


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    for test in loaded(DEPLOY / "prometheus" / "leadline.rules.test.yml")["tests"]:
        yield from (series["series"] for series in test["input_series"])


def test_every_metric_that_an_alert_names_is_documented_with_its_labels() -> None:
    rows = re.findall(
        r"^\| `(leadline_\w+)` \| (\w+) \|([^|]*)\|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
    )
    labels = {name: set(re.findall(r"`(\w+)`", text)) for name, _, text in rows}
    histograms = {name for name, kind, _ in rows if kind == "histogram"}
    labels |= {f"{name}_{part}": labels[name] | {"le"} for name in histograms for part in ("bucket", "count", "sum")}
    for expression in expressions():
        for name, chosen in re.findall(r"(leadline_\w+)(?:\{([^}]*)\})?", expression):
            assert name in labels, name
            assert set(re.findall(r"(\w+)=", chosen)) - {"instance"} <= labels[name], expression


def test_every_alert_has_its_runbook_and_every_runbook_of_an_alert_its_rule() -> None:
    documented = re.findall(r"^\| `(Leadline\w+)` \|", (ROOT / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert documented == [rule["alert"] for rule in RULES]
    assert {rule["labels"]["severity"] for rule in RULES} == {"page", "ticket"}
    assert all(rule["annotations"]["summary"].endswith(".") for rule in RULES)
