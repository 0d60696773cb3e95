"""The writes of adapters to a fake CRM, for tests."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WrittenContact:
    """A record that is a contact, and its numbers: in E.164 where that can be told."""

    id: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenLog:
    """A record that is the log of a call: of which call, of whose, and what it is said to be about."""

    id: str
    call_key: str
    contact_id: str
    subject: str


@dataclass(slots=True)
class Written:
    """All that was ever written through the API, people's doings left out.

    Attributes:
        contacts: the ids of the contacts by number.
        logs: the logs by call key, each as it was last written: `id`, `contact_id`, `subject`.
        steps: by call key, what its logs were said to be about, write after write.
    """

    contacts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    logs: dict[str, list[Body]] = field(default_factory=lambda: defaultdict(list))
    steps: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, writes: Iterable[WrittenContact | WrittenLog]) -> "Written":
        """The result of a sequence of writes."""
        written, latest = cls(), dict[str, Body]()
        known = set[str]()
        for write in writes:
            if isinstance(write, WrittenLog):
                written._add_log(write, latest)
            elif write.id not in known:
                known.add(write.id)
                for number in write.numbers:
                    written.contacts[number].append(write.id)
        return written

    @classmethod
    def from_json(cls, body: Body) -> "Written":
        """The inverse of `to_json`."""
        written = cls()
        for name, by_key in body.items():
            getattr(written, name).update(by_key)
        return written

    def to_json(self) -> Body:
        return {"contacts": self.contacts, "logs": self.logs, "steps": self.steps}

    def _add_log(self, write: WrittenLog, latest: dict[str, Body]) -> None:
        body = {"id": write.id, "contact_id": write.contact_id, "subject": write.subject}
        if write.id in latest:
            latest[write.id].update(body)
        else:
            latest[write.id] = body
            self.logs[write.call_key].append(body)
        self.steps[write.call_key].append(write.subject)
