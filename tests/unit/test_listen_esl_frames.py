"""Frames of FreeSWITCH's event socket: cut anywhere, too large, and broken."""

import json
import random
from typing import Final

import pytest
from fakes.freeswitch import in_json, in_plain, reply, response
from leadline_server.listen.esl_frames import MOST_BODY, MOST_HEADERS, EslParser, json_texts
from support.freeswitch_sessions import blind_transfer
from support.mutations import mutated

EVENTS: Final = blind_transfer().events


def test_frames_come_out_whole_however_the_bytes_are_cut() -> None:
    data = b"Content-Type: auth/request\n\n" + reply("+OK accepted")
    data += b"".join(map(in_json, EVENTS)) + response("up\n\nfor long\n") + b"".join(map(in_plain, EVENTS))
    for size in (1, 7, 64, 4096, len(data)):
        parser = EslParser()
        found = [frame for at in range(0, len(data), size) for frame in parser.feed(data[at : at + size])]
        assert [frame.kind for frame in found[:2]] == ["auth/request", "command/reply"]
        assert [event for frame in found if (event := frame.event()) is not None] == [*EVENTS, *EVENTS]
        assert found[2 + len(EVENTS)].text == "up\n\nfor long\n"
        assert parser.dropped == 0


@pytest.mark.parametrize("size", [1000, MOST_BODY])
def test_a_frame_that_is_too_large_is_read_past(size: int) -> None:
    parser, large = EslParser(), MOST_BODY + 1
    data = b"Content-Length: %d\n\n" % large + b"x" * large + b"Huge: " + b"y" * MOST_HEADERS + b"\n\n" + reply("+OK")
    found = []
    for at in range(0, len(data), size):
        found += parser.feed(data[at : at + size])
        assert kept(parser) <= MOST_HEADERS + size + 2
    assert [frame.headers.get("reply-text") for frame in found] == ["+OK"]
    assert parser.dropped == 2


@pytest.mark.parametrize("length", ["", "-1", "1e9", "٣", "9" * 30, str(10**14)])
def test_a_length_that_cannot_be_meant_is_none(length: str) -> None:
    parser = EslParser()
    parser.feed(f"Content-Type: text/event-json\nContent-Length: {length}\n\n".encode())
    [frame] = parser.feed(reply("+OK"))
    assert frame.kind == "command/reply"


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000, b'"text"'])
def test_what_is_no_event_is_none(body: bytes) -> None:
    assert json_texts(body) is None


def test_only_texts_of_an_event_count() -> None:
    assert json_texts(json.dumps({"a": "1", "b": 2, "c": ["x"], "d": None}).encode()) == {"a": "1"}


@pytest.mark.parametrize("frames", [3_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_mutated_frames_raise_nothing_and_keep_little(frames: int) -> None:
    chance, parser = random.Random(1), EslParser()
    samples = [encode(event) for event in EVENTS for encode in (in_json, in_plain)]
    samples += [reply("+OK accepted"), response('{"row_count": 0}')]
    for _ in range(frames):
        for frame in parser.feed(mutated(chance, chance.choice(samples))):
            assert all(isinstance(value, str) for value in (frame.event() or {}).values())
        assert kept(parser) <= MOST_BODY + MOST_HEADERS


def kept(parser: EslParser) -> int:
    """Bytes that a parser holds."""
    return len(parser._buffer) + sum(len(key) + len(value) for key, value in (parser._headers or {}).items())  # noqa: SLF001
