"""tools/audit.py: it finds what is vulnerable, and the project has nothing that is."""

import audit
import pytest

KNOWN = [("aiohttp", "CVE-1", "3.1", "3.14.4"), ("other", "CVE-2", "0", "2")]


@pytest.mark.parametrize(("version", "is_found"), [("3.0.9", 0), ("3.1", 1), ("3.14.3", 1), ("3.14.4", 0), ("4", 0)])
def test_a_version_is_vulnerable_from_the_first_to_before_the_fixed_one(version: str, is_found: int) -> None:
    assert len(list(audit.vulnerable({"aiohttp": version}, KNOWN))) == is_found


def test_floors_are_the_oldest_versions_of_all_extras() -> None:
    project = {"dependencies": ["a>=1.2,<2"], "optional-dependencies": {"x": ["B[c]>=3"], "y": ["d"]}}
    assert audit.floors(project) == {"a": "1.2", "b": "3", "d": "0"}


def test_neither_the_pinned_packages_nor_the_oldest_allowed_ones_have_a_known_vulnerability() -> None:
    assert audit.offline() == []
    assert len(audit.advisories()) > 50
    assert len(audit.pinned("server")) > 30
