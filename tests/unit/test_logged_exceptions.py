"""A logged exception says where it was raised, in little text and little time, and shows nothing that it was about."""

import contextlib
import linecache
from collections.abc import Callable

import pytest
from leadline_server.domain.errors import LeadlineError
from leadline_server.logs import MOST_FRAMES, MOST_SENTENCE, described

NUMBER, NAME, TOKEN = "+12025550147", "Ada Lovelace", "leadline_0123456789abcdef_secret"


def raised(work: Callable[[], object]) -> BaseException:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - the test looks at any
        return error
    raise AssertionError


def deep(frames: int, error: Exception) -> None:
    caller = NUMBER + NAME + TOKEN  # a local variable of every frame
    if frames:
        deep(frames - 1, error)
    assert caller
    raise error


def fail_in_chain(error: Exception, causes: int) -> None:
    for _ in range(causes):
        following = KeyError(NUMBER, NAME)
        try:
            raise following from error
        except KeyError as raised_error:
            error = raised_error
    raise error


@pytest.mark.parametrize(
    "error", [KeyError(NUMBER), ValueError(NAME), OSError(2, f"no '{TOKEN}'"), RuntimeError(TOKEN)]
)
def test_no_local_variable_and_no_value_stands_in_a_trace(error: Exception) -> None:
    text = "\n".join(described(raised(lambda: deep(40, error))))
    assert type(error).__name__ in text
    assert not [secret for secret in (NUMBER, NAME, TOKEN) if secret in text]


def test_a_trace_has_the_last_frames_and_says_how_many_it_lacks() -> None:
    lines = list(described(raised(lambda: deep(400, ValueError()))))
    assert sum(line.startswith("  File") for line in lines) == MOST_FRAMES
    assert f"  {403 - MOST_FRAMES} frames before" in lines
    assert lines[-2].endswith("in deep")
    assert lines[-1] == "ValueError"


def test_the_sources_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> list[str]:
        raise AssertionError("a source was read")

    monkeypatch.setattr(linecache, "getlines", read)
    monkeypatch.setattr(linecache, "getline", read)
    assert list(described(raised(lambda: deep(3, ValueError()))))


def test_a_chain_of_causes_and_a_deep_recursion_are_short_texts() -> None:
    def recurse() -> None:
        with contextlib.suppress(ZeroDivisionError):
            recurse()

    for error in (raised(recurse), raised(lambda: fail_in_chain(ValueError(NAME), 500))):
        text = "\n".join(described(error))
        assert len(text) < 6 * (MOST_FRAMES + 3) * 200
        assert NAME not in text
        assert NUMBER not in text


def test_of_a_long_message_only_the_type_is_logged() -> None:
    for error in (KeyError("x" * MOST_SENTENCE), LeadlineError("'" + NAME + "x" * MOST_SENTENCE)):
        assert list(described(error))[-1] == type(error).__name__
