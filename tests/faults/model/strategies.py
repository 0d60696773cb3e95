"""Strategies for reports, preferences, contacts and faults; few values each, so that they meet again and again."""

from typing import Any, Final

from faults.model.crm import LOST, STALLED, WRITES, Fault
from faults.model.decision import CALLER_IDS, NUMBERS, STORED
from hypothesis import strategies as st

CALLS: Final = st.sampled_from(["call-1", "call-2", "call-3", "call-4"])
USERS: Final = st.sampled_from(["alice", "bob"])
RESULTS: Final = ["ANSWERED", "NO_ANSWER", "BUSY", "VOICEMAIL"]
MINUTES: Final = st.sampled_from([None, None, *range(1, 10)])
MANY_NUMBERS: Final = st.just("+12025550147") | st.sampled_from([*NUMBERS, "+12025550148", "+12025550148"])
DIALABLE: Final = st.sampled_from([text for text, number in NUMBERS.items() if number.kind == "dialable"])
CALLER_ID: Final = st.sampled_from(list(CALLER_IDS))
TEXT: Final = st.sampled_from([None, "one", "two"])
NAMES: Final = st.sampled_from(["Ann", "Bo", "bo", "Zoe"])
PEOPLE: Final = st.tuples(
    NAMES,
    st.lists(st.just("+12025550147") | st.sampled_from(list(STORED)), min_size=1, max_size=2).map(tuple),
    st.sampled_from([None, 1, 2]),
    st.booleans(),
)
"""People: name, numbers, days since they were added (None: unknown), whether the CRM knows of any activity."""


def _party(side: str) -> dict[str, st.SearchStrategy[Any]]:
    return {
        f"{side}.phone_number": MANY_NUMBERS.map(lambda text: text or None),
        f"{side}.name": CALLER_ID,
        f"{side}.extension": st.sampled_from([None, "101"]),
        f"{side}.user_id": st.sampled_from([None, "alice", "bob"]),
    }


_TOLD: Final[dict[str, st.SearchStrategy[Any]]] = {
    "direction": st.sampled_from(["INBOUND", "OUTBOUND"]),
    "result": st.sampled_from([None, *RESULTS]),
    "attestation": st.sampled_from([None, "A", "FAILED"]),
    "answer_time": st.none() | st.integers(1, 9),
    "subject": TEXT,
    "note": TEXT,
    "attributes.queue": TEXT,
    "attributes.tag": TEXT,
    "legs.l1.user_id": st.sampled_from(["alice", "bob"]),
    "legs.l1.result": st.sampled_from([None, *RESULTS]),
    "legs.l2.user_id": st.sampled_from(["alice", "bob"]),
    "legs.l2.answer_time": st.none() | st.integers(1, 9),
}

_NEWS: Final = {**_TOLD, **_party("caller"), **_party("callee")}
_OFTEN: Final = ["subject", "subject", "note", "result", "attributes.queue"]

NEWS: Final = st.fixed_dictionaries({"subject": TEXT}) | st.lists(
    st.sampled_from(_OFTEN) | st.sampled_from(sorted(_NEWS)), max_size=4, unique=True
).flatmap(lambda paths: st.fixed_dictionaries({path: _NEWS[path] for path in paths}))
"""The fields of an update: each has a value or is cleared."""


@st.composite
def first_reports(draw: st.DrawFn) -> dict[str, Any]:
    """The fields of a call's first report; seldom one without a direction."""
    direction = draw(st.sampled_from(["INBOUND", "INBOUND", "INBOUND", "OUTBOUND", "INTERNAL", None]))
    side = "callee" if direction == "OUTBOUND" else "caller"
    said = {**draw(NEWS), f"{side}.phone_number": draw(MANY_NUMBERS) or None}
    if direction == "INTERNAL":
        said |= {"caller.user_id": "alice", "callee.user_id": "bob"}
    return said if direction is None else {**said, "direction": direction}


HOW: Final = st.tuples(
    USERS, MINUTES, st.sampled_from([None, None, False, True]), st.sampled_from([False, False, False, True])
)
"""Who reports, when it happened, whether it is final, and whether a person asks."""

PREFERENCES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "auto_log_calls": st.sampled_from([None, True, True, False]),
    "unknown_contact_action": st.sampled_from([None, "DO_NOTHING", "CREATE_PLACEHOLDER", "CREATE_PLACEHOLDER"]),
    "placeholder_name": st.sampled_from([None, "Somebody"]),
    "placeholder_contact_type": st.sampled_from([None, "", "lead"]),
    "multiple_match_action": st.sampled_from(
        [None, "DO_NOTHING", "FIRST_ALPHABETICAL", "MOST_RECENT_ACTIVITY", "EARLIEST_CREATED"]
    ),
    "log_internal_calls": st.sampled_from([None, True, False]),
    "excluded_directions": st.sampled_from([None, (), ("OUTBOUND",)]),
    "excluded_results": st.sampled_from([None, (), ("BUSY",)]),
    "excluded_numbers": st.sampled_from([None, (), ("+12025550148",)]),
    "wait_until_final": st.sampled_from([None, True, False]),
    "distrust_failed_attestation": st.sampled_from([None, True, False]),
}
_TELLING: Final = ["unknown_contact_action", "multiple_match_action", "placeholder_name", "auto_log_calls"]
_PREFERENCE: Final = st.sampled_from(_TELLING) | st.sampled_from(sorted(PREFERENCES))

SOME_PREFERENCES: Final = st.lists(_PREFERENCE, min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: PREFERENCES[name] for name in names})
)
ACCOUNT: Final = st.fixed_dictionaries(
    {
        "unknown_contact_action": st.sampled_from(["DO_NOTHING", "CREATE_PLACEHOLDER", "CREATE_PLACEHOLDER"]),
        "multiple_match_action": PREFERENCES["multiple_match_action"],
    },
    optional={"wait_until_final": st.just(True), "log_internal_calls": st.just(True)},
)
"""The preferences that an account begins with."""

LOCKS: Final = st.none() | st.lists(_PREFERENCE, max_size=3, unique=True).map(frozenset)


@st.composite
def faults(draw: st.DrawFn) -> tuple[dict[str, Fault], bool]:
    """Faults by operation, and whether they strike only once."""
    operations = draw(
        st.sampled_from(
            [("look", "get", "find log", "search", *WRITES), ("look",), ("get",), ("find log",), ("search",)]
        )
        | st.sampled_from([("make log",), ("make log",), ("make contact",), ("update log",), WRITES])
    )
    kinds = [kind for kind in (*Fault, *sorted(LOST)) if kind not in STALLED or set(operations) <= set(WRITES)]
    kind = draw(st.sampled_from(kinds))
    return dict.fromkeys(operations, kind), draw(st.booleans())
