"""One attempt at an operation of a definition, with everything that went out and came back written down."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from leadline_server.cli.failures import ExitCode
from leadline_server.clock import SystemClock
from leadline_server.crm.connections import AccountView, Surroundings
from leadline_server.crm.http.adapter import DefinedCrm
from leadline_server.crm.http.connecting import HttpSettings, open_connection
from leadline_server.crm.http.requests import Built
from leadline_server.crm.web.answers import Answer
from leadline_server.domain.call import Call, CallDirection, CallResult, Party
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.errors import CrmAuthFailed, CrmError, CrmRejected
from leadline_server.domain.numbers.matching import match_kind
from leadline_server.domain.numbers.phone_number import NumberKind, PhoneNumber, parse_number
from leadline_server.domain.preferences import AccountSettings
from leadline_server.ports.crm import LogEntry

_MOST_FOUND = 50


@dataclass(slots=True)
class Exchange:
    """One request, without what authorizes it, and its answer."""

    operation: str
    method: str
    address: str
    sent: Any
    status: int = 0
    answer: str = ""


@dataclass(slots=True)
class Attempt:
    """What became of it. `lines` say it to people, `result` to programs."""

    exchanges: list[Exchange] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    result: Any = None
    error: str = ""
    exit_code: ExitCode = ExitCode.DONE
    secrets: tuple[str, ...] = ()

    def sent(self, operation: str, request: Built) -> None:
        """See asking.Observer."""
        self.exchanges.append(Exchange(operation, request.method, request.address, request.json or request.form))

    def came(self, answer: Answer) -> None:
        """The answer to the request before: one is sent at a time here."""
        text = answer.body.decode(errors="replace")
        for secret in filter(None, self.secrets):
            text = text.replace(secret, "***")
        self.exchanges[-1].status, self.exchanges[-1].answer = answer.status, text

    def fail(self, error: CrmError) -> None:
        """The operation ended with an error."""
        refused = isinstance(error, CrmRejected | CrmAuthFailed)
        self.exit_code = ExitCode.REFUSED if refused else ExitCode.CANNOT_TELL
        self.error = f"{type(error).__name__}: {error.message}"
        self.lines.append(self.error)

    def document(self) -> Mapping[str, Any]:
        """All of it for programs."""
        return {"requests": [asdict(part) for part in self.exchanges], "result": self.result, "error": self.error}


class _Tokens:
    """A TokenStore that forgets everything in the end."""

    def __init__(self) -> None:
        self._documents = dict[str, bytes]()

    async def get(self, connection: str) -> bytes | None:
        return self._documents.get(connection)

    async def lease(self, connection: str, owner: str, now: datetime, until: datetime) -> bool:  # noqa: ARG002 - see TokenStore
        return True

    async def put(self, connection: str, owner: str, document: bytes) -> None:  # noqa: ARG002 - see TokenStore
        self._documents[connection] = document

    async def release(self, connection: str, owner: str) -> None:
        """Nobody else wants it."""


async def attempt(settings: HttpSettings, operation: str, values: Sequence[str], region: str) -> Attempt:
    """Carry out an operation; whatever the CRM does is part of the answer."""
    done = Attempt(secrets=_secrets(settings))
    async with AsyncExitStack() as closing, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        around = Surroundings(
            name="try",
            session=session,
            tokens=_Tokens(),
            clock=SystemClock(),
            data_dir=Path(),
            closing=closing,
        )
        try:
            connected = open_connection(settings, around, done, at_once=1)
            crm = DefinedCrm(connected, AccountView("try", lambda: AccountSettings(default_region=region)))
            await _ACTIONS[operation](crm, values, region, done)
        except CrmError as error:
            done.fail(error)
    return done


def _secrets(settings: HttpSettings) -> tuple[str, ...]:
    variables = settings.ready.definition.variables
    return tuple(str(value) for name, value in settings.values.items() if variables[name].secret)


async def _check(crm: DefinedCrm, _: Sequence[str], __: str, done: Attempt) -> None:
    await crm.check()
    done.result, done.lines = True, ["The CRM answers, and accepts the credentials."]


async def _find(crm: DefinedCrm, values: Sequence[str], region: str, done: Attempt) -> None:
    numbers = [parse_number(text, region) for text in values]
    if unusable := [text for text, number in zip(values, numbers, strict=True) if not _is_usable(number)]:
        raise CrmRejected(f"{', '.join(unusable)}: nobody is looked up by this.")
    found = await crm.find_contacts(numbers)
    done.result = [_contact(contact) | {"matches": _matches(contact, numbers, region)} for contact in found]
    done.lines = [f"{len(found)} found by the CRM." if found else "Nobody has it, says the CRM."]
    for contact in done.result:
        how = "; ".join(
            f"{match['number']} matches {match['stored']} ({match['kind']})" for match in contact["matches"]
        )
        done.lines.append(f"{_named(contact)}: {how or 'none of its numbers is what was asked for, so it is left out'}")


async def _get(crm: DefinedCrm, values: Sequence[str], _: str, done: Attempt) -> None:
    contact = await crm.get_contact(values[0])
    if contact is None:
        done.lines, done.exit_code = ["The CRM has no such contact."], ExitCode.NOT_FOUND
        return
    done.result = _contact(contact)
    done.lines = [f"{name}: {value}" for name, value in done.result.items() if value]


async def _search(crm: DefinedCrm, values: Sequence[str], _: str, done: Attempt) -> None:
    page = await crm.search_contacts(values[0], _MOST_FOUND, "")
    done.result = [_contact(contact) for contact in page.contacts]
    done.lines = [_named(contact) for contact in done.result] or ["Nobody is called so."]
    done.lines += [f"There are more; these are the first {_MOST_FOUND}."] if page.next_cursor else []


async def _create(crm: DefinedCrm, values: Sequence[str], region: str, done: Attempt) -> None:
    number = parse_number(values[1], region)
    if number.kind is not NumberKind.DIALABLE:
        raise CrmRejected(f"{values[1]}: no contact is created with this.")
    created = await crm.create_contact(ContactDraft(name=values[0], phone_number=number), f"try-{uuid.uuid4()}")
    done.result = _contact(created)
    done.lines = [f"Created {_named(done.result)}."]


async def _log(crm: DefinedCrm, values: Sequence[str], _: str, done: Attempt) -> None:
    """Log a call, change the log, and find it, as far as the definition can."""
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
    done.result, done.lines = {"log": asdict(log)}, [f"Logged: {log.id} {log.url}".rstrip()]
    if crm.updates_logs:
        await crm.update_call_log(log.id, entry)
        done.lines.append("Updated it.")
    if crm.capabilities.finds_log_by_key:
        found = await crm.find_call_log(key)
        done.lines.append("Found it by its key." if found == log else "It is not found by its key.")


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
    return f"{contact['name'] or 'without a name'} [{contact['id']}]"
