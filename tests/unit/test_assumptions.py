"""A trial names what a CRM does otherwise than leadline assumes, and removes its records."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace

import pytest
from conformance.passing_adapter import Passing
from leadline_server.crm.assumptions.checks import CHECKS
from leadline_server.crm.assumptions.findings import TrialReport, TrialVerdict, TriedAssumption
from leadline_server.crm.assumptions.running import run_trial
from leadline_server.crm.assumptions.test_numbers import a_test_number, stored_forms
from leadline_server.crm.assumptions.trial import MARK
from leadline_server.crm.toolkit.assumptions import DocumentedFact, Topic
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmRejected, CrmUnavailable
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import ContactDeleter, ContactPage, ContactUse, CrmLog, LogEntry
from leadline_server.testing.crm_harness import CrmUnderTest
from support.embedded import embedded_crm_under_test


@pytest.fixture
async def crm() -> AsyncIterator[CrmUnderTest]:
    async with embedded_crm_under_test() as opened:
        yield opened


class Good(Passing):
    """The good adapter, which deletes contacts and logs too."""

    deleted_logs: list[str]

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        assert isinstance(self.inner, ContactDeleter)
        return await self.inner.delete_contact(contact_id, log_ids, only_check=only_check)

    async def delete_call_log(self, log_id: str) -> None:
        self.deleted_logs = [*getattr(self, "deleted_logs", []), log_id]


class FindsNobody(Good):
    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return []


class FindsOneForm(Good):
    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        found = await self.inner.find_contacts(numbers)
        return [each for each in found if each.phone_numbers[0].removeprefix("+").isdecimal()]


class AdoptsNames(Good):
    known: dict[str, Contact]

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        self.known = getattr(self, "known", {})
        if draft.name not in self.known:
            self.known[draft.name] = await self.inner.create_contact(draft, key)
        return self.known[draft.name]


class RefusesCharacters(Good):
    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        if "<" in draft.name:
            raise CrmRejected("name: pattern")
        return await self.inner.create_contact(draft, key)


class SearchesNothing(Good):
    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        return ContactPage(())


class RefusesLogs(Good):
    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        raise CrmRejected("Queue__c is required")


class RefusesUpdates(Good):
    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        if not entry.moves and not entry.call.note:
            raise CrmRejected("INVALID_DATA (Call_Type)")
        return await self.inner.update_call_log(log_id, entry)


class RefusesLongNotes(Good):
    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        if len(entry.call.note or "") > 5_000:
            raise CrmRejected("too long")
        return await self.inner.update_call_log(log_id, entry)


class FindsNoLog(Good):
    async def find_call_log(self, key: str) -> CrmLog | None:
        return None


class LogsTwice(Good):
    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        self.count = getattr(self, "count", 0) + 1
        return await self.inner.create_call_log(entry, f"{key}-{self.count}")

    async def find_call_log(self, key: str) -> CrmLog | None:
        return await self.inner.find_call_log(f"{key}-1")


class MovesElsewhere(Good):
    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return replace(await self.inner.update_call_log(log_id, entry), contact_id="another")


class DeletesNothing(Good):
    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        return ContactUse.USED


BROKEN = {
    Topic.LOOKUP: FindsNobody,
    Topic.FORMS: FindsOneForm,
    Topic.SAME_NAME: AdoptsNames,
    Topic.CHARACTERS: RefusesCharacters,
    Topic.NAME_SEARCH: SearchesNothing,
    Topic.LOG: RefusesLogs,
    Topic.UPDATE: RefusesUpdates,
    Topic.LONG_NOTE: RefusesLongNotes,
    Topic.KEY: FindsNoLog,
    Topic.UNIQUE_KEY: LogsTwice,
    Topic.MOVE: MovesElsewhere,
    Topic.DELETED: DeletesNothing,
}
"""By assumption: an adapter to a CRM that does otherwise."""


async def tried(crm: CrmUnderTest, kind: type[Good]) -> tuple[TrialReport, dict[str, TriedAssumption]]:
    """The report of a trial, and its findings by name."""
    adapter = kind(crm.adapter, crm)
    report = await run_trial(adapter, adapter, AccountSettings())
    return report, {finding.name: finding for finding in report.findings}


async def test_a_crm_that_does_as_assumed_holds_in_everything_and_keeps_nothing(crm: CrmUnderTest) -> None:
    report, found = await tried(crm, Good)
    assert {name: finding.detail for name, finding in found.items() if finding.verdict is not TrialVerdict.HOLDS} == {}
    assert found.keys() == {check.topic for check in CHECKS} == set(Topic)
    assert (report.left, report.fails) == ((), False)
    assert crm.people
    assert await crm.people.count_contacts() == 0


@pytest.mark.parametrize("topic", BROKEN)
async def test_an_assumption_that_does_not_hold_is_named_with_what_to_do(crm: CrmUnderTest, topic: Topic) -> None:
    report, found = await tried(crm, BROKEN[topic])
    assert found[topic].verdict is TrialVerdict.FAILS, found[topic]
    assert found[topic].detail
    assert found[topic].advice
    assert report.fails
    if topic is not Topic.DELETED:
        assert not report.left


async def test_what_cannot_be_removed_is_named(crm: CrmUnderTest) -> None:
    report, _ = await tried(crm, DeletesNothing)
    assert crm.people
    assert len(report.left) == await crm.people.count_contacts()
    assert all(place.startswith("contact ") for place in report.left)


class FailsInItsMiddle(Good):
    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        raise CrmUnavailable("HTTP 503")


async def test_a_crm_that_is_down_is_not_tested_and_what_was_made_is_removed(crm: CrmUnderTest) -> None:
    report, found = await tried(crm, FailsInItsMiddle)
    assert found[Topic.LOG].verdict is found[Topic.UPDATE].verdict is TrialVerdict.NOT_TESTED
    assert "HTTP 503" in found[Topic.LOG].detail
    assert not report.fails
    assert not report.left


class KnowsFacts(Good):
    documented_facts = (
        DocumentedFact(name="by_topic", says="x", source="a document", topic=Topic.KEY),
        DocumentedFact(name="by_itself", says="x", source="a document"),
        DocumentedFact(name="not_so", says="x", source="a document"),
        DocumentedFact(name="merged", says="x", source="a document", ask="What did it become?"),
    )

    async def try_fact(self, name: str, log_id: str) -> bool | None:
        assert log_id
        return {"by_itself": True, "not_so": False}.get(name)


async def test_facts_are_judged_by_a_check_by_the_adapter_or_are_questions_to_the_vendor(crm: CrmUnderTest) -> None:
    report, found = await tried(crm, KnowsFacts)
    assert found["by_topic"].verdict is found["by_itself"].verdict is TrialVerdict.HOLDS
    assert found["not_so"].verdict is TrialVerdict.FAILS
    assert found["merged"].verdict is TrialVerdict.NOT_TESTED
    assert found["merged"].advice == "Ask the vendor's support: What did it become?"
    assert report.fails


class Taken(Good):
    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        return [Contact(id="1", phone_numbers=(numbers[0].e164,))]


async def test_a_number_that_a_contact_has_is_never_used(crm: CrmUnderTest) -> None:
    report, found = await tried(crm, Taken)
    assert found[Topic.LOOKUP].verdict is TrialVerdict.NOT_TESTED
    assert "has a contact already" in found[Topic.LOOKUP].detail
    assert crm.people
    assert await crm.people.count_contacts() == 0
    assert report.removed == 0


@pytest.mark.parametrize("region", ["US", "GB", "DE", "FR", "AU", "SE", "CA", "CH", "ZZ"])
def test_test_numbers_are_dialable_and_have_forms(region: str) -> None:
    number = a_test_number(region)
    assert number.kind is NumberKind.DIALABLE
    forms = stored_forms(number)
    assert len(forms) >= 4
    assert all(any(char.isdecimal() for char in text) for text in forms.values())


def test_the_mark_tells_people_what_the_records_are() -> None:
    assert MARK == "leadline test"
