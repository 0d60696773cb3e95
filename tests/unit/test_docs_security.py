"""docs/security.md: every test that it names exists, and so does what it says of settings."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from leadline_server.config import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED: Final = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    assert re.search(rf"^ *(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_threat_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "Attack" not in line]
    threats = PAGE[PAGE.index("## Threats") : PAGE.index("## Questions")]
    assert len(NAMED) > 25
    assert [row for row in rows if row in threats and "`tests/" not in row] == []


def test_the_defaults_that_the_page_names_are_those_of_the_settings() -> None:
    settings = Settings()
    assert f"`keep_calls_days` ({settings.keep_calls_days} by default)" in PAGE
    assert f"`keep_audit_days` ({settings.keep_audit_days})" in PAGE


def test_security_txt_has_the_fields_that_rfc_9116_requires() -> None:
    fields = dict(line.split(": ", 1) for line in (ROOT / "docs" / "security.txt").read_text().splitlines()[1:])
    assert fields["Contact"].startswith("mailto:")
    assert datetime.fromisoformat(fields["Expires"]) > datetime(2026, 11, 29, tzinfo=UTC)
