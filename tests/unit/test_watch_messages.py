"""Watchers of the same calls share messages, and no watcher gets a message of other calls."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from leadline.v1.call_log_service_pb2 import WatchCallLogsRequest
from leadline_server.testing.ledger_samples import call_log
from leadline_server.transport.call_log_service import CallLogServicer
from leadline_server.watch.batch import WatchItem
from support.changes import Changed


@pytest.mark.parametrize("carries_call", [[False, True], [True, False]])
async def test_a_position_and_a_change_with_the_same_token_are_different_messages(carries_call: list[bool]) -> None:
    change = Changed(1, call_log())

    async def execute(_: object) -> AsyncIterator[WatchItem]:
        for carries in carries_call:
            yield WatchItem(change if carries else None, "the same token")

    commands = SimpleNamespace(watch_call_logs=SimpleNamespace(execute=execute))
    servicer = CallLogServicer(cast("Any", commands))
    request = WatchCallLogsRequest(account_id="demo")
    sent = [message.HasField("call_log") async for message in servicer.WatchCallLogs(request, cast("Any", None))]
    assert sent == carries_call
