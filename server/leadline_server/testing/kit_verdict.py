"""A pytest plugin of the CRM suite: says of each failure what the contract says, and names what was not tested."""

import re
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final

import pytest

NOT_TESTED: Final = "NOT TESTED: "
"""The beginning of the reason of a test that was skipped for want of something that its author can give."""

_PORT: Final = "leadline_server/ports/crm.py: CrmAdapter"
_PROTO: Final = "adapter_service.proto"
_WRITING: Final = "docs/adapters-writing.md"
_REMOTE: Final = "docs/remote-adapters.md"

CONTRACT: Final[Mapping[str, str]] = {
    "LookupCases": f"{_PORT}.find_contacts; {_PROTO}: FindContacts; {_REMOTE}: Explicit answers",
    "FormCases": f"{_PORT}.find_contacts; records.proto: PhoneNumber.forms; {_WRITING}: lost_forms",
    "PlanCases": f"{_PORT}.find_contacts; Capabilities.lookup_recall",
    "ReadCases": f"{_PORT}.get_contact and search_contacts; {_PROTO}: GetContact, SearchContacts",
    "CreateCases": f"{_PORT}.create_contact; {_PROTO}: CreateContact",
    "RemovalCases": f"leadline_server/ports/crm.py: ContactDeleter; {_PROTO}: DeleteContact",
    "TextCases": f"{_WRITING}: lost_texts; records.proto: LogEntry (escape its texts)",
    "HostileNameCases": f"{_WRITING}: Fit every text of a caller",
    "WriteLogCases": f"{_PORT}.create_call_log and find_call_log; {_PROTO}: CreateCallLog, FindCallLog",
    "UpdateLogCases": f"{_PORT}.update_call_log; {_PROTO}: UpdateCallLog; {_WRITING}: An update changes only its own",
    "MovedContactCases": f"{_PORT}.get_contact and update_call_log; Capabilities.follows_moved_contacts",
    "FieldCases": f"{_PORT}.update_call_log; {_WRITING}: lost_fields",
    "FailureCases": f"{_PORT}: the exceptions; {_PROTO}: Failures; {_REMOTE}: Failures",
    "CrmUserCases": f"leadline_server/ports/crm.py: ListsUsers; {_PROTO}: ListUsers",
    "ReadBackCases": f"leadline_server/ports/crm_call_logs.py: CallLogReader; {_PROTO}: GetCallLog",
    "CrmObligations": f"leadline_server/ports/crm.py: Capabilities; {_REMOTE}: Capabilities",
}
"""The place of each group's obligations."""


class KitVerdict:
    """The hooks. `note_facts` registers them with the first test of the suite."""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, None]:
        """Add to a failure, in words, what was expected and where the contract says so."""
        outcome = yield
        report: pytest.TestReport = outcome.get_result()
        if report.failed and (group := group_of(item)):
            report.sections.append(("What the contract says", in_words(item.name, group, report)))

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """A status of its own for what was not tested: the run is then not plainly green."""
        return ("not tested", "n", "NOT TESTED") if reason_not_tested(report) else None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """List the reasons, each with the questions that it leaves open."""
        reports = terminalreporter.stats.get("not tested", [])
        reasons = sorted({reason_not_tested(report) for report in reports})
        if reasons:
            terminalreporter.section("NOT TESTED")
            for reason in reasons:
                terminalreporter.write_line(f"- {reason}")


def in_words(name: str, group: str, report: pytest.TestReport) -> str:
    """A failure in three sentences: what was expected, what came, and where the contract says so."""
    expected = name.removeprefix("test_").replace("_", " ")
    came = next(iter(_came(report)), "see above")
    return f"Expected: {expected}.\nCame: {came}\nThe contract: {CONTRACT[group]}."


def _came(report: pytest.TestReport) -> Iterable[str]:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        yield str(crash.message)


def group_of(item: pytest.Item) -> str:
    """The class of the suite that a test is defined in; empty if it is not one of the suite."""
    kind, name = getattr(item, "cls", None), getattr(item, "originalname", item.name)
    defining = next((each.__name__ for each in getattr(kind, "__mro__", ()) if name in vars(each)), "")
    return defining if defining in CONTRACT else ""


def reason_not_tested(report: Any) -> str:
    """Why a test was not run, without the prefix; empty if it was, or was skipped for another reason."""
    if not getattr(report, "skipped", False) or not isinstance(report.longrepr, tuple):
        return ""
    found = re.search(f"{NOT_TESTED}(.*)", report.longrepr[2], re.DOTALL)
    return found[1] if found else ""
