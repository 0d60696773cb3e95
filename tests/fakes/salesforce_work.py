"""The work of people in a fake Salesforce."""

from collections.abc import Mapping
from typing import Any, Final

from fakes.salesforce_faults import SalesforceErrors
from fakes.salesforce_values import (
    PREFIXES,
    WRITABLE,
    id_check,
)

DELETED: Final = "deleted "
"""Before the name of a table: its deleted records, which only queryAll reads."""


class SalesforceWork(SalesforceErrors):
    """A fake Salesforce in which people work."""

    def add_by_people(self, table: str, fields: Mapping[str, Any]) -> str:
        """Add a record as a person does, without any checks. Returns its id."""
        return self.records.add(table, fields, record_id=self.new_id(table), by_people=True).id

    def convert(self, lead_id: str) -> str:
        """As people do it: a contact takes over the lead's fields and tasks. Returns the contact's id."""
        lead = self.records.require("Lead", lead_id)
        kept = {name: value for name, value in lead.fields.items() if name in WRITABLE["Contact"]}
        contact_id = self.add_by_people("Contact", kept)
        converted = {"IsConverted": True, "ConvertedContactId": contact_id}
        self.records.change("Lead", lead_id, converted, by_people=True)
        self._take_tasks(lead_id, contact_id)
        return contact_id

    def merge(self, kept_id: str, gone_id: str) -> None:
        """As people do it: the other record is deleted, and names the one that is kept."""
        table = "Lead" if self.records.get("Lead", gone_id) else "Contact"
        gone = self.records.require(table, gone_id)
        self.records.remove(table, gone_id, by_people=True)
        master = {**gone.fields, "MasterRecordId": kept_id}
        self.records.add(DELETED + table, master, record_id=gone_id, by_people=True)
        self._take_tasks(gone_id, kept_id)

    def _take_tasks(self, from_id: str, to_id: str) -> None:
        for task in self.records.all("Task"):
            if task.fields.get("WhoId") == from_id:
                self.records.change("Task", task.id, {"WhoId": to_id}, by_people=True)

    def add_user(self, name: str, email: str, *, is_active: bool) -> str:
        """As an administrator does it: a new user's id."""
        first, _, last = name.partition(" ")
        fields = {"FirstName": first, "LastName": last, "Email": email, "IsActive": is_active}
        return self.add_by_people("User", {**fields, "UserType": "Standard"})

    def new_id(self, table: str) -> str:
        plain = f"{PREFIXES[table]}{self.records.next_id():012}"
        return plain + "".join(id_check(plain[i : i + 5]) for i in (0, 5, 10))
