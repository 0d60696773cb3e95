"""Facts about Pipedrive that are from its documents and its client library alone."""

from typing import Final

from leadline_server.crm.toolkit.assumptions import DocumentedFact, Topic

FACTS: Final = (
    DocumentedFact(
        name="search_lags",
        says="A search shows a new person within 30 seconds.",
        source="no document",
        ask="How long can a search miss a person that was created by the API?",
        topic=Topic.LOOKUP,
    ),
    DocumentedFact(
        name="searches_literally",
        says="A search by phone finds the text as it was written.",
        source='"Search persons", API v2, and its client library 33, November 2026',
        ask="Does a search by phone compare digits, or the text with its spaces and brackets?",
        topic=Topic.FORMS,
    ),
    DocumentedFact(
        name="participants_move",
        says="An update of the participants moves an activity to another person.",
        source='"Update an activity", API v2, November 2026',
        topic=Topic.MOVE,
    ),
    DocumentedFact(
        name="required_fields",
        says="The API creates a person without a field that is required in the web app.",
        source="no document",
        ask="Does the API refuse a person without a required custom field?",
    ),
    DocumentedFact(
        name="merged_person",
        says="A person that was merged away is gone, and its activities are with the person that is kept.",
        source='"Merge two persons", November 2026',
        ask="How does the API tell which person a merged one became?",
    ),
)
"""The facts."""
