"""A phone book in an SQLite file as leadline's CRM."""

from leadline_phonebook.connecting import PHONEBOOK

__all__ = ["PHONEBOOK"]
