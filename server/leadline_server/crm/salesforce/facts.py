"""Facts about Salesforce that are from its documents alone."""

from typing import Final

from leadline_server.crm.toolkit.assumptions import DocumentedFact, Topic

FACTS: Final = (
    DocumentedFact(
        name="changes_are_queried",
        says="What the search index does not have yet is found by SystemModstamp.",
        source='"SOQL and SOSL Reference", November 2026',
        topic=Topic.LOOKUP,
    ),
    DocumentedFact(
        name="searches_digits",
        says="A search in PHONE FIELDS for plain digits finds numbers that are written in groups.",
        source='"SOQL and SOSL Reference", November 2026',
        ask="Which ways to write a phone number does SOSL find by its plain digits?",
        topic=Topic.FORMS,
    ),
    DocumentedFact(
        name="keys_are_queried",
        says="A task is found by its key, by an equal value in a query.",
        source='"Object Reference: Task", November 2026',
        topic=Topic.KEY,
    ),
    DocumentedFact(
        name="converted_lead",
        says="A converted lead names its contact (ConvertedContactId), and its tasks take updates without WhoId.",
        source='"Object Reference: Lead", November 2026',
        ask="May a task of a converted lead be updated, if the update does not name the lead?",
    ),
    DocumentedFact(
        name="merged_record",
        says="queryAll shows a record that was merged away, with MasterRecordId.",
        source='"SOAP API Developer Guide: merge()", November 2026',
        ask="For how long does queryAll show a record that was merged away?",
    ),
)
"""The facts."""
