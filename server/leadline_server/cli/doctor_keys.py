"""The check of `leadline doctor` about secrets keys."""

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from leadline_server.cli.diagnosis import Diagnosis

if TYPE_CHECKING:
    from leadline_server.config import Settings


def check_keys(settings: "Settings", needed: AbstractSet[str]) -> Diagnosis:
    """Whether the settings' source has the keys that a ledger needs, and whether others can read them."""
    from leadline_server.domain.ledger_errors import LedgerUnavailable
    from leadline_server.encryption.key_sources import KeyFile
    from leadline_server.encryption.settings import key_source

    source, lost = key_source(settings), "What it encrypted has to be granted again without it."
    try:
        ring = source.load()
    except LedgerUnavailable as error:
        return Diagnosis("key", "problem", str(error), lost)
    if missing := needed - ring.ids:
        found = f"{source.name} lacks the key {', '.join(sorted(missing))}"
        return Diagnosis("key", "problem", found, f"Run: leadline restore --keys FILE. {lost}")
    if not ring:
        return Diagnosis("key", "ok", f"{source.name} does not exist; the server creates it when it needs one")
    if isinstance(source, KeyFile) and source.path.stat().st_mode & 0o007:
        return Diagnosis("key", "problem", f"others can use {source.name}", f"Run: chmod 600 {source.name}")
    return Diagnosis("key", "ok", f"{source.name} has {len(ring.keys)}")
