"""The official TypeScript client drives every RPC over HTTP: by Connect and gRPC-Web, in JSON and protobuf."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from fakes.misbehaviour import GOOD_TOKEN
from fakes.process import FakeProcess, fake_process
from support.servers import server_process

SOURCES: Final = Path(__file__).parent / "connect_client"
PROTOS: Final = Path(__file__).parents[2] / "protos"
NODE, NPM = shutil.which("node"), shutil.which("npm")
PACKAGES: Final = ("leadline/v1", "leadline/admin/v1")
WAYS: Final = ("connect json", "connect binary", "grpc-web binary")

pytestmark = pytest.mark.skipif(not NODE or not NPM, reason="needs node and npm on PATH")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The program's output for each protocol and format."""
    folder = tmp_path_factory.mktemp("connect")
    home = shutil.copytree(SOURCES, folder / "client")
    run("npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", cwd=home)
    generate(home)
    config = folder / "leadline.toml"
    settings = {
        "LEADLINE_CONFIG": str(config),
        "LEADLINE_DATA_DIR": str(folder / "data"),
        "LEADLINE_LISTEN": "127.0.0.1:0",
        "LEADLINE_METRICS_LISTEN": "127.0.0.1:0",
        "LEADLINE_HTTP_LISTEN": "127.0.0.1:0",
    }
    serving = server_process(folder / "data", settings=settings, has_addresses=True, has_data_dir=True)
    with fake_process("pipedrive", folder / "crm") as crm, connected(crm, config), serving as server:
        base = f"http://{server.http_address}"
        return {way: json.loads(run("node", "client.js", base, "generated", *way.split(), cwd=home)) for way in WAYS}


@contextmanager
def connected(crm: FakeProcess, config: Path) -> Iterator[None]:
    """Write a configuration whose account `connected` has this CRM, with a user in it."""
    [user_id] = crm.control("POST", "/users", [["Jane Roe", "jane@example.com", True]])
    assert user_id
    lines = ["[connections.crm]", 'adapter = "pipedrive"', 'company_domain = "acme"', f'api_token = "{GOOD_TOKEN}"']
    accounts = ["[accounts.demo]", "[accounts.connected]", 'connection = "crm"']
    config.write_text("\n".join([*lines, f'api_url = "{crm.url}"', *accounts]))
    yield


def package_of(proto: Path) -> str:
    """The package of a file: `leadline.admin.v1`."""
    return ".".join(proto.parent.relative_to(PROTOS).parts)


def rpcs() -> list[str]:
    """Every RPC of the contract: `leadline.v1.ContactService/FindContact`."""
    modules = [path for package in PACKAGES for path in sorted(PROTOS.glob(f"{package}/*_service.proto"))]
    services = [
        service
        for path in modules
        for service in import_module(f"{package_of(path)}.{path.stem}_pb2").DESCRIPTOR.services_by_name.values()
    ]
    return sorted(f"{service.full_name}/{method.name}" for service in services for method in service.methods)


def generate(home: Path) -> None:
    """Write the JavaScript code of the contract and of google.rpc's error details into `home`/generated."""
    spec = find_spec("grpc_tools")
    assert spec is not None
    assert spec.origin is not None
    common = Path(str(distribution("googleapis-common-protos").locate_file(".")))
    target = home / "generated"
    target.mkdir()
    (target / "package.json").write_text('{"type": "module"}')
    protos = [path for package in PACKAGES for path in sorted((PROTOS / package).glob("*.proto"))]
    sources = [str(path.relative_to(PROTOS)) for path in protos]
    includes = [f"-I{folder}" for folder in (PROTOS, common, Path(spec.origin).parent / "_proto")]
    plugin = f"--plugin=protoc-gen-es={home / 'node_modules' / '.bin' / 'protoc-gen-es'}"
    options = [plugin, f"--es_out={target}", "--es_opt=target=js", "--es_opt=import_extension=js"]
    run(
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        *includes,
        *options,
        *sources,
        "google/rpc/error_details.proto",
        cwd=home,
    )


def run(*command: str, cwd: Path) -> str:
    ended = subprocess.run(command, cwd=cwd, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("way", WAYS)
def test_every_rpc_answers_the_official_client(answers: dict[str, dict[str, Any]], way: str) -> None:
    seen = answers[way]
    assert seen["found"] == [True]
    assert seen["searched"] == 1
    assert (seen["logged"], seen["got"], seen["retried"]) == ("LOGGED", True, "LOGGED")
    assert seen["listed"] == [f"call-{way.replace(' ', '-')}"]
    assert seen["counted"] == 1
    assert (seen["replay"], seen["placeholder"], seen["removable"]) == (True, True, "UNTOUCHED")
    assert seen["preference"] == "CREATE_PLACEHOLDER"
    assert (seen["region"], seen["updated"]) == ("US", "Europe/Berlin")
    assert (seen["account"], seen["title"], seen["accounts"]) == ("API", "Ours", True)
    assert (seen["secret"], seen["keys"]) == (True, 2)
    assert (seen["set"], seen["options"]) == (["token"], {"portal_id": "7"})
    assert (seen["checked"], seen["disabled"], seen["state"]) == ("WORKING", "DISABLED", "DISABLED")
    assert seen["exported"] == ["account", "settings", "connection", "key", "key"]
    assert {"key.issued", "connection.updated", "account.exported", "account.deleted"} <= set(seen["audited"])


@pytest.mark.parametrize("way", WAYS)
def test_no_rpc_of_the_contract_is_left_out(answers: dict[str, dict[str, Any]], way: str) -> None:
    assert len(rpcs()) > 15
    assert answers[way]["driven"] == rpcs()


@pytest.mark.parametrize("way", WAYS)
def test_the_directory_answers_the_official_client(answers: dict[str, dict[str, Any]], way: str) -> None:
    seen, user = answers[way], way.replace(" ", "-")
    assert (seen["upserted"], seen["user"]) == (True, [f"x-{user}"])
    assert f"colleague-{user}" in seen["users"]
    assert seen["unnamed"] == f"colleague-{user}"
    assert [email for _, email in seen["crmUsers"]] == ["jane@example.com"]
    assert seen["conflict"] == ["AlreadyExists", "USER_CONFLICT"]
    assert seen["deleted"] == "USER_NOT_FOUND"


@pytest.mark.parametrize("way", WAYS)
def test_a_watch_streams_to_the_official_client(answers: dict[str, dict[str, Any]], way: str) -> None:
    assert answers[way]["watched"] is True


@pytest.mark.parametrize("way", WAYS)
def test_the_official_client_reads_an_errors_code_and_details(answers: dict[str, dict[str, Any]], way: str) -> None:
    assert answers[way]["refused"] == {
        "code": "InvalidArgument",
        "reason": "INVALID_REQUEST",
        "fields": ["phone_numbers[1]"],
    }
    assert answers[way]["unknown"] == "NotFound"
