"""The trial of one operation of a definition, with a record of its requests and answers."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from leadline_server.cli.exit_codes import ExitCode
from leadline_server.cli.output import count
from leadline_server.clock import SystemClock
from leadline_server.crm.declarative.adapter import DefinedCrm
from leadline_server.crm.declarative.adapter_type import HttpSettings, open_connection
from leadline_server.crm.declarative.request_template import BuiltRequest
from leadline_server.crm.toolkit.adapter_type import AccountView, AdapterContext
from leadline_server.crm.toolkit.http_answers import HttpAnswer
from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmAuthFailed, CrmError, CrmRejected
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.domain.unshown import unshown
from leadline_server.ports.crm import LogEntry
from leadline_server.ports.crm_guarantees import CrmMethod

_MOST_FOUND = 50


@dataclass(slots=True)
class Exchange:
    """One request and its answer, without the header that authorizes it."""

    operation: str
    method: str
    address: str
    sent: Any
    status: int = 0
    answer: str = ""


@unshown
@dataclass(slots=True)
class DefinitionTrial:
    """The record of a trial.

    Attributes:
        exchanges: the requests and their answers, in order.
        lines: the result for people.
        result: the result for programs.
        error: the error that ended the operation; empty for none.
        exit_code: the exit code of the command.
        secrets: texts that are replaced by `***` in answers.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    result: Any = None
    error: str = ""
    exit_code: ExitCode = ExitCode.DONE
    secrets: tuple[str, ...] = ()

    def sent(self, operation: str, request: BuiltRequest) -> None:
        """Record a request before it leaves."""
        self.exchanges.append(Exchange(operation, request.method, request.address, request.json or request.form))

    def received(self, answer: HttpAnswer) -> None:
        """Record the answer to the last request: a trial sends one request at a time."""
        text = answer.body.decode(errors="replace")
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "***")
        self.exchanges[-1].status, self.exchanges[-1].answer = answer.status, text

    def fail(self, error: CrmError) -> None:
        """Record the error that ended the operation."""
        refused = isinstance(error, CrmRejected | CrmAuthFailed)
        self.exit_code = ExitCode.REFUSED if refused else ExitCode.CANNOT_TELL
        self.error = f"{type(error).__name__}: {error.message}"
        self.lines.append(self.error)

    def document(self) -> Mapping[str, Any]:
        """The whole record for programs."""
        return {"requests": [asdict(part) for part in self.exchanges], "result": self.result, "error": self.error}


class _MemoryTokens:
    """A TokenStore that keeps its documents in memory."""

    def __init__(self) -> None:
        self._documents = dict[str, bytes]()

    async def get(self, connection: str) -> bytes | None:
        return self._documents.get(connection)

    async def acquire(self, connection: str, owner: str, now: datetime, until: datetime) -> bool:  # noqa: ARG002 - see TokenStore
        return True

    async def put(self, connection: str, owner: str, document: bytes) -> None:  # noqa: ARG002 - see TokenStore
        self._documents[connection] = document

    async def release(self, connection: str, owner: str) -> None:
        """Do nothing: a trial has one process."""


async def run_trial(settings: HttpSettings, operation: str, values: Sequence[str], region: str) -> DefinitionTrial:
    """Run an operation. An error of the CRM is part of the result."""
    trial = DefinitionTrial(secrets=_secrets(settings))
    async with AsyncExitStack() as closing, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        context = AdapterContext(
            name="try",
            session=session,
            tokens=_MemoryTokens(),
            clock=SystemClock(),
            data_dir=Path(),
            closing=closing,
            process_id="try",
        )
        try:
            connected = open_connection(settings, context, trial, at_once=1)
            crm = DefinedCrm(connected, AccountView("try", lambda: AccountSettings(default_region=region)))
            await _ACTIONS[operation](crm, values, region, trial)
        except CrmError as error:
            trial.fail(error)
    return trial


def _secrets(settings: HttpSettings) -> tuple[str, ...]:
    variables = settings.compiled.definition.variables
    return tuple(str(value) for name, value in settings.values.items() if variables[name].secret)


async def _check(crm: DefinedCrm, _: Sequence[str], __: str, trial: DefinitionTrial) -> None:
    await crm.check()
    trial.result, trial.lines = True, ["The CRM answers and accepts the credentials."]


async def _find(crm: DefinedCrm, values: Sequence[str], region: str, trial: DefinitionTrial) -> None:
    numbers = [parse_number(text, region) for text in values]
    if unusable := [text for text, number in zip(values, numbers, strict=True) if not _is_usable(number)]:
        raise CrmRejected(f"{', '.join(unusable)}: not a number that is looked up.")
    found = await crm.find_contacts(numbers)
    trial.result = [_contact(contact) | {"matches": _matches(contact, numbers, region)} for contact in found]
    trial.lines = [f"The CRM found {count(len(found), 'contact')}." if found else "The CRM found no contact."]
    for contact in trial.result:
        how = "; ".join(
            f"{match['number']} matches {match['stored']} ({match['kind']})" for match in contact["matches"]
        )
        trial.lines.append(f"{_named(contact)}: {how or 'left out, since none of its numbers matches'}")


async def _get(crm: DefinedCrm, values: Sequence[str], _: str, trial: DefinitionTrial) -> None:
    contact = await crm.get_contact(values[0])
    if contact is None:
        trial.lines, trial.exit_code = ["The CRM has no such contact."], ExitCode.NOT_FOUND
        return
    trial.result = _contact(contact)
    trial.lines = [f"{name}: {value}" for name, value in trial.result.items() if value]


async def _search(crm: DefinedCrm, values: Sequence[str], _: str, trial: DefinitionTrial) -> None:
    page = await crm.search_contacts(values[0], _MOST_FOUND, "")
    trial.result = [_contact(contact) for contact in page.contacts]
    trial.lines = [_named(contact) for contact in trial.result] or ["The CRM found no contact with this name."]
    trial.lines += [f"There are more: these are the first {_MOST_FOUND}."] if page.next_cursor else []


async def _create(crm: DefinedCrm, values: Sequence[str], region: str, trial: DefinitionTrial) -> None:
    number = parse_number(values[1], region)
    if number.kind is not NumberKind.DIALABLE:
        raise CrmRejected(f"{values[1]}: not a number that a contact can have.")
    created = await crm.create_contact(ContactDraft(name=values[0], phone_number=number), f"try-{uuid.uuid4()}")
    trial.result = _contact(created)
    trial.lines = [f"Created {_named(trial.result)}."]


async def _log(crm: DefinedCrm, values: Sequence[str], _: str, trial: DefinitionTrial) -> None:
    """Log a call. Then update the log and find it again, if the definition has these operations."""
    now, key = datetime.now(UTC), f"try/{uuid.uuid4()}"
    call = Call(
        id=key.partition("/")[2],
        direction=CallDirection.INBOUND,
        caller=Party(phone_number="+12025550100", name="leadline adapter try"),
        start_time=now - timedelta(minutes=2),
        answer_time=now - timedelta(minutes=2),
        end_time=now,
        result=CallResult.ANSWERED,
        note="Written by leadline adapter try.",
    )
    entry = LogEntry(
        call=call, contact_id=values[0], user_id="", crm_user_id="", number="+12025550100", fallback_time=now
    )
    log = await crm.create_call_log(entry, key)
    trial.result, trial.lines = {"log": asdict(log)}, [f"Logged: {log.id} {log.url}".rstrip()]
    if CrmMethod.UPDATE_CALL_LOG in crm.capabilities.methods:
        await crm.update_call_log(log.id, entry)
        trial.lines.append("Updated it.")
    if crm.capabilities.finds_log_by_key:
        found = await crm.find_call_log(key)
        trial.lines.append("Found it by its key." if found == log else "The CRM does not find it by its key.")


_ACTIONS = {"check": _check, "find": _find, "get": _get, "search": _search, "create": _create, "log": _log}


def _is_usable(number: PhoneNumber) -> bool:
    return number.kind in {NumberKind.DIALABLE, NumberKind.EXTENSION}


def _contact(contact: Contact) -> dict[str, Any]:
    return asdict(contact)


def _matches(contact: Contact, numbers: Sequence[PhoneNumber], region: str) -> list[dict[str, str]]:
    return [
        {"number": number.text, "stored": stored, "kind": kind.name}
        for number in numbers
        for stored in contact.phone_numbers
        if (kind := match_kind(number, stored, region))
    ]


def _named(contact: Mapping[str, Any]) -> str:
    return f"{contact['name'] or '(no name)'} [{contact['id']}]"
