"""The committed files of the page are what its sources make."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.system

TOOL: Final = Path(__file__).parents[2] / "tools" / "console.py"


@pytest.mark.parametrize("option", ["--types", "--check"])
def test_the_page_is_built_from_its_sources(option: str) -> None:
    assert shutil.which("npm"), "These tests need Node.js 20 or newer, and npm."
    ended = subprocess.run([sys.executable, TOOL, option], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
