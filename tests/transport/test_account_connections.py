"""Connections that are set by API: what they must not have, which hosts they reach, and what checks of them keep."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from leadline.admin.v1 import account_service_pb2 as pb
from leadline.admin.v1.account_pb2 import (
    CONNECTION_STATE_FAILING,
    CONNECTION_STATE_UNSPECIFIED,
    CONNECTION_STATE_WORKING,
)
from leadline_server.crm import egress
from support.admin import Administered, administered, refused
from support.http_servers import http_server

PRIVATE = [
    "https://127.0.0.1",
    "https://127.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://localhost",
    "https://[::1]",
    "https://0.0.0.0",
    "https://10.0.0.1",
    "https://172.16.3.4",
    "https://192.168.1.1",
    "https://100.64.0.1",
    "https://169.254.169.254",
    "https://[fe80::1]",
    "https://[fd00:ec2::254]",
    "https://[::ffff:10.0.0.1]",
    "https://[::ffff:8.8.8.8]",
    "https://[64:ff9b::a00:1]",
    "https://[64:ff9b:1::a00:1]",
    "https://[2002:a00:1::]",
    "https://[::10.0.0.1]",
    "https://168.63.129.16",
    "https://100.100.100.200",
    "https://192.0.0.192",
    "http://127.0.0.1:8080",
]


class Names:
    """Names that point where a test says, in place of the system's."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.asked: list[str] = []

    async def resolved(self, host: str) -> list[str]:
        self.asked.append(host)
        if host not in self.addresses:
            raise OSError("no such name")
        return [self.addresses[host]]

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        [address] = await self.resolved(host)
        flags = {"proto": 0, "flags": socket.AI_NUMERICHOST, "family": socket.AF_INET}
        return [{"hostname": host, "host": address, "port": port, **flags}]

    async def close(self) -> None:
        pass


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    monkeypatch.setattr(egress, "resolved", made.resolved)
    monkeypatch.setattr("leadline_server.crm.egress.aiohttp.ThreadedResolver", lambda: made)
    return made


@pytest.fixture
async def served(tmp_path: Path, names: Names) -> AsyncIterator[Administered]:
    async with administered(tmp_path) as server:
        await server.create()
        yield server


async def connection(served: Administered) -> Any:
    return (await served.accounts.GetConnection(pb.GetConnectionRequest(account_id="acme"))).connection


class TestWhatIsRefusedWhenItIsSet:
    @pytest.mark.parametrize("url", PRIVATE)
    async def test_hosts_that_are_not_public(self, served: Administered, names: Names, url: str) -> None:
        names.addresses |= dict.fromkeys(("localhost", "127.1", "2130706433", "0x7f000001"), "127.0.0.1")
        code, _, fields = await refused(served.set_connection("hubspot", {"api_url": url}, {"token": "t"}))
        assert (code, fields) == ("INVALID_ARGUMENT", ["connection.options.api_url"])
        assert (await connection(served)).adapter == "embedded"  # nothing changed

    async def test_a_name_that_points_to_a_private_address(self, served: Administered, names: Names) -> None:
        names.addresses["crm.example.com"] = "10.1.2.3"
        call = served.set_connection("hubspot", {"api_url": "https://crm.example.com"}, {"token": "t"})
        assert (await refused(call))[0] == "INVALID_ARGUMENT"

    @pytest.mark.parametrize("address", ["127.0.0.1:50060", "10.0.0.1:443", "[::1]:50060", "inside.example.com:443"])
    async def test_remote_adapters_that_are_not_public(self, served: Administered, names: Names, address: str) -> None:
        names.addresses["inside.example.com"] = "192.168.7.7"
        code, _, fields = await refused(served.set_connection("remote", {"address": address}))
        assert (code, fields) == ("INVALID_ARGUMENT", ["connection.options.address"])

    @pytest.mark.parametrize(
        ("adapter", "options", "secrets"),
        [
            ("hubspot", {"token": {"file": "/etc/passwd"}}, {}),
            ("hubspot", {"token": {"env": "HOME"}}, {}),
            ("hubspot", {"client_id": "c", "client_secret": {"file": "/etc/passwd"}}, {"refresh_token": "r"}),
            ("hubspot", {"token": "in the open"}, {}),
            ("hubspot", {}, {}),
            ("hubspot", {"no_such_option": 1}, {"token": "t"}),
            ("remote", {"address": "crm.example.com:443", "ca": "/etc/ssl/certs/ca-certificates.crt"}, {}),
            ("remote", {"address": "crm.example.com:443", "client_certificate": "/etc/passwd"}, {"client_key": "k"}),
            ("remote", {"address": "unix:/run/docker.sock"}, {}),
            ("http", {"definition": "/etc/leadline/evil.toml"}, {}),
            ("http", {"definition": "../evil"}, {}),
            ("http", {"definition": "espocrm.toml"}, {}),
            ("os", {}, {}),
            ("leadline_server.crm.embedded.adapter_type:EMBEDDED", {}, {}),
        ],
    )
    async def test_files_variables_paths_and_entry_points(
        self, served: Administered, adapter: str, options: dict[str, Any], secrets: dict[str, str]
    ) -> None:
        code, reason, fields = await refused(served.set_connection(adapter, options, secrets))
        assert (code, reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert fields
        assert (await connection(served)).adapter == "embedded"

    async def test_a_definition_of_the_catalogue_is_taken(self, tmp_path: Path, names: Names) -> None:
        shipped = Path("server/leadline_server/crm/declarative/shipped/espocrm.toml").read_text()  # noqa: ASYNC240
        (tmp_path / "catalogue").mkdir()
        (tmp_path / "catalogue" / "ours.toml").write_text(shipped)
        names.addresses["crm.example.com"] = "93.184.216.34"
        options, secrets = {"base_url": "https://crm.example.com"}, {"api_key": "k"}
        async with administered(tmp_path, definition_folder=tmp_path / "catalogue") as server:
            await server.create()
            for name in ("espocrm", "ours"):
                await server.set_connection("http", {"definition": name, **options}, secrets)
            call = server.set_connection("http", {"definition": "theirs", **options}, secrets)
            assert (await refused(call))[2] == ["connection.options.definition"]


class TestWhatIsRefusedAtConnect:
    async def test_a_name_that_points_elsewhere_later(self, served: Administered, names: Names) -> None:
        names.addresses["crm.example.com"] = "93.184.216.34"
        await served.set_connection("hubspot", {"api_url": "https://crm.example.com"}, {"token": "t"})
        for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1"):
            names.addresses["crm.example.com"] = address
            checked = await served.check()
            assert checked.state == CONNECTION_STATE_FAILING
            assert "is not a public address" in checked.last_error

    async def test_a_remote_adapter_whose_name_points_elsewhere_later(self, served: Administered, names: Names) -> None:
        names.addresses["crm.example.com"] = "93.184.216.34"
        await served.set_connection("remote", {"address": "crm.example.com:443"})
        names.addresses["crm.example.com"] = "10.0.0.1"
        checked = await served.check()
        assert checked.state == CONNECTION_STATE_FAILING
        assert "is not a public address" in checked.last_error

    async def test_a_literal_that_got_into_the_ledger(self, served: Administered) -> None:
        from leadline_server.domain.accounts import OwnConnection

        stored = OwnConnection(adapter="hubspot", options={"api_url": "https://10.0.0.1"}, secrets={"token": "t"})
        await served.app.ledger.account_connections.put("acme", stored, served.clock.now())
        checked = await served.check()
        assert "10.0.0.1 is not a public address" in checked.last_error

    async def test_redirects_are_not_followed(self, tmp_path: Path, names: Names) -> None:
        asked = []

        async def redirect(request: web.Request) -> web.Response:
            asked.append(request.path)
            return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"})

        async with http_server(redirect) as url, administered(tmp_path, egress_hosts=("127.0.0.1",)) as server:
            await server.create()
            await server.set_connection("hubspot", {"api_url": url}, {"token": "t"})
            assert (await server.check()).state == CONNECTION_STATE_FAILING
        assert asked
        assert names.asked == []


class TestChecks:
    async def test_the_crm_is_really_asked_and_the_last_success_and_error_are_kept(
        self, tmp_path: Path, names: Names
    ) -> None:
        tokens = []
        is_well = True

        async def crm(request: web.Request) -> web.Response:
            tokens.append(request.headers["Authorization"])
            return web.json_response({"results": []}, status=200 if is_well else 401)

        async with http_server(crm) as url, administered(tmp_path, egress_hosts=("127.0.0.1",)) as server:
            await server.create()
            stored = await server.set_connection("hubspot", {"api_url": url}, {"token": "t-1"})
            assert (stored.state, list(stored.secret_names)) == (CONNECTION_STATE_UNSPECIFIED, ["token"])
            working = await server.check()
            assert (working.state, working.last_error) == (CONNECTION_STATE_WORKING, "")
            assert set(tokens) == {"Bearer t-1"}
            is_well = False
            failing = await server.check()
            assert failing.state == CONNECTION_STATE_FAILING
            assert "account:acme" in failing.last_error
            assert failing.success_time == working.success_time
            is_well = True
            again = await server.check()
            assert again.state == CONNECTION_STATE_WORKING
            assert again.last_error == failing.last_error
            assert await connection(server) == again

    async def test_new_secrets_are_used_at_once(self, tmp_path: Path) -> None:
        tokens = []

        async def crm(request: web.Request) -> web.Response:
            tokens.append(request.headers["Authorization"])
            return web.json_response({"results": []})

        async with (
            http_server(crm) as url,
            administered(tmp_path, egress_hosts=("127.0.0.1",)) as server,
            administered(tmp_path, egress_hosts=("127.0.0.1",)) as other,
        ):
            await server.create()
            for token in ("t-1", "t-2"):
                await server.set_connection("hubspot", {"api_url": url}, {"token": token})
                await other.check()
                assert tokens[-1] == f"Bearer {token}"

    async def test_secrets_are_never_shown_and_not_readable_on_disk(self, served: Administered, tmp_path: Path) -> None:
        shown = await served.set_connection("hubspot", {"portal_id": "7"}, {"token": "pLaNtEd"})
        files = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
        assert "pLaNtEd" not in str(shown)
        assert b"pLaNtEd" not in files
        assert dict(shown.options)["portal_id"] == "7"
