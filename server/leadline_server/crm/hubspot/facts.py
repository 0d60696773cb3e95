"""Facts about HubSpot that are from its documents alone."""

from typing import Final

from leadline_server.crm.toolkit.assumptions import DocumentedFact, Topic

FACTS: Final = (
    DocumentedFact(
        name="search_lags",
        says="A search shows a new contact within 30 seconds.",
        source='"CRM API | Search", November 2026: "a few moments"',
        ask="How long can a CRM search miss a contact that was created by the API?",
        topic=Topic.LOOKUP,
    ),
    DocumentedFact(
        name="searches_national_numbers",
        says="The searchable phone properties have the national digits, however the number is written.",
        source='"CRM API | Search", November 2026',
        ask="How is hs_searchable_calculated_phone_number calculated of numbers outside North America?",
        topic=Topic.FORMS,
    ),
    DocumentedFact(
        name="call_to_contact",
        says="Association type 194 joins a call and a contact, and can be set and removed by the dated paths.",
        source='"CRM API | Associations", November 2026',
        topic=Topic.MOVE,
    ),
    DocumentedFact(
        name="merged_contact",
        says="The id of a contact that was merged away reads the contact that is left.",
        source='"CRM API | Contacts", November 2026',
        ask="For how long does reading a merged contact's id answer with the contact that is left?",
    ),
    DocumentedFact(
        name="late_writes",
        says="A request takes effect within 30 seconds, or never.",
        source="no document",
        ask="How long can a create request still take effect after its connection was closed?",
    ),
)
"""The facts."""
