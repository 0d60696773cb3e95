"""The common part of deleting contacts: what the records around one say about its use."""

from collections.abc import Collection, Iterable

from leadline_server.ports.crm import ContactUse


def use_of(*, is_edited: bool, other_records: Iterable[str], log_ids: Collection[str]) -> ContactUse:
    """USED if the contact was edited, or if a record that belongs to it is none of leadline's own logs.

    Example: its records are the calls 7 and 9, and leadline wrote call 7. So it is USED.
    """
    known = frozenset(log_ids)
    return ContactUse.USED if is_edited or any(record not in known for record in other_records) else ContactUse.UNUSED
