"""The values that Zoho CRM accepts, and the queries, by its API help.

See "Insert Records" and "Query API - Limitations" of version 8.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fakes.records import Fields

KEY_FIELD: Final = "Leadline_Key"
MARK_FIELD: Final = "Is_Placeholder"
PHONES: Final = ("Phone", "Mobile", "Home_Phone", "Other_Phone", "Fax")
_PERSON: Final = ("First_Name", "Last_Name", "Email", "Last_Activity_Time", *PHONES, MARK_FIELD)
WRITABLE: Final = {
    "Contacts": (*_PERSON, "Title", "Account_Name"),
    "Leads": (*_PERSON, "Designation", "Company"),
    "Calls": (
        *("Subject", "Call_Type", "Call_Start_Time", "Call_Duration", "Who_Id", "What_Id", "$se_module", "Owner"),
        *("Description", "Outgoing_Call_Status", "Call_Purpose", KEY_FIELD),
    ),
}
MANDATORY: Final = {
    "Contacts": ("Last_Name",),
    "Leads": ("Last_Name", "Company"),
    "Calls": ("Subject", "Call_Type", "Call_Start_Time", "Call_Duration"),
}
FIXED: Final = ("Call_Type", "Owner", "Outgoing_Call_Status")
"""Fields of a completed call that no update changes ("Kaizen #38 - Calls API")."""

_LENGTHS: Final = {"First_Name": 40, "Last_Name": 80, "Description": 32_000, **dict.fromkeys(PHONES, 30)}
_SHAPES: Final = {
    "Call_Start_Time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d",
    "Call_Duration": r"(\d\d:)?\d\d:\d\d",
    "Call_Type": "Inbound|Outbound|Missed",
    "Outgoing_Call_Status": "Completed|Scheduled",
    "Email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
}
_FUTURE: Final = timedelta(minutes=5)
_MOST_CRITERIA: Final = 25
_MULTI_LINE: Final = re.compile(r"\bDescription (LIKE|=)")
_CRITERION: Final = re.compile(r"\w+ (?:LIKE|=|IN) (?:'[^']*'|\([^()]*\))")


class Refused(Exception):
    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(code)
        self.problem = {"code": code, "details": details, "message": message, "status": "error"}


def kept(name: str, value: Any) -> Any:
    """A value as it is kept. Raises Refused if it cannot be."""
    if not isinstance(value, str):
        return value
    if "\0" in value:
        raise Refused("INVALID_DATA", "invalid data", api_name=name)
    value = value.strip()
    if len(value) > _LENGTHS.get(name, 255):
        raise Refused(
            "INVALID_DATA", f"maximum length exceeded: {value}", api_name=name, maximum_length=_LENGTHS.get(name, 255)
        )
    if value and name in _SHAPES and not re.fullmatch(_SHAPES[name], value):
        raise Refused("INVALID_DATA", "invalid data", api_name=name)
    if name == "Call_Start_Time" and datetime.fromisoformat(value) > datetime.now(UTC) + _FUTURE:
        raise Refused("INVALID_DATA", "a completed call cannot start later", api_name=name)
    return value or None


def seconds_of(call: Fields) -> int:
    """`Call_Duration_in_seconds`, which Zoho computes."""
    parts = [int(part) for part in str(call.get("Call_Duration") or "0").split(":")]
    return sum(part * 60**place for place, part in enumerate(reversed(parts)))


def coql_problem(query: str) -> tuple[str, str] | None:
    """The code and the words of what is wrong with a query; None if nothing is."""
    where = re.split(r" ORDER BY | LIMIT ", re.sub(r"'[^']*'", "''", query.partition(" WHERE ")[2]))[0]
    if not where:
        return "SYNTAX_ERROR", "a query needs WHERE"
    if len(re.findall(r" LIKE | = ", query)) > _MOST_CRITERIA:
        return "LIMIT_EXCEEDED", "criteria limit exceeded"
    if _MULTI_LINE.search(where):
        return "INVALID_QUERY", "a multi-line field in the criteria"
    if any(set("%_") & set(middle) for middle in re.findall(r"LIKE '%(.*?)%'(?= |\))", query)):
        return "SYNTAX_ERROR", "a wildcard in the middle"
    return None if _is_in_brackets(where) else ("SYNTAX_ERROR", "more than two criteria need brackets")


def _is_in_brackets(where: str) -> bool:
    """Whether each bracket has two criteria at most: `((A or B) or C)`, and not `(A or B or C)`."""
    text = _CRITERION.sub("x", where)
    while (shorter := re.sub(r"\(\s*x(?:\s+(?:AND|OR)\s+x)?\s*\)", "x", text)) != text:
        text = shorter
    return re.fullmatch(r"\s*x(?:\s+(?:AND|OR)\s+x)?\s*", text) is not None
