"""The bounds of placeholders and replays, in one place."""

from datetime import timedelta
from typing import Final

PLACEHOLDERS_PER_HOUR: Final = 200
PLACEHOLDERS_PER_DAY: Final = 1_000
"""How many placeholders the calls of an account may create, unless its settings say otherwise."""

MAX_PLACEHOLDER_LIMIT: Final = 1_000_000
"""The largest limit of placeholders that can be set."""

DAY_HOURS: Final = 24
"""The limits of a day count this many hours: the present one, and those before it."""

MAX_REPLAYS: Final = 100
"""How many replays an account has. The oldest ends when one more is opened."""

REPLAY_AGE: Final = timedelta(days=7)
"""How long a replay may be used."""

PLACEHOLDERS_OF_REPLAY: Final = 1_000
"""How many placeholders `leadline calls import` may create, unless its operator says otherwise."""

MAX_CALLS_OF_REMOVED: Final = 100
"""A placeholder with more calls is not removed: it is in use."""
