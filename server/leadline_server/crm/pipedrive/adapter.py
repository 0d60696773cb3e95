"""The adapter to Pipedrive."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from leadline_server.clock import Clock
from leadline_server.crm.pipedrive import wire
from leadline_server.crm.pipedrive.activities import created, has_key, nested, present_contact, stored_call, updated
from leadline_server.crm.pipedrive.facts import FACTS
from leadline_server.crm.pipedrive.records import PERSONS, SEARCH, PipedriveRecords
from leadline_server.crm.pipedrive.removal import remove_unused
from leadline_server.crm.pipedrive.search_terms import name_term, phone_terms
from leadline_server.crm.pipedrive.settings import PipedriveSettings
from leadline_server.crm.toolkit import HttpClient
from leadline_server.crm.toolkit.adapter_type import AccountView
from leadline_server.crm.toolkit.name_paging import page_of
from leadline_server.crm.toolkit.own_fields import PLACEHOLDER_FIELDS, OwnFields, sample_draft, with_own
from leadline_server.crm.toolkit.required_fields import FieldReport, missing_of
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmInvalidCursor, CrmRejected, CrmTooMuch
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, ContactUse, CrmLog, CrmUserPage, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities, CrmMethod, NameSearch, RateLimit, most_read

SEARCH_LAG: Final = timedelta(seconds=30)
"""How long a search may miss a write. Pipedrive does not say; this is a cautious estimate."""

SETTLE_TIME: Final = timedelta(seconds=30)
"""How long a write may take effect after leadline gave up. Pipedrive does not say; this is three times the deadline."""

LOOK_BACK: Final = timedelta(days=30)
MAX_ACTIVITIES: Final = 20_000
"""How far back, and in how many activities, leadline looks for a key."""

_ACTIVITIES: Final = "/api/v2/activities"
_PERSON_FIELDS: Final = "/api/v2/personFields"
_FIELDS_A_PAGE: Final = 500
_USERS: Final = "/api/v1/users"
_ACTIVITIES_A_PAGE: Final = 100  # with their notes they must fit into an answer
_GONE: Final = frozenset({404, 410})


def capabilities_of(settings: PipedriveSettings) -> Capabilities:
    """The guarantees of a connection with these settings."""
    return Capabilities(
        finds_log_by_key=True,
        enforces_unique_key=False,
        moves_log=True,
        search_lag=SEARCH_LAG,
        settle_time=SETTLE_TIME,
        rate_limits=(
            RateLimit(settings.requests_per_2_seconds, 2.0),
            RateLimit(settings.searches_per_2_seconds, 2.0, SEARCH),
        ),
        deletes_contacts=True,
        methods=ALL_METHODS | {CrmMethod.LIST_USERS, CrmMethod.GET_CALL_LOG},
        searches=NameSearch.WORDS,  # its documentation does not promise parts of words
    )


class PipedriveCrm:
    """One account's Pipedrive. See `ports.crm.CrmAdapter` for what each method guarantees.

    Args:
        client: sends requests to Pipedrive's API.
        account: leadline's account.
        settings: the settings of the connection.
        clock: the time of day.
    """

    documented_facts = FACTS

    def __init__(self, client: HttpClient, account: AccountView, settings: PipedriveSettings, clock: Clock) -> None:
        self.capabilities = capabilities_of(settings)
        self._client = client
        self._records = PipedriveRecords(client, settings)
        self._account = account
        self._settings = settings
        self._clock = clock
        self._own = OwnFields(settings)

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        """One search for each term, then one request for all persons that were found."""
        found, most = set[int](), most_read(numbers)
        for term, is_exact in phone_terms(numbers, self._account.settings().number_formats):
            found |= await self._records.searched(PERSONS, term, "phone", is_exact=is_exact, most=most)
            if len(found) >= most:
                contacts = await self._records.contacts(sorted(found)[:most])
                raise CrmTooMuch("Pipedrive finds more persons for a number than leadline reads.", read=contacts)
        return await self._records.contacts(found)

    async def get_contact(self, contact_id: str) -> Contact | None:
        """The person; None if it was deleted or merged into another."""
        if not wire.is_id(contact_id):
            return None
        answer = await self._client.ask("GET", f"{PERSONS}/{contact_id}", accept=_GONE)
        if answer.status in _GONE:
            return None
        person = wire.content(answer, wire.a_person)
        if person.is_deleted or str(person.id) != contact_id:
            return None
        [contact] = await self._records.completed([person])
        return contact

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        """All hits are read and sorted here.

        Raises:
            CrmRejected: the name is too short for a search, or more than MAX_FOUND persons may match.
        """
        term = name_term(name)
        if not term:
            raise CrmRejected("Pipedrive searches for at least two characters. Give more of the name.")
        too_many = CrmRejected("Too many persons match. Give more of the name.")
        found = await self._records.searched(PERSONS, term, "name", too_many=too_many)
        return page_of(await self._records.contacts(found), name, limit, cursor)

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:  # noqa: ARG002 - Pipedrive stores no keys
        """Create a person. Its company is the organization of that name, which is created if there is none."""
        organization = await self._records.organization(draft.company) if draft.company else None
        body = with_own(nested(self._own.of_contact(draft)), wire.written(draft, organization, self._settings))
        answer = await self._client.tell("POST", PERSONS, json=body)
        person = wire.content(answer, wire.a_person)
        companies = {} if organization is None else {organization: draft.company}
        return wire.contact_of(person, companies, self._settings)

    async def delete_contact(self, contact_id: str, log_ids: Collection[str], *, only_check: bool) -> ContactUse:
        """Delete a person that no one has used. Pipedrive keeps it for 30 days."""
        return await remove_unused(self._client, contact_id, log_ids, only_check=only_check)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        """Log a call as a done activity."""
        _check_contact(entry)
        body = created(entry, key, self._account.settings().zone)
        body = with_own(nested(self._own.of_new_call(entry)), body)
        answer = await self._client.tell("POST", _ACTIVITIES, json=body)
        return self._log(wire.content(answer, wire.an_activity).id)

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        """Change an activity; if it moves, in the same write."""
        if entry.moves:
            _check_contact(entry)
        existing = await self._read_activity(log_id)
        if existing is None:
            raise CrmRejected("The activity is no longer in Pipedrive.")
        body = updated(entry, self._account.settings().zone, existing)
        body = with_own(nested(self._own.of_changed_call(entry)), body)
        answer = await self._client.tell("PATCH", f"{_ACTIVITIES}/{log_id}", json=body)
        contact_id = entry.contact_id if entry.moves else present_contact(existing, entry.contact_id)
        return self._log(wire.content(answer, wire.an_activity).id, contact_id)

    async def find_call_log(self, key: str) -> CrmLog | None:
        """The activity whose note has the key. Pipedrive cannot search notes, so the latest activities are read.

        Raises:
            CrmTooMuch: there are more than MAX_ACTIVITIES within LOOK_BACK.
        """
        since = (self._clock.now() - LOOK_BACK).astimezone(UTC)
        params = {
            "updated_since": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "sort_by": "add_time",
            "sort_direction": "desc",
            "limit": str(_ACTIVITIES_A_PAGE),
        }
        for _ in range(MAX_ACTIVITIES // _ACTIVITIES_A_PAGE):
            page = wire.checked(await self._client.ask("GET", _ACTIVITIES, params=params), wire.activities)
            for activity in page.data:
                if has_key(activity, key) and not activity.is_deleted:
                    return self._log(activity.id)
            if not page.cursor or not page.data or _is_before(page.data[-1], since):
                return None
            params["cursor"] = page.cursor
        raise CrmTooMuch("Pipedrive has more activities than leadline reads.")

    async def delete_call_log(self, log_id: str) -> None:
        """Delete an activity. Pipedrive keeps it for 30 days."""
        await self._client.tell("DELETE", f"{_ACTIVITIES}/{log_id}", accept=_GONE)

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        """The activity as it is now."""
        activity = await self._read_activity(log_id)
        return None if activity is None else stored_call(activity)

    async def check(self) -> None:
        """Read one person and one activity."""
        wire.checked(await self._client.ask("GET", PERSONS, params={"limit": "1"}), wire.persons)
        wire.checked(await self._client.ask("GET", _ACTIVITIES, params={"limit": "1"}), wire.activities)

    async def required_fields(self) -> FieldReport:
        """Ask for the fields of persons. Pipedrive does not tell which fields of activities are required."""
        draft = sample_draft()
        body = with_own(nested(self._own.of_contact(draft)), wire.written(draft, None, self._settings))
        values = {**body, **body.get("custom_fields", {})}
        required, params = dict[str, str](), {"include_fields": "required_fields", "limit": str(_FIELDS_A_PAGE)}
        while True:
            page = wire.checked(await self._client.ask("GET", _PERSON_FIELDS, params=params), wire.person_fields)
            required |= {field.field_code: field.field_name for field in page.data if field.is_required}
            if not page.cursor or not page.data:
                break
            params["cursor"] = page.cursor
        return missing_of("persons", PLACEHOLDER_FIELDS, required, values) + FieldReport(untold=("activities",))

    async def list_users(self, cursor: str) -> CrmUserPage:
        """All users at once: Pipedrive lists them without pages, in version 1 of its API alone."""
        if cursor:
            raise CrmInvalidCursor("Pipedrive's users have one page.")
        users = wire.content(await self._client.ask("GET", _USERS), wire.users)
        return CrmUserPage(tuple(wire.crm_user_of(user) for user in users))

    async def _read_activity(self, log_id: str) -> wire.Activity | None:
        """The current activity; None if it is gone."""
        if not wire.is_id(log_id):
            return None
        answer = await self._client.ask("GET", f"{_ACTIVITIES}/{log_id}", accept=_GONE)
        if answer.status in _GONE or (activity := wire.content(answer, wire.an_activity)).is_deleted:
            return None
        return activity

    def _log(self, activity_id: int, contact_id: str = "") -> CrmLog:
        url = f"{self._settings.home}/activities/list?activityId={activity_id}"
        return CrmLog(str(activity_id), url, contact_id)


def _is_before(activity: wire.Activity, moment: datetime) -> bool:
    """Whether an activity was added before a time. Lists have the latest first."""
    added = wire.time_of(activity.add_time)
    return added is not None and added < moment


def _check_contact(entry: LogEntry) -> None:
    if not wire.is_id(entry.contact_id):
        raise CrmRejected("Pipedrive has no person with this id.")
