"""Messages of several call logs: their content, their size, and what is encoded only once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from weakref import ReferenceType, ref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline.v1.call_log_service_pb2 import WatchCallLogsResponse
from leadline_server.domain.call_log import CallLog
from leadline_server.testing.ledger_samples import call_log, full_call_log
from leadline_server.watch import encoder
from leadline_server.watch.batch import WatchBatch
from leadline_server.watch.encoder import EncodedMessage, WatchEncoder
from leadline_server.wire.call_log import CALL_LOG
from support.changes import Changed


def batch(*changes: Changed) -> WatchBatch:
    return WatchBatch(changes, changes[-1].sequence if changes else 0, "after-{}".format)


def changes(*numbers: int) -> list[Changed]:
    return [Changed(number, call_log(f"call-{number}")) for number in numbers]


def read(messages: Sequence[EncodedMessage]) -> list[WatchCallLogsResponse]:
    return [WatchCallLogsResponse.FromString(message.SerializeToString()) for message in messages]


def test_a_message_decodes_as_one_that_protobuf_encoded() -> None:
    logs = [call_log("call-1"), full_call_log()]
    [message] = read(WatchEncoder(10**7).messages(batch(*map(Changed, range(2), logs))))
    assert message == WatchCallLogsResponse(call_logs=map(CALL_LOG.message, logs), resume_token="after-1")


def test_a_batch_with_only_a_position_is_a_message_without_logs() -> None:
    [message] = read(WatchEncoder().messages(WatchBatch((), 7, "after-{}".format)))
    assert message == WatchCallLogsResponse(resume_token="after-7")


def test_the_last_token_has_the_position_of_the_batch_even_after_its_last_call() -> None:
    [message] = read(WatchEncoder().messages(WatchBatch(changes(1, 2), 7, "after-{}".format)))
    assert message.resume_token == "after-7"


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=30), st.integers(1, 10_000))
def test_messages_are_split_by_size_and_each_has_the_token_of_its_last_log(lengths: list[int], most_bytes: int) -> None:
    asked = [
        Changed(number, call_log(f"call-{number}", explanation="x" * length)) for number, length in enumerate(lengths)
    ]
    messages = read(WatchEncoder(most_bytes).messages(batch(*asked)))
    told = [log.call.id for message in messages for log in message.call_logs]
    assert told == [f"call-{number}" for number in range(len(lengths))]
    seen = 0
    for message in messages:
        seen += len(message.call_logs)
        assert message.resume_token == f"after-{seen - 1}"
        token_bytes = WatchCallLogsResponse(resume_token=message.resume_token).ByteSize()
        assert len(message.call_logs) == 1 or message.ByteSize() - token_bytes <= most_bytes


def test_a_batch_makes_as_few_messages_as_possible() -> None:
    size = WatchCallLogsResponse(call_logs=[CALL_LOG.message(call_log("call-1"))]).ByteSize()
    assert [
        len(message.call_logs) for message in read(WatchEncoder(2 * size).messages(batch(*changes(*range(5)))))
    ] == [
        2,
        2,
        1,
    ]


def test_watchers_with_the_same_batch_are_sent_the_same_bytes() -> None:
    encoding, same = WatchEncoder(), batch(*changes(1, 2, 3))
    assert encoding.messages(same) is encoding.messages(same)


class Tokens:
    """An object of a batch that the test can see being deleted."""

    def __call__(self, position: int) -> str:
        return f"after-{position}"


def test_sent_batches_are_kept_only_up_to_the_cache_size() -> None:
    encoding, sent = WatchEncoder(cache_bytes=10_000), list[ReferenceType[Tokens]]()
    for number in range(100):
        for told in ((), changes(number)):
            tokens = Tokens()
            encoding.messages(WatchBatch(told, number, tokens))
            sent.append(ref(tokens))
    assert 1 < sum(kept() is not None for kept in sent) < 10


def test_a_later_batch_leaves_out_changes_that_were_replaced() -> None:
    encoding = WatchEncoder()
    early, late = read(encoding.messages(batch(*changes(1, 2, 3)))), read(encoding.messages(batch(*changes(1, 3))))
    assert [log.call.id for log in early[0].call_logs] == ["call-1", "call-2", "call-3"]
    assert [log.call.id for log in late[0].call_logs] == ["call-1", "call-3"]


def test_a_log_is_encoded_once_for_all_messages_that_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def note(log: CallLog) -> object:
        made.append(log.call_id)
        return CALL_LOG.message(log)

    monkeypatch.setattr(encoder, "CALL_LOG", SimpleNamespace(message=note))
    encoding = WatchEncoder()
    for start in range(5):
        encoding.messages(batch(*changes(*range(start, 6))))
    assert sorted(made) == [f"call-{number}" for number in range(6)]


def test_a_call_that_was_pruned_and_reported_again_is_encoded_again() -> None:
    encoding, first = WatchEncoder(), call_log("call-1")
    later = replace(first, explanation="Anew.", update_time=first.update_time + timedelta(days=400))
    encoding.messages(batch(Changed(1, first)))
    [message] = read(encoding.messages(batch(Changed(2, later))))
    assert message.call_logs[0].explanation == "Anew."


def test_the_cache_is_bounded_in_bytes() -> None:
    remembered = encoder._BoundedCache[int, bytes](most_bytes=100)  # noqa: SLF001 - its bound is what is tested
    for number in range(20):
        remembered.put(number, b"x" * 30, 30)
    assert [number for number in range(20) if remembered.get(number)] == [17, 18, 19]
    remembered.put(99, b"x" * 1_000, 1_000)
    assert remembered.get(99) is None
