"""`leadline ring` through the webhooks of phone systems: the requests that they would send, to a served leadline."""

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import NamedTuple

import pytest
from support.servers import ServerProcess, leadline
from support.webhook_servers import prepare, toml, webhook_server
from support.webhooks import SYSTEMS


class Served(NamedTuple):
    """A served leadline and the file of its settings."""

    server: ServerProcess
    config: Path

    def ring(self, *words: str) -> CompletedProcess[str]:
        return leadline(
            "ring", *words, "--server", self.server.address, "--http", f"http://{self.server.http_address}",
            "--config", str(self.config), "--seconds", "0.2", "--extension", "101",
        )  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ring")
    config = toml(folder, *SYSTEMS.values(), source="desk")
    with webhook_server(folder / "data", config) as server:
        prepare(server.http_address)
        yield Served(server, config)


@pytest.mark.parametrize("name", sorted(SYSTEMS.keys() - {"telnyx"}))
def test_a_test_call_by_a_webhook_is_logged_for_the_extensions_user(served: Served, name: str) -> None:
    done = served.ring("--via", name, "--json")
    assert done.returncode == 0, done.stderr
    log = json.loads(done.stdout)
    assert (log["user_id"], log["call"]["result"]) == ("alice", "CALL_RESULT_ANSWERED")
    assert log["call"]["is_final"] is True
    assert log["call"]["caller"]["phone_number"] == "+12025550123"


def test_each_step_is_shown(served: Served) -> None:
    done = served.ring("--via", "asterisk")
    assert [line.split()[0] for line in done.stdout.splitlines()[:3]] == ["ringing", "answered", "ended"]


@pytest.mark.parametrize(
    ("via", "said"),
    [
        ("telnyx", "Telnyx signs with a private key that only Telnyx has"),
        ("acorn", "account demo has no route acorn in these settings; it has 3cx, asterisk,"),
    ],
)
def test_what_cannot_ring_says_so(served: Served, via: str, said: str) -> None:
    done = served.ring("--via", via)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_wrong_secret_is_named(served: Served, tmp_path: Path) -> None:
    wrong = toml(tmp_path, SYSTEMS["asterisk"], secret="another secret")
    done = Served(served.server, wrong).ring("--via", "asterisk")
    assert done.returncode == 1
    assert "does the server have these settings?" in done.stderr
