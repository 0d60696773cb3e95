"""Calls as messages of the contract. Fields that are not known stay absent: a replay clears nothing."""

from leadline.v1 import call_log_service_pb2

from leadline_server.replay.grouping import ReplayCall
from leadline_server.wire.call import CALL


def to_request(account_id: str, replayed: ReplayCall, replay_id: str = "") -> call_log_service_pb2.LogCallRequest:
    """The LogCall of a call. `replay_id` is the server's id of this replay; empty: it has none."""
    return call_log_service_pb2.LogCallRequest(
        account_id=account_id, user_id=replayed.user_id, call=CALL.message(replayed.call), replay_id=replay_id
    )
