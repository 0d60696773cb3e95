"""Frames of the manager interface: cut anywhere, too large, and broken."""

import random
from typing import Final

import pytest
from fakes.asterisk_script import encoded
from leadline_server.listen.ami_frames import MOST_FRAME, MOST_LINE, FrameParser
from support.asterisk_sessions import queue
from support.mutations import mutated

GREETING: Final = b"Asterisk Call Manager/9.0.0\r\n"


def test_frames_come_out_whole_however_the_bytes_are_cut() -> None:
    events = queue().events
    data = GREETING + b"".join(map(encoded, events))
    expected = [{key: value.replace("<unknown>", "") for key, value in event.items()} for event in events]
    for size in (1, 7, 64, 4096, len(data)):
        parser = FrameParser()
        found = [frame for at in range(0, len(data), size) for frame in parser.feed(data[at : at + size])]
        assert found == expected
        assert parser.dropped == 0


@pytest.mark.parametrize("size", [1000, MOST_LINE * 3])
def test_a_line_that_is_too_long_costs_its_frame_alone(size: int) -> None:
    parser = FrameParser()
    data = b"Event: A\r\nData: " + b"x" * (MOST_LINE + 1) + b"\r\n\r\nEvent: B\r\n\r\n"
    found = [frame for at in range(0, len(data), size) for frame in parser.feed(data[at : at + size])]
    assert (found, parser.dropped) == ([{"Event": "B"}], 1)


def test_a_frame_without_an_end_keeps_no_more_than_its_bound() -> None:
    parser = FrameParser()
    line = b"Key%d: " + b"y" * 1000 + b"\r\n"
    for number in range(4 * MOST_FRAME // 1000):
        assert parser.feed(line % number) == []
    assert kept(parser) <= MOST_FRAME + MOST_LINE
    assert parser.feed(b"\r\nEvent: B\r\n\r\n") == [{"Event": "B"}]
    assert parser.dropped == 1


def test_of_a_repeated_key_the_first_value_counts() -> None:
    assert FrameParser().feed(b"Event: A\nOutput: 1\nOutput: 2\nno colon\n\n") == [{"Event": "A", "Output": "1"}]


@pytest.mark.parametrize("frames", [3_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_mutated_frames_raise_nothing_and_keep_little(frames: int) -> None:
    chance, parser = random.Random(1), FrameParser()
    samples = [encoded(event) for event in queue().events]
    for _ in range(frames):
        for frame in parser.feed(mutated(chance, chance.choice(samples))):
            assert all(isinstance(value, str) for value in frame.values())
        assert kept(parser) <= MOST_FRAME + 2 * MOST_LINE


def kept(parser: FrameParser) -> int:
    """Bytes that a parser holds."""
    return len(parser._tail) + sum(len(key) + len(value) for key, value in parser._fields.items())  # noqa: SLF001
