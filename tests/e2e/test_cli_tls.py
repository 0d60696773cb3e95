"""The command line against a server with TLS and authentication: by options, by variables, and by a context."""

from pathlib import Path

from support.certificates import Authority
from support.servers import leadline, server_process

RECORDS = """Id,From,To,Direction,Start,End
r1,+12025550111,101,inbound,2026-03-01T10:00:00Z,2026-03-01T10:01:00Z
"""


def test_commands_and_imports_reach_a_server_with_tls_and_keys(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    pair = authority.issue("server", "localhost", "127.0.0.1")
    (tmp_path / "records.csv").write_text(RECORDS)
    settings = {
        "LEADLINE_TLS_CERTIFICATE": str(pair.certificate),
        "LEADLINE_TLS_KEY": str(pair.key),
        "LEADLINE_AUTHENTICATION": "true",
    }
    with server_process(tmp_path / "data", settings=settings) as server:
        key = tmp_path / "platform.key"
        made = leadline("keys", "bootstrap", "--call-data", "--file", key, "--data-dir", server.data_dir)
        assert made.returncode == 0, made.stderr
        tls = ("--tls-ca", authority.file, "--server", server.address)
        secret = {"LEADLINE_API_KEY": key.read_text().strip()}
        issued = leadline("keys", "issue", "--role", "service", "--json", *tls, settings=secret)
        assert issued.returncode == 0, issued.stderr
        assert "Set LEADLINE_API_KEY" in leadline("calls", "list", *tls).stderr
        assert leadline("calls", "list", *tls, settings=secret).returncode == 0
        assert leadline("calls", "list", "--server", server.address, settings=secret).returncode == 4

        home = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
        kept = leadline("context", "set", "here", "--api-key-file", key, *tls, settings=home)
        assert kept.returncode == 0, kept.stderr
        imported = leadline("calls", "import", tmp_path / "records.csv", "--default-user", "alice", settings=home)
        assert imported.returncode == 0, imported.stderr
        assert "r1" in leadline("calls", "show", "r1", settings=home).stdout
        by_variables = leadline(
            "calls", "import", tmp_path / "records.csv", "--default-user", "alice", *tls, settings=secret
        )
        assert by_variables.returncode == 0, by_variables.stderr
