"""A file that grows is read on from a bookmark, through rotation, whole lines at a time."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from leadline_server.listen.followed_file import (
    BadBookmark,
    FollowedFile,
    load_bookmark,
    save_bookmark,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Master.csv"


def append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


def renamed(path: Path) -> None:
    """Logrotate with `create`."""
    _shift(path)
    path.rename(path.with_name(f"{path.name}.1"))
    path.touch()


def truncated(path: Path) -> None:
    """Logrotate with `copytruncate`."""
    _shift(path)
    shutil.copy(path, path.with_name(f"{path.name}.1"))
    with path.open("r+") as stream:
        stream.truncate(0)


def _shift(path: Path) -> None:
    for number in range(8, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))


def read_all(file: FollowedFile) -> str:
    found = ""
    while (piece := file.next()) is not None:
        found += piece.data.decode()
    return found


def test_whole_lines_are_read_as_they_come(path: Path) -> None:
    file = FollowedFile(path, None)
    assert file.next() is None
    append(path, "one\ntw")
    assert read_all(file) == "one\n"
    append(path, "o\nthree\n")
    assert read_all(file) == "two\nthree\n"


@pytest.mark.parametrize("rotate", [renamed, truncated])
def test_what_was_written_before_a_rotation_is_read_first(path: Path, rotate: Callable[[Path], None]) -> None:
    append(path, "one\n")
    file = FollowedFile(path, None)
    assert read_all(file) == "one\n"
    append(path, "two\nthree")
    rotate(path)
    append(path, "four\n")
    rotate(path)
    append(path, "five\n")
    assert read_all(file) == "two\nthree\nfour\nfive\n"
    assert file.lost == 0


def test_a_file_that_was_truncated_and_grew_past_the_bookmark_is_another_one(path: Path) -> None:
    append(path, "one\n")
    file = FollowedFile(path, None)
    assert read_all(file) == "one\n"
    truncated(path)
    append(path, "other\nlines\n")
    assert read_all(file) == "other\nlines\n"


def test_a_file_that_is_gone_is_counted_and_the_new_one_read(path: Path) -> None:
    append(path, "one\n")
    file = FollowedFile(path, None)
    assert read_all(file) == "one\n"
    path.write_text("two\n")
    assert (read_all(file), file.lost) == ("two\n", 1)
    path.unlink()
    assert file.next() is None


def test_a_bookmark_goes_on_where_it_stood(path: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    append(path, "one\n")
    piece = FollowedFile(path, load_bookmark(mark)).next()
    assert piece is not None
    save_bookmark(mark, piece.bookmark)
    append(path, "two\n")
    renamed(path)
    append(path, "three\n")
    again = FollowedFile(path, load_bookmark(mark), {mark})
    assert read_all(again) == "two\nthree\n"


def test_the_lines_before_a_bookmark_are_known(path: Path) -> None:
    append(path, "one\ntwo\nthree\n")
    piece = FollowedFile(path, None).next()
    assert piece is not None
    file = FollowedFile(path, piece.bookmark)
    assert (file.before(1000), file.before(9)) == (b"one\ntwo\nthree\n", b"three\n")
    renamed(path)
    append(path, "four\n")
    assert (file.before(1000), file.before(9)) == (b"one\ntwo\nthree\n", b"three\n")
    assert read_all(file) == "four\n"
    assert (file.before(1000), file.before(11)) == (b"one\ntwo\nthree\nfour\n", b"four\n")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"offset": -1, "head_size": 0, "head": ""}', '{"offset": true}', "x"]
)
def test_a_file_that_is_no_bookmark_is_refused(tmp_path: Path, text: str) -> None:
    mark = tmp_path / "mark"
    mark.write_text(text)
    with pytest.raises(BadBookmark, match="is not a bookmark"):
        load_bookmark(mark)


def test_a_piece_is_bounded_and_a_line_without_an_end_is_cut(path: Path) -> None:
    path.write_text("x" * (256 * 1024 + 10) + "\nlast\n")
    file = FollowedFile(path, None)
    first = file.next()
    assert first is not None
    assert len(first.data) == 256 * 1024 + 1
    assert read_all(file) == "x" * 10 + "\nlast\n"


def test_other_files_of_the_folder_are_not_read(path: Path, tmp_path: Path) -> None:
    append(path, "one\n")
    file = FollowedFile(path, None, {tmp_path / "Master.csv.mark"})
    assert read_all(file) == "one\n"
    renamed(path)
    (tmp_path / "Master.csv.mark").write_text("no record\n")
    (tmp_path / "Master.csv.2.gz").write_text("packed\n")
    (tmp_path / "Other.csv").write_text("other\n")
    append(path, "two\n")
    assert read_all(file) == "two\n"


@pytest.mark.parametrize("runs", [30, pytest.param(2_000, marks=pytest.mark.soak)])
def test_any_order_of_writes_rotations_reads_and_restarts_loses_and_doubles_nothing(tmp_path: Path, runs: int) -> None:
    for seed in range(runs):
        folder = tmp_path / str(seed)
        folder.mkdir()
        _live_through(folder / "Master.csv", random.Random(seed))


def _live_through(path: Path, chance: random.Random) -> None:
    append(path, "first\n")
    file = FollowedFile(path, None)
    piece = file.next()
    assert piece is not None
    mark, found, written, rotations = piece.bookmark, "first\n", "first\n", 0
    for step in range(40):
        match chance.randrange(4):
            case 0 | 1:
                line = f"{step},{chance.random()}\n"
                append(path, line)
                written += line
            case 2 if rotations < 7:
                chance.choice((renamed, truncated))(path)
                rotations += 1
            case _:
                while (piece := file.next()) is not None:
                    found, mark = found + piece.data.decode(), piece.bookmark
                if chance.random() < 0.3:
                    file = FollowedFile(path, mark)
    assert found + read_all(file) == written
