"""Messages of several call logs: what they say, where they are cut, and what of them is made once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from weakref import ReferenceType, ref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadline.v1.call_log_service_pb2 import WatchCallLogsResponse
from leadline_server.commands.watch_call_logs import WatchBatch
from leadline_server.domain.call_log import CallLog
from leadline_server.testing.ledger_samples import call_log, full_call_log
from leadline_server.transport import watch_encoder as encoded
from leadline_server.transport.watch_encoder import BatchMessages, Encoded
from leadline_server.wire.call_log import CALL_LOG
from support.changes import Changed


def batch(*changes: Changed) -> WatchBatch:
    return WatchBatch(changes, changes[-1].sequence if changes else 0, "after-{}".format)


def changes(*numbers: int) -> list[Changed]:
    return [Changed(number, call_log(f"call-{number}")) for number in numbers]


def read(messages: Sequence[Encoded]) -> list[WatchCallLogsResponse]:
    return [WatchCallLogsResponse.FromString(message.SerializeToString()) for message in messages]


def test_a_message_says_what_one_made_by_protobuf_would() -> None:
    logs = [call_log("call-1"), full_call_log()]
    [message] = read(BatchMessages(10**7).of(batch(*map(Changed, range(2), logs))))
    assert message == WatchCallLogsResponse(call_logs=map(CALL_LOG.message, logs), resume_token="after-1")


def test_a_position_alone_is_a_message_without_logs() -> None:
    [message] = read(BatchMessages().of(WatchBatch((), 7, "after-{}".format)))
    assert message == WatchCallLogsResponse(resume_token="after-7")


def test_the_last_token_is_of_the_position_of_the_batch_which_may_be_after_its_last_call() -> None:
    [message] = read(BatchMessages().of(WatchBatch(changes(1, 2), 7, "after-{}".format)))
    assert message.resume_token == "after-7"


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=30), st.integers(1, 10_000))
def test_messages_are_cut_at_their_size_and_each_has_the_token_of_its_last_log(
    lengths: list[int], most_bytes: int
) -> None:
    asked = [
        Changed(number, call_log(f"call-{number}", explanation="x" * length)) for number, length in enumerate(lengths)
    ]
    messages = read(BatchMessages(most_bytes).of(batch(*asked)))
    told = [log.call.id for message in messages for log in message.call_logs]
    assert told == [f"call-{number}" for number in range(len(lengths))]
    seen = 0
    for message in messages:
        seen += len(message.call_logs)
        assert message.resume_token == f"after-{seen - 1}"
        token_bytes = WatchCallLogsResponse(resume_token=message.resume_token).ByteSize()
        assert len(message.call_logs) == 1 or message.ByteSize() - token_bytes <= most_bytes


def test_messages_are_as_few_as_there_may_be() -> None:
    size = WatchCallLogsResponse(call_logs=[CALL_LOG.message(call_log("call-1"))]).ByteSize()
    assert [len(message.call_logs) for message in read(BatchMessages(2 * size).of(batch(*changes(*range(5)))))] == [
        2,
        2,
        1,
    ]


def test_watchers_with_the_same_batch_are_sent_the_same_bytes() -> None:
    messages, same = BatchMessages(), batch(*changes(1, 2, 3))
    assert messages.of(same) is messages.of(same)


class Tokens:
    """Something that a batch holds, and whose end can be seen."""

    def __call__(self, position: int) -> str:
        return f"after-{position}"


def test_of_batches_that_were_sent_no_more_are_kept_than_memory_is_given_for() -> None:
    messages, sent = BatchMessages(remembered_bytes=10_000), list[ReferenceType[Tokens]]()
    for number in range(100):
        for told in ((), changes(number)):
            tokens = Tokens()
            messages.of(WatchBatch(told, number, tokens))
            sent.append(ref(tokens))
    assert 1 < sum(kept() is not None for kept in sent) < 10


def test_what_was_changed_again_meanwhile_is_left_out_for_those_who_come_later() -> None:
    messages = BatchMessages()
    early, late = read(messages.of(batch(*changes(1, 2, 3)))), read(messages.of(batch(*changes(1, 3))))
    assert [log.call.id for log in early[0].call_logs] == ["call-1", "call-2", "call-3"]
    assert [log.call.id for log in late[0].call_logs] == ["call-1", "call-3"]


def test_a_log_is_encoded_once_for_all_messages_that_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def note(log: CallLog) -> object:
        made.append(log.call_id)
        return CALL_LOG.message(log)

    monkeypatch.setattr(encoded, "CALL_LOG", SimpleNamespace(message=note))
    messages = BatchMessages()
    for start in range(5):
        messages.of(batch(*changes(*range(start, 6))))
    assert sorted(made) == [f"call-{number}" for number in range(6)]


def test_a_call_that_was_pruned_and_reported_anew_is_not_taken_for_what_it_was() -> None:
    messages, first = BatchMessages(), call_log("call-1")
    later = replace(first, explanation="Anew.", update_time=first.update_time + timedelta(days=400))
    messages.of(batch(Changed(1, first)))
    [message] = read(messages.of(batch(Changed(2, later))))
    assert message.call_logs[0].explanation == "Anew."


def test_what_is_remembered_is_bounded_in_bytes() -> None:
    remembered = encoded._Remembered[int, bytes](most_bytes=100)  # noqa: SLF001 - its bound is what is tested
    for number in range(20):
        remembered.put(number, b"x" * 30, 30)
    assert [number for number in range(20) if remembered.get(number)] == [17, 18, 19]
    remembered.put(99, b"x" * 1_000, 1_000)
    assert remembered.get(99) is None
