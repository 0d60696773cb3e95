"""The contents of the CRM. The test reads them from the embedded CRM's own file, without leadline."""

import json
import sqlite3
from typing import Any, NamedTuple

from faults.model.decision import Person

_PEOPLE = (
    "SELECT id, name, details, is_placeholder, create_time, last_activity_time, type FROM crm_contacts ORDER BY id"
)
_LOGS = (
    "SELECT l.id, l.call_id, c.id AS contact, l.owner, l.direction, l.result, l.subject, l.note, l.attestation,"
    " l.answer_time, l.attributes, l.follow_up FROM crm_call_logs AS l LEFT JOIN crm_contacts AS c ON c.pk = l.contact"
)


class InCrm(NamedTuple):
    """A call log as the CRM has it."""

    id: str
    call_id: str
    contact: str | None
    owner: str
    content: dict[str, Any]
    follow_up: str | None


class Truth:
    """Reads the contacts and the call logs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        self._connection.close()

    def people(self) -> list[Person]:
        """All contacts."""
        return [
            Person(
                id=contact_id,
                name=name,
                numbers=tuple(json.loads(details).get("phone_numbers", ())),
                is_placeholder=bool(is_placeholder),
                created=created,
                active=active,
            )
            for contact_id, name, details, is_placeholder, created, active, _ in self._connection.execute(_PEOPLE)
        ]

    def logs(self) -> dict[str, list[InCrm]]:
        """The call logs by call id."""
        found: dict[str, list[InCrm]] = {}
        for row in self._connection.execute(_LOGS):
            (
                log_id,
                call_id,
                contact,
                owner,
                direction,
                result,
                subject,
                note,
                attestation,
                answered,
                attributes,
                to_do,
            ) = row
            content = {
                "direction": direction,
                "result": result,
                "subject": subject,
                "note": note,
                "attestation": attestation,
                "answer_time": answered,
                "attributes": json.loads(attributes),
            }
            found.setdefault(call_id, []).append(InCrm(log_id, call_id, contact, owner, content, to_do))
        return found
