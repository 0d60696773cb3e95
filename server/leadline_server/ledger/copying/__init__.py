"""Copies a ledger to another database, of the same kind or of another one.

`copier.py` is the whole procedure. `store.py` says what it needs of a database; each kind implements that.
"""

from leadline_server.ledger.copying.copier import CopyReport, abandon_copy, copy_ledger
from leadline_server.ledger.copying.store import CopyRefused

__all__ = ["CopyRefused", "CopyReport", "abandon_copy", "copy_ledger"]
