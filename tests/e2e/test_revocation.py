"""Credentials that end, while two server processes share a ledger: open connections and open watches are refused."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc
import pytest
from leadline import Client, Tls
from leadline.v1 import call_log_service_pb2, contact_service_pb2
from support.access import bearer
from support.certificates import Authority, Pair
from support.servers import ServerProcess, leadline, server_process, until
from support.tokens import AUDIENCE, ISSUER, claims, key_set, signed

FIND: Final = "/leadline.v1.ContactService/FindContact"
WATCH: Final = "/leadline.v1.CallLogService/WatchCallLogs"
PBX: Final = "spiffe://acme/pbx"
MOST_SECONDS: Final = 1.0
MOST_WAIT: Final = 10.0
"""How long a refusal is waited for, in seconds: if it does not come, the test fails."""

SETTINGS: Final = """
listen = "127.0.0.1:0"
metrics_listen = "127.0.0.1:0"
http_listen = ""
authentication = true
tls_certificate = "{server.certificate}"
tls_key = "{server.key}"
tls_client_ca = "{ca}"

[accounts.acme]

[issuers.id]
issuer = "{issuer}"
audiences = ["{audience}"]
jwks_file = "{keys}"
roles = ["service"]
"""


@dataclass(frozen=True)
class Two:
    """Two servers on one ledger, the CA of both sides, and the first key."""

    first: ServerProcess
    second: ServerProcess
    authority: Authority
    platform: str

    @contextmanager
    def administrator(self) -> Iterator[Client]:
        """A client of the first server, for the account acme."""
        pair = self.authority.issue("admin", "admin.example")
        tls = Tls(ca=self.authority.file, certificate=pair.certificate, key=pair.key, server_name="localhost")
        with Client(self.first.address, account="acme", api_key=self.platform, tls=tls) as client:
            yield client

    @contextmanager
    def user(self, pair: Pair, credential: str | None) -> Iterator["Connected"]:
        """An open connection to the second server, with a watch."""
        credentials = grpc.ssl_channel_credentials(
            self.authority.file.read_bytes(), pair.key.read_bytes(), pair.certificate.read_bytes()
        )
        options = (("grpc.ssl_target_name_override", "localhost"), ("grpc.use_local_subchannel_pool", 1))
        with (
            grpc.secure_channel(self.second.address, credentials, options) as channel,
            ThreadPoolExecutor(1) as threads,
        ):
            connected = Connected(channel, bearer(credential))
            assert connected.status() == "OK"
            with connected.watching(threads):
                yield connected


class Connected:
    """A client's open connection, and the watch on it."""

    def __init__(self, channel: grpc.Channel, metadata: Any) -> None:
        self._find: Any = channel.unary_unary(FIND)
        self._watch: Any = channel.unary_stream(WATCH)
        self._metadata = metadata
        self.ended: Future[tuple[str, float]] = Future()

    def status(self) -> str:
        """The status of a lookup now."""
        request = contact_service_pb2.FindContactRequest(account_id="acme", phone_numbers=["+12025550147"])
        try:
            self._find(request.SerializeToString(), metadata=self._metadata, timeout=10)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"

    @contextmanager
    def watching(self, threads: ThreadPoolExecutor) -> Iterator[None]:
        """Open a watch that is ready, and note when it ends. It is ended at the end of the body."""
        request = call_log_service_pb2.WatchCallLogsRequest(account_id="acme").SerializeToString()
        stream = self._watch(request, metadata=self._metadata)
        next(stream)

        def until_it_ends() -> tuple[str, float]:
            try:
                for _ in stream:
                    pass
            except grpc.RpcError as error:
                return error.code().name, time.time()
            return "OK", time.time()

        self.ended = threads.submit(until_it_ends)
        try:
            yield
        finally:
            stream.cancel()  # a watch that nobody refused must not keep the test waiting

    def refused_after(self, since: float) -> tuple[float, float]:
        """Wait until a lookup is refused, and the watch: seconds since a time, of each."""
        status = ""

        def is_refused() -> bool:
            nonlocal status
            status = self.status()
            return status != "OK"

        until(is_refused, MOST_WAIT)
        assert status == "UNAUTHENTICATED"
        lookup = time.time() - since
        code, at = self.ended.result(MOST_WAIT)
        assert code == "UNAUTHENTICATED"
        return lookup, at - since


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("revocation")
    authority = Authority(folder / "ca")
    keys = folder / "keys.json"
    keys.write_bytes(key_set())
    config, key = folder / "leadline.toml", folder / "platform.key"
    values: dict[str, Any] = {
        "server": authority.issue("server", "localhost"),
        "ca": authority.file,
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "keys": keys,
    }
    config.write_text(SETTINGS.format(**values))
    made = leadline("keys", "bootstrap", "--file", key, "--data-dir", folder / "data")
    assert made.returncode == 0, made.stderr
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                server_process(
                    folder / f"server-{number}",
                    "--config",
                    str(config),
                    settings={"LEADLINE_DATA_DIR": str(folder / "data")},
                    has_addresses=True,
                    has_data_dir=True,
                )
            )
            for number in range(2)
        ]
        yield Two(servers[0], servers[1], authority, key.read_text().strip())


Case = Callable[[Two, Client], tuple[Pair, str | None, Callable[[], float]]]
"""Makes a client's certificate and credential, and what ends the credential; that returns when it did."""


def revoked_key(two: Two, admin: Client) -> tuple[Pair, str | None, Callable[[], float]]:
    issued = admin.issue_key("ROLE_SERVICE")
    return two.authority.issue("nobody", "nobody.example"), issued.secret, by(admin.revoke_key, issued.key.key_id)


def removed_certificate(two: Two, admin: Client) -> tuple[Pair, str | None, Callable[[], float]]:
    issued = admin.issue_key("ROLE_SERVICE", certificate_name=f"URI:{PBX}")
    return two.authority.issue("pbx", PBX), None, by(admin.revoke_key, issued.key.key_id)


def denied_token(two: Two, admin: Client) -> tuple[Pair, str | None, Callable[[], float]]:
    deny = by(admin.deny_tokens, ISSUER, token_id="one")
    return two.authority.issue("nobody", "nobody.example"), signed(claims(jti="one")), deny


def denied_subject(two: Two, admin: Client) -> tuple[Pair, str | None, Callable[[], float]]:
    deny = by(admin.deny_tokens, ISSUER, subject="bob")
    return two.authority.issue("nobody", "nobody.example"), signed(claims(sub="bob", jti="two")), deny


def expired_token(two: Two, admin: Client) -> tuple[Pair, str | None, Callable[[], float]]:
    del admin
    end = time.time() + 3.0

    def wait() -> float:
        time.sleep(max(0.0, end - time.time()))
        return end

    return two.authority.issue("nobody", "nobody.example"), signed(claims(sub="carol", exp=end)), wait


def by(change: Callable[..., object], *arguments: str, **named: str) -> Callable[[], float]:
    def end() -> float:
        change(*arguments, **named)
        return time.time()  # once the answer is there, it is in force

    return end


@pytest.mark.parametrize("case", [revoked_key, removed_certificate, denied_token, denied_subject, expired_token])
def test_a_credential_that_ended_is_refused_by_the_other_process_within_a_second(
    two: Two, case: Case, record_property: Callable[[str, object], None]
) -> None:
    with two.administrator() as admin:
        pair, credential, end = case(two, admin)
        with two.user(pair, credential) as connected:
            lookup, watch = connected.refused_after(end())
    record_property("seconds", f"lookup {lookup:.3f}, watch {watch:.3f}")
    print(f"{case.__name__}: lookup {lookup:.3f} s, watch {watch:.3f} s")  # noqa: T201 - the measured values
    assert max(lookup, watch) < MOST_SECONDS
