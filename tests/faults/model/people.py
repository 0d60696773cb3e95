"""Rules for people's actions: they choose, ask again, set preferences, and work with the CRM."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from faults.model import strategies as some
from faults.model.answers import code_of, metadata_of
from faults.model.decision import NUMBERS, matching
from faults.model.facts import Report
from faults.model.preferences import preferences_message
from faults.model.service import ACCOUNT
from faults.model.stage import Stage
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from leadline.v1 import call_log_service_pb2 as logs_pb
from leadline.v1 import contact_service_pb2 as contacts_pb
from leadline.v1 import preferences_service_pb2 as preferences_pb
from leadline_server.domain.contact import Contact

_REQUEST_IDS: Final = [str(uuid.UUID(int=number)) for number in (1, 2)]
_MEMORY: Final = timedelta(hours=24)


class People(Stage):
    """Users, administrators, and those who work with the CRM."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: dict[str, tuple[tuple[Any, ...], str, datetime]] = {}
        self.tried: set[str] = set()

    @rule(call_id=some.CALLS, user=some.USERS, which=st.integers(0, 5), first=some.first_reports())
    def choose(self, call_id: str, user: str, which: int, first: dict[str, Any]) -> None:
        """A person chooses a contact for a call: one that is there, or one that is not."""
        people = self.people
        choice = people[which].id if which < len(people) else "c_nobody"
        said = {} if call_id in self.model.calls else first
        self.model.report(call_id, Report(user, said), choice)

    @rule(call_id=some.CALLS)
    def retry(self, call_id: str) -> None:
        request = logs_pb.RetryCallLogRequest(account_id=ACCOUNT, call_id=call_id)
        with self.model.step(call_id):
            answer = self.model.ask(self.front.calls.RetryCallLog, request)
            is_known = call_id in self.model.calls
            assert code_of(answer) in ("OK" if is_known else "NOT_FOUND", "LATER")
            if is_known:
                self.model.calls[call_id].retry(self.model.now)

    @precondition(lambda self: not self.is_stalled)
    @rule(call_id=some.CALLS, user=some.USERS, said=some.first_reports(), is_manual=st.booleans())
    def foresee(self, call_id: str, user: str, said: dict[str, Any], is_manual: bool) -> None:  # noqa: FBT001 - drawn
        """A person asks what would become of a call, or of news of it."""
        self.model.foresee(call_id, Report(user, said), is_manual=is_manual)

    @rule(user=some.USERS, values=some.SOME_PREFERENCES)
    def prefer(self, user: str, values: dict[str, Any]) -> None:
        request = preferences_pb.UpdatePreferencesRequest(
            account_id=ACCOUNT, user_id=user, preferences=preferences_message(values)
        )
        request.update_mask.paths.extend(values)
        with self.model.step():
            answer = self.model.ask_at_once(self.front.preferences.UpdatePreferences, request)
            is_allowed = self.model.preferences.set_user(user, values)
            assert code_of(answer) == ("OK" if is_allowed else "FAILED_PRECONDITION")
            if is_allowed:
                self.model.preferences.check(user, answer)
            self._check_preferences()

    def _check_preferences(self) -> None:
        for user in ("alice", "bob"):
            request = preferences_pb.GetPreferencesRequest(account_id=ACCOUNT, user_id=user)
            self.model.preferences.check(user, self.model.ask_at_once(self.front.preferences.GetPreferences, request))

    @rule(defaults=some.SOME_PREFERENCES, locked=some.LOCKS)
    def set_account(self, defaults: Mapping[str, Any], locked: frozenset[str] | None) -> None:
        request = preferences_pb.UpdateAccountSettingsRequest(account_id=ACCOUNT)
        request.settings.defaults.CopyFrom(preferences_message(defaults))
        request.update_mask.paths.extend(f"defaults.{name}" for name in defaults)
        if locked is not None:
            request.settings.locked.extend(sorted(locked))
            request.update_mask.paths.append("locked")
        with self.model.step():
            answer = self.model.ask_at_once(self.front.preferences.UpdateAccountSettings, request)
            assert code_of(answer) == "OK"
            self.model.preferences.set_account(defaults, locked)
            self._check_preferences()

    @rule(person=some.PEOPLE)
    def add_person(self, person: tuple[str, tuple[str, ...], int | None, bool]) -> None:
        name, numbers, age, is_active = person
        created = None if age is None else self.model.now - timedelta(days=age)
        added = Contact(
            id="",
            name=name,
            phone_numbers=numbers,
            create_time=created,
            last_activity_time=created if is_active else None,
        )
        with self.model.step():
            self.model.known_people.add(self.model.run(self.service.book.add(added)).id)

    @rule(which=st.integers(0, 5), name=some.NAMES)
    def add_double(self, which: int, name: str) -> None:
        """A person adds a contact with the numbers of another, which may be a placeholder."""
        if which < len(self.people):
            self.add_person((name, self.people[which].numbers, None, False))

    @rule(which=st.integers(0, 5))
    def remove_person(self, which: int) -> None:
        if which < len(self.people):
            with self.model.step():
                self.model.run(self.service.book.delete(self.people[which].id))

    @rule(which=st.integers(0, 5), into=st.integers(0, 5))
    def merge_people(self, which: int, into: int) -> None:
        """A person merges two contacts: one is gone, the other has the numbers of both."""
        people = self.people
        if which == into or max(which, into) >= len(people):
            return
        gone, kept = people[which], people[into]
        numbers = tuple(dict.fromkeys((*kept.numbers, *gone.numbers)))
        with self.model.step():
            self._save(kept.id, phone_numbers=numbers)
            self.model.run(self.service.book.delete(gone.id))

    @rule(which=st.integers(0, 5), name=some.NAMES)
    def name_person(self, which: int, name: str) -> None:
        """A person names a contact; this makes a placeholder a real contact."""
        if which < len(self.people):
            with self.model.step():
                self._save(self.people[which].id, name=name, is_placeholder=False)

    def _save(self, contact_id: str, **changes: Any) -> None:
        self.model.run(self.service.change_person(contact_id, **changes))

    @precondition(lambda self: not self.is_stalled)
    @rule(
        user=some.USERS,
        number=st.sampled_from(list(NUMBERS)),
        name=st.sampled_from(["", "Ann", "Bo"]),
        request_id=st.sampled_from(["", *_REQUEST_IDS]),
        allow_duplicate=st.booleans(),
    )
    def create_contact(self, user: str, number: str, name: str, request_id: str, allow_duplicate: bool) -> None:  # noqa: FBT001
        request = contacts_pb.CreateContactRequest(
            account_id=ACCOUNT,
            user_id=user,
            phone_number=number,
            name=name,
            request_id=request_id,
            allow_duplicate=allow_duplicate,
        )
        before = {person.id for person in self.people}
        wish = (user, NUMBERS[number].key, name, allow_duplicate)
        # A contact that its CRM's index does not show yet is known by the very number that it was made for alone.
        matches = matching(NUMBERS[number], self.model.crowds()[0])
        expected = self._expected_creation(number, request_id, wish, has_matches=bool(matches) and not allow_duplicate)
        with self.model.step():
            written = name or self.model.preferences.in_force(user)["placeholder_name"]
            self.service.mood.duplicates_wanted = allow_duplicate
            self.model.wanted = {(NUMBERS[number].key, written, "contact")}
            answer = self.model.ask(self.front.contacts.CreateContact, request)
            self.service.mood.duplicates_wanted = False
            new = {person.id for person in self.people} - before
            self._check_creation(answer, expected, new, request_id)
            if code_of(answer) == "ALREADY_EXISTS" and self.model.is_calm:
                assert set(metadata_of(answer)["contact_ids"].split(",")) == set(matches)
            if code_of(answer) == "OK" and request_id:
                self.requests[request_id] = (wish, answer.contact.id, self.model.now)
            self.tried.add(request_id)

    def _expected_creation(self, number: str, request_id: str, wish: tuple[Any, ...], *, has_matches: bool) -> str:
        if NUMBERS[number].kind != "dialable":
            return "INVALID_ARGUMENT"
        known = self.requests.get(request_id)
        if known is not None and self.model.now - known[2] <= _MEMORY:
            return known[1] if known[0] == wish else "FAILED_PRECONDITION"
        return "ALREADY_EXISTS" if has_matches else "OK"

    def _check_creation(self, answer: Any, expected: str, new: set[str], request_id: str) -> None:
        """`expected` is a code; or the id of the contact that the same request made before."""
        code = code_of(answer)
        if code != "OK":
            is_excused = not self.model.is_calm and code in ("UNAVAILABLE", "FAILED_PRECONDITION", "INTERNAL", "LATER")
            assert code == expected or is_excused, f"{answer} should be {expected}"
            assert not new or not self.model.is_calm
        elif expected == "OK":
            was_tried = request_id and request_id in self.tried
            assert new == {answer.contact.id} or was_tried or not self.model.is_calm
        else:
            was_tried = request_id and request_id in self.tried and expected == "ALREADY_EXISTS"
            assert answer.contact.id == expected or was_tried, f"{answer} should be {expected}"
            assert not new

    @precondition(lambda self: not self.is_stalled)
    @rule(number=st.sampled_from(list(NUMBERS)))
    def find_contact(self, number: str) -> None:
        request = contacts_pb.FindContactRequest(account_id=ACCOUNT, phone_numbers=[number])
        kind = NUMBERS[number].kind
        with self.model.step():
            people = self.people
            answer = self.model.ask(self.front.contacts.FindContact, request)
            if kind == "unusable" or (kind != "withheld" and code_of(answer) == "INVALID_ARGUMENT"):
                assert code_of(answer) == "INVALID_ARGUMENT"
                assert kind in ("unusable", "service")
            elif self.model.is_calm or code_of(answer) == "OK":
                [crowd, *_] = self.model.crowds()
                found = {match.contact.id: match.kind for match in answer.matches}
                known = {contact_id: kind for contact_id, (kind, _) in matching(NUMBERS[number], crowd).items()}
                assert found == known or (not self.model.is_calm and found.items() <= known.items())
            else:
                assert code_of(answer) in ("UNAVAILABLE", "FAILED_PRECONDITION", "INTERNAL")
            assert people == self.people
            self.model.check_nothing_happened()
