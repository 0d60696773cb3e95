"""A listener's reports, merged as a server merges them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from leadline_server.domain.call import Call
from leadline_server.domain.merge import Stamps, merge
from leadline_server.listen.live_calls import LiveCall
from leadline_server.listen.reporter import with_cleared
from leadline_server.replay.grouping import ReplayCall
from leadline_server.replay.messages import to_request
from leadline_server.wire.call import call_report


@dataclass
class MergedReports:
    """The calls that reports tell of.

    Attributes:
        calls: by their ids, with the stamps of their fields.
        users: whose they are, by the last report.
    """

    calls: dict[str, tuple[Call, Stamps]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    told: dict[str, Call] = field(default_factory=dict)

    def report(self, found: Iterable[LiveCall]) -> None:
        """Take reports, as the reporter sends them."""
        for told in found:
            live = replace(told, call=with_cleared(self.told.get(told.call.id), told.call))
            self.told[live.call.id] = live.call
            request = to_request("demo", ReplayCall(user_id=live.user_id, call=live.call, lines=(), size=0))
            report = call_report(request)
            known, stamps = self.calls.get(live.call.id, (None, Stamps()))
            self.calls[live.call.id] = merge(known, stamps, report.event)
            self.users[live.call.id] = live.user_id


def plain(call: Call) -> Call:
    """The parts that a listener and an import must agree on: all but what a record does not tell."""
    parties = {side: replace(getattr(call, side), user_id=None) for side in ("caller", "callee")}
    return replace(call, event_time=None, linked_id=None, legs=(), attributes={}, **parties)
