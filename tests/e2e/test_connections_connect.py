"""`leadline connections connect`: a person consents at a fake CRM, as strict as RFC 6749 and RFC 7636 want it."""

import asyncio
import base64
import hashlib
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from e2e.test_adapter_remote import adapter_process
from leadline_server.clock import SystemClock
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.crm.salesforce.adapter_type import SALESFORCE
from leadline_server.crm.toolkit.oauth import OAuthAuthorizer
from leadline_server.crm.toolkit.oauth_grant import BY_CONSENT
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmUnavailable
from leadline_server.encryption.keys import SecretsKeys
from support import forked_commands
from support.http_servers import http_server
from support.ledgers import each_ledger, opened_ledger, postgres_rows, settings_of
from support.secrets_keys import key_file
from support.servers import environment


@dataclass
class Vendor:
    """A CRM's authorization server. A code is good once, for the redirect and the challenge that it was given for."""

    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    tokens: int = 0
    has_refresh_token: bool = True
    denies: bool = False
    forged_state: str = ""
    steps: list[str] = field(default_factory=list)
    polled: list[float] = field(default_factory=list)
    interval: float = 1.0
    device_code: str = ""
    bearers: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/services/oauth2/authorize":
            return self._authorize(request)
        if request.path.startswith("/services/data/"):
            self.bearers.append(request.headers["Authorization"])
            return web.Response(status=503)
        assert request.path == "/services/oauth2/token"
        return self._token({name: str(value) for name, value in (await request.post()).items()})

    def _authorize(self, request: web.Request) -> web.Response:
        query = request.query
        assert (query["response_type"], query["client_id"]) == ("code", "leadline")
        assert (query["scope"], query["code_challenge_method"]) == ("api refresh_token", "S256")
        assert len(query["state"]) >= 32
        state = self.forged_state or query["state"]
        if self.denies:
            raise web.HTTPFound(f"{query['redirect_uri']}?error=access_denied&state={state}")
        code = f"code-{len(self.codes)}"
        self.codes[code] = query["redirect_uri"], query["code_challenge"]
        raise web.HTTPFound(f"{query['redirect_uri']}?code={code}&state={state}")

    def _device(self, form: dict[str, str]) -> web.Response:
        """Salesforce's device flow, at its token endpoint: first the codes, then the questions for tokens."""
        if form.get("response_type") == "device_code":
            assert form == {"response_type": "device_code", "client_id": "leadline", "scope": "api refresh_token"}
            self.device_code = f"device-{len(self.polled)}"
            page = {"verification_uri": "https://login.example.com/device", "user_code": "WDJB-MJHT", "interval": 1}
            return web.json_response({"device_code": self.device_code, **page})
        asked_at = time.monotonic()
        is_early = bool(self.polled) and asked_at - self.polled[-1] < self.interval
        self.polled.append(asked_at)
        known = {"grant_type": "device", "code": self.device_code, "client_id": "leadline", "client_secret": "hush"}
        if form != known:
            return web.json_response({"error": "invalid_grant"}, status=400)
        if is_early or self.steps:
            said = "slow_down" if is_early else self.steps.pop(0)
            if said == "slow_down":
                self.interval += 5
            return web.json_response({"error": said}, status=400)
        self.device_code = ""  # it is good once
        return self._granted()

    def _token(self, form: dict[str, str]) -> web.Response:
        if "response_type" in form or form.get("grant_type") == "device":
            return self._device(form)
        redirect_uri, challenge = self.codes.pop(form.get("code", ""), ("", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_right = (
            form.get("grant_type") == "authorization_code"
            and form.get("redirect_uri") == redirect_uri != ""
            and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
            and (form.get("client_id"), form.get("client_secret")) == ("leadline", "hush")
        )
        if not is_right:
            self.refused.append(str(form))
            return web.json_response({"error": "invalid_grant"}, status=400)
        return self._granted()

    def _granted(self) -> web.Response:
        self.tokens += 1
        refresh = {"refresh_token": f"pLaNtEd-r{self.tokens}"} if self.has_refresh_token else {}
        return web.json_response({"access_token": f"pLaNtEd-a{self.tokens}", "expires_in": 3600, **refresh})


@dataclass
class Ended:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str


@asynccontextmanager
async def vendor_at(folder: Path) -> AsyncIterator[tuple[Vendor, Path]]:
    """A vendor, and the settings of a connection to it."""
    vendor, config = Vendor(), folder / "leadline.toml"
    async with http_server(vendor.handle) as url:
        config.write_text(
            '[accounts.demo]\nconnection = "sales"\n[connections.sales]\nadapter = "salesforce"\n'
            f'instance_url = "{url}"\nlogin_url = "{url}"\nclient_id = "leadline"\nclient_secret = "hush"\n'
            f'refresh_token = "{BY_CONSENT}"\n'
            '[connections.hub]\nadapter = "hubspot"\ntoken = "t"\n'
        )
        yield vendor, config


def settings_in(config: Path) -> dict[str, str]:
    """The settings of a command beside the file of the connections."""
    data_dir = config.parent / "data"
    return {"LEADLINE_CONFIG": str(config), "LEADLINE_DATA_DIR": str(data_dir), **settings_of(data_dir)}


def kept_bytes(data_dir: Path) -> bytes:
    """The tokens as the ledger keeps them, and all files in its folder."""
    rows = postgres_rows(data_dir, "SELECT encode(document, 'escape') FROM tokens") or []
    return b"".join([str(rows).encode(), *(file.read_bytes() for file in data_dir.iterdir())])


async def connected(config: Path, name: str = "sales", *more: str, consents: bool = True) -> Ended:
    """Run the command, and open the address that it prints, as a browser would."""
    out, err = config.with_name("stdout"), config.with_name("stderr")
    arguments = ["connections", "connect", name, "--no-browser", "--port", "0", *more]
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = forked_commands.fork(arguments, environment(settings_in(config)), stdout, stderr)
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as browser:
            found = None
            while consents and not found and process.poll() is None:
                await asyncio.sleep(0.005)
                found = re.search(r"^(http://\S+authorize\?\S+)\n", out.read_text(), re.MULTILINE)
            if found:
                async with browser.get(found[1]) as page:
                    assert page.status == 200
                    assert "close this window" in await page.text()
            while process.poll() is None:
                await asyncio.sleep(0.005)
    finally:
        process.kill()
    return Ended(process.wait(), out.read_text(), err.read_text())


async def bearer(config: Path) -> str:
    """The token that a server would send now."""
    from leadline_server.config import Settings

    table = Settings(config=config).connections["sales"]
    settings = SALESFORCE.settings.model_validate(table.options)
    assert SALESFORCE.consent is not None
    consent = SALESFORCE.consent(settings)
    assert consent is not None
    keys = SecretsKeys(key_file(config.with_name("secrets.key")))
    (config.parent / "data").mkdir(exist_ok=True)
    async with (
        opened_ledger(config.parent / "data", keys) as ledger,
        aiohttp.ClientSession() as session,
    ):
        authorizer = OAuthAuthorizer(session, consent.grant, ledger.tokens, "sales", SystemClock(), "a server")
        return (await authorizer.headers())["Authorization"]


@each_ledger
@pytest.mark.skipif(sys.platform != "linux", reason="starts a process")
async def test_consent_is_asked_for_and_the_tokens_are_stored(tmp_path: Path) -> None:
    async with vendor_at(tmp_path) as (vendor, config):
        with pytest.raises(CrmAuthFailed, match="Run: leadline connections connect sales"):
            await bearer(config)
        ended = await connected(config)
        assert (ended.code, vendor.refused) == (0, []), ended.stderr
        assert "Connection sales is granted access" in ended.stdout
        assert await bearer(config) == "Bearer pLaNtEd-a1"
        again = await connected(config)  # granting again replaces the tokens
        assert again.code == 0
        assert await bearer(config) == "Bearer pLaNtEd-a2"
        assert b"pLaNtEd" not in kept_bytes(tmp_path / "data")
        assert "pLaNtEd" not in ended.stdout + ended.stderr


@each_ledger
async def test_an_adapter_that_is_served_sends_the_token_that_was_granted(tmp_path: Path) -> None:
    async with vendor_at(tmp_path) as (vendor, config):
        assert (await connected(config)).code == 0
        with adapter_process(tmp_path / "data", connection="sales", settings=settings_in(config)) as address:
            async with remote_crm(address) as crm:
                with pytest.raises(CrmUnavailable):
                    await crm.check()
        assert set(vendor.bearers) == {"Bearer pLaNtEd-a1"}


@each_ledger
async def test_what_is_no_consent_stores_nothing_and_says_why(tmp_path: Path) -> None:
    async with vendor_at(tmp_path) as (vendor, config):
        vendor.denies = True
        ended = await connected(config)
        assert (ended.code, ended.stderr) == (1, "leadline: The CRM grants no access: access_denied.\n")
        vendor.denies, vendor.forged_state = False, "x" * 43
        ended = await connected(config)
        assert ended.code == 1
        assert "does not belong to this request" in ended.stderr
        vendor.forged_state, vendor.has_refresh_token = "", False
        ended = await connected(config)
        assert ended.code == 1
        assert "granted no refresh token" in ended.stderr
        with pytest.raises(CrmAuthFailed):
            await bearer(config)


async def test_connections_that_need_no_consent_or_do_not_exist_are_told(tmp_path: Path) -> None:
    async with vendor_at(tmp_path) as (_, config):
        ended = await connected(config, "hub", consents=False)
        assert (ended.code, "needs no consent" in ended.stderr) == (2, True)
        ended = await connected(config, "none", consents=False)
        assert (ended.code, "There is no connection none" in ended.stderr) == (3, True)


@each_ledger
@pytest.mark.skipif(sys.platform != "linux", reason="starts a process")
async def test_on_a_machine_without_a_browser_a_person_consents_elsewhere(tmp_path: Path) -> None:
    async with vendor_at(tmp_path) as (vendor, config):
        vendor.steps = ["authorization_pending", "slow_down"]
        ended = await connected(config, "sales", "--device", consents=False)
        assert ended.code == 0, ended.stderr
        assert "https://login.example.com/device\nand enter this code: WDJB-MJHT" in ended.stdout
        assert await bearer(config) == "Bearer pLaNtEd-a1"
        waits = [after - before for before, after in pairwise(vendor.polled)]
        assert len(waits) == 2
        assert waits[0] >= 1.0
        assert waits[1] >= 6.0  # 5 seconds more after slow_down (RFC 8628, section 3.5)
        assert "pLaNtEd" not in ended.stdout + ended.stderr


async def test_a_consent_that_is_refused_elsewhere_stores_nothing(tmp_path: Path) -> None:
    async with vendor_at(tmp_path) as (vendor, config):
        vendor.steps = ["access_denied"]
        ended = await connected(config, "sales", "--device", consents=False)
        assert (ended.code, "access_denied" in ended.stderr) == (1, True)
        with pytest.raises(CrmAuthFailed):
            await bearer(config)


async def test_a_crm_without_device_flow_says_so(tmp_path: Path) -> None:
    config = tmp_path / "leadline.toml"
    config.write_text(
        '[connections.hub]\nadapter = "hubspot"\nclient_id = "c"\nclient_secret = "s"\n'
        f'refresh_token = "{BY_CONSENT}"\n'
    )
    ended = await connected(config, "hub", "--device", consents=False)
    assert (ended.code, "has no device flow" in ended.stderr) == (2, True)
