"""The version of the rules by which stored numbers are keyed."""

from typing import Final

KEY_VERSION: Final = 1
"""To be raised with every change of what `PhoneNumber.key` or a contact book's keys are for the same text.

A database that was keyed by an older version is keyed anew when it is opened.
"""
