"""Watching over streams that break, each given by hand."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import grpc
import pytest
from leadline import _watch, errors
from leadline._watch import CallLogWatch
from leadline.v1.call_log_pb2 import CallLog
from leadline.v1.call_log_service_pb2 import WatchCallLogsResponse


def token(name: str) -> WatchCallLogsResponse:
    return WatchCallLogsResponse(resume_token=name)


def change(revision: int) -> WatchCallLogsResponse:
    return WatchCallLogsResponse(call_log=CallLog(revision=revision), resume_token=f"after-{revision}")


def batch(*revisions: int) -> WatchCallLogsResponse:
    logs = [CallLog(revision=revision) for revision in revisions]
    return WatchCallLogsResponse(call_logs=logs, resume_token=f"after-{revisions[-1]}")


def broken(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "Broken.")


def too_slow() -> errors.LeadlineError:
    return errors.ResourceExhausted(grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW")


UNAVAILABLE = broken(grpc.StatusCode.UNAVAILABLE)
HANGS = object()


class Stream:
    def __init__(self, steps: Sequence[object]) -> None:
        self._steps = iter(steps)
        self.is_cancelled = False

    async def read(self) -> object:
        step = next(self._steps)
        if step is HANGS:
            await asyncio.Event().wait()
        if isinstance(step, BaseException):
            raise step
        return step

    def cancel(self) -> None:
        self.is_cancelled = True


class Server:
    """Streams in the order in which they are opened; an exception in place of one refuses."""

    def __init__(self, *streams: Sequence[object]) -> None:
        self.streams = [Stream(steps) for steps in streams]
        self.tokens: list[str] = []

    async def connect(self, resume_token: str) -> Any:
        self.tokens.append(resume_token)
        return self.streams[len(self.tokens) - 1]

    def watch(self, resume_token: str = "", answer_seconds: float = 5.0, give_up_after: float = 60.0) -> CallLogWatch:
        return CallLogWatch(self.connect, resume_token, answer_seconds, give_up_after)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watch, "_FIRST_PAUSE", 0.001)


async def test_call_logs_come_in_order_and_the_token_follows() -> None:
    watch = Server([token("now"), change(1), change(2)]).watch()
    assert [(await anext(watch)).revision, watch.resume_token] == [1, "after-1"]
    assert [(await anext(watch)).revision, watch.resume_token] == [2, "after-2"]


@pytest.mark.parametrize("end", [UNAVAILABLE, grpc.aio.EOF, too_slow()], ids=["unavailable", "ended", "too slow"])
async def test_a_stream_that_breaks_is_resumed_after_the_last_message(end: object) -> None:
    server = Server([token("now"), change(1), end], [change(2)])
    watch = server.watch()
    assert [(await anext(watch)).revision for _ in range(2)] == [1, 2]
    assert server.tokens == ["", "after-1"]


async def test_a_watch_begins_after_the_token_that_it_is_given() -> None:
    server = Server([change(8)])
    await anext(server.watch("after-7"))
    assert server.tokens == ["after-7"]


async def test_it_tries_until_the_server_is_back() -> None:
    server = Server([UNAVAILABLE], [UNAVAILABLE], [UNAVAILABLE], [change(1)])
    assert (await anext(server.watch())).revision == 1


async def test_it_gives_up_in_the_end_and_can_be_asked_again() -> None:
    server = Server([UNAVAILABLE], [change(1)])
    watch = server.watch(give_up_after=0)
    with pytest.raises(errors.Unavailable):
        await anext(watch)
    assert (await anext(watch)).revision == 1


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED]
)
async def test_what_another_try_cannot_help_is_raised(code: grpc.StatusCode) -> None:
    server = Server([broken(code)], [change(1)])
    with pytest.raises(errors.LeadlineError):
        await anext(server.watch())
    assert len(server.tokens) == 1


async def test_a_server_that_never_answers_is_left() -> None:
    server = Server([HANGS], [change(1)])
    assert (await anext(server.watch(answer_seconds=0.05))).revision == 1
    assert server.streams[0].is_cancelled


async def test_a_quiet_stream_is_not_left() -> None:
    server = Server([token("now"), HANGS], [change(1)])
    watch = server.watch(answer_seconds=0.05)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(watch), 0.3)
    assert len(server.tokens) == 1


async def test_after_a_cancelled_step_the_watch_goes_on() -> None:
    server = Server([change(1), HANGS], [change(2)])
    watch = server.watch()
    await anext(watch)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(watch), 0.05)
    assert (await anext(watch)).revision == 2
    assert server.tokens == ["", "after-1"]


async def test_start_returns_once_the_server_watches() -> None:
    server = Server([token("now"), change(1)])
    watch = server.watch()
    await watch.start()
    await watch.start()
    assert watch.resume_token == "now"
    assert (await anext(watch)).revision == 1


async def test_a_call_log_that_came_at_the_start_is_not_lost() -> None:
    watch = Server([change(1), change(2)]).watch("before")
    await watch.start()
    assert watch.resume_token == "before"
    assert [(await anext(watch)).revision for _ in range(2)] == [1, 2]


async def test_the_logs_of_one_message_come_one_by_one_and_its_token_holds_after_the_last() -> None:
    watch = Server([token("now"), batch(1, 2, 3), batch(4)]).watch()
    seen = [((await anext(watch)).revision, watch.resume_token) for _ in range(4)]
    assert seen == [(1, "now"), (2, "now"), (3, "after-3"), (4, "after-4")]


async def test_who_resumes_from_the_middle_of_a_message_misses_nothing() -> None:
    watch = Server([token("now"), batch(1, 2, 3)]).watch()
    await anext(watch)
    server = Server([batch(1, 2, 3, 4)])
    resumed = server.watch(watch.resume_token)
    assert [(await anext(resumed)).revision for _ in range(4)] == [1, 2, 3, 4]
    assert server.tokens == ["now"]


async def test_a_stream_that_breaks_within_a_message_is_resumed_after_all_of_it() -> None:
    server = Server([token("now"), batch(1, 2, 3), UNAVAILABLE], [batch(4)])
    watch = server.watch()
    assert [(await anext(watch)).revision for _ in range(4)] == [1, 2, 3, 4]
    assert server.tokens == ["", "after-3"]


async def test_a_watch_that_is_closed_within_a_message_goes_on_with_the_rest_of_it() -> None:
    server = Server([token("now"), batch(1, 2)], [batch(3)])
    watch = server.watch()
    await anext(watch)
    await watch.aclose()
    assert [(await anext(watch)).revision for _ in range(2)] == [2, 3]
    assert server.tokens == ["", "after-2"]


async def test_logs_that_came_at_the_start_are_not_lost() -> None:
    watch = Server([batch(1, 2), change(3)]).watch("before")
    await watch.start()
    await watch.start()
    assert watch.resume_token == "before"
    assert [(await anext(watch)).revision for _ in range(3)] == [1, 2, 3]


async def test_closing_ends_the_stream() -> None:
    server = Server([token("now"), change(1)])
    watch = server.watch()
    await watch.start()
    await watch.aclose()
    await watch.aclose()
    assert server.streams[0].is_cancelled


async def test_pauses_grow_and_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(_watch, "_FIRST_PAUSE", 0.2)
    real = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr(_watch.asyncio, "sleep", note)  # type: ignore[attr-defined] # the module's own import
    failures = cast("list[Sequence[object]]", [[UNAVAILABLE]] * 20)
    await anext(Server(*failures, [change(1)]).watch(give_up_after=1e9))
    assert pauses[0] <= 0.2
    assert 5 <= pauses[-1] <= 10
    assert len(set(pauses)) == 20
