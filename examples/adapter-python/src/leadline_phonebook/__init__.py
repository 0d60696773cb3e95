"""A phone book in an SQLite file as leadline's CRM."""

from leadline_phonebook.adapter_type import PHONEBOOK

__all__ = ["PHONEBOOK"]
