"""Temporary files of tests are in memory, where it has room and nothing else was asked for."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from support import temporary_files
from support.temporary_files import put_in_memory


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the system's, and a process that was told of no other."""
    monkeypatch.setattr(temporary_files, "_SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(temporary_files, "_ROOM", 0)
    monkeypatch.setattr(tempfile, "tempdir", "/found/before")
    monkeypatch.setenv("TMPDIR", "")
    monkeypatch.delenv("TMPDIR")
    return tmp_path


def test_temporary_files_are_in_memory_also_those_of_processes_that_are_started(memory: Path) -> None:
    put_in_memory()
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(memory)


def test_a_folder_that_was_asked_for_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    put_in_memory()
    assert (os.environ["TMPDIR"], tempfile.tempdir) == ("/elsewhere", "/found/before")


def test_memory_without_room_is_left_alone(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_files, "_ROOM", shutil.disk_usage(memory).total)
    put_in_memory()
    assert ("TMPDIR" in os.environ, tempfile.tempdir) == (False, "/found/before")


def test_where_there_is_no_such_memory_files_stay_on_disk(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_files, "_SHARED_MEMORY", memory / "none")
    put_in_memory()
    assert ("TMPDIR" in os.environ, tempfile.tempdir) == (False, "/found/before")
