"""Bounds of what CRMs and callers can make large: records, bytes and nesting.

Other bounds stand beside the code that keeps them. `docs/limits.md` lists all of them; `tools/limits.py` writes it.
"""

from typing import Final

MOST_RECORDS: Final = 100
"""The most records of a CRM's answer that are read for each number of a lookup."""

MOST_LOOKUP_BYTES: Final = 1024 * 1024
"""The most bytes of an answer to a lookup, and of all contacts of one lookup together."""

MOST_NESTING: Final = 64
"""The deepest nesting of objects and lists in JSON from outside."""

MOST_CONTACT_BYTES: Final = 16 * 1024
"""The most bytes of a contact whose texts are kept whole. The texts of a larger one are cut."""

MOST_CONTACT_TEXT: Final = 1_000
"""The most characters of each text of a contact that is larger than MOST_CONTACT_BYTES."""

MOST_CONTACT_PARTS: Final = 64
"""The most numbers, and the most attributes, of a contact that is larger than MOST_CONTACT_BYTES."""

MOST_CANDIDATES: Final = 100
"""The most candidates of a call log."""

MOST_CANDIDATE_BYTES: Final = 64 * 1024
"""The most bytes of all candidates of a call log. There is one candidate at least."""

MOST_CALL_BYTES: Final = 1_000_000
"""The most bytes of a call with everything that leadline keeps of it, also what no client sees."""

MOST_CALL_ENTRIES: Final = 64
"""The most legs of a call; so, too, attributes."""

MOST_PAGE_BYTES: Final = 4 * 1024 * 1024 - 64 * 1024
"""The most bytes of the entries on one page of a list. A whole answer has at most 4 MiB, gRPC's default limit."""
