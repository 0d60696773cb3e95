"""The checks of a trial, in their order: later checks use the contact and the log that earlier ones made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from leadline_server.crm.assumptions.test_numbers import stored_forms, written
from leadline_server.crm.assumptions.trial import MARK, Trial
from leadline_server.crm.toolkit.assumptions import Topic
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import CrmLog
from leadline_server.ports.crm_guarantees import Capabilities, CrmMethod, LookupRecall, NameSearch

LONG_NOTE: Final = 8_000
"""The characters of the note of the long log."""

_WORD: Final = "<b> & \"Zo\u00eb\" = 'x'"


class DoesNotHold(Exception):
    """The assumption does not hold; the message says what was seen."""


class CannotTry(Exception):
    """The assumption cannot be tried here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One assumption that a trial tries.

    Attributes:
        topic: its name.
        says: the assumption, in a sentence.
        advice: what to do if it does not hold.
        run: tries it, and returns what was seen. Raises DoesNotHold, CannotTry, or what adapters raise.
        needs: whether the adapter declares enough to try it.
    """

    topic: Topic
    says: str
    advice: str
    run: Callable[[Trial], Awaitable[str]]
    needs: Callable[[Capabilities], bool] = lambda _: True


async def _lookup(trial: Trial) -> str:
    number = await trial.free_number()
    contact = await trial.contact(trial.name, number)

    async def look() -> bool:
        return contact.id in await trial.found(number)

    waited = await trial.until(look)
    lag = trial.adapter.capabilities.search_lag.total_seconds()
    if waited is None:
        raise DoesNotHold(f"It was not found within {lag:g} s.")
    return f"Found after {waited:.1f} s; {lag:g} s are assumed."


async def _forms(trial: Trial) -> str:
    if not trial.can_delete:
        raise CannotTry("It needs more contacts, and leadline cannot delete contacts of this CRM.")
    number, made, refused = await trial.free_number(), dict[str, str](), list[str]()
    for form, text in stored_forms(number).items():
        try:
            contact = await trial.contact(f"{trial.name} {form}", written(number, text))
            made[contact.id] = f"{form} ({text})"
        except CrmRejected:
            refused.append(f"{form} ({text})")

    async def look() -> bool:
        return made.keys() <= await trial.found(number)

    waited = await trial.until(look) if made else None
    found = made.keys() if waited is not None else await trial.found(number)
    missed = [form for contact_id, form in made.items() if contact_id not in found]
    return _judged(trial, len(made), missed, refused)


def _judged(trial: Trial, made: int, missed: list[str], refused: list[str]) -> str:
    words = [f"Found {made - len(missed)} of {made} forms."]
    words += [f"Not found: {', '.join(missed)}."] if missed else []
    words += [f"The CRM does not store: {', '.join(refused)}."] if refused else []
    if missed and trial.adapter.capabilities.lookup_recall is LookupRecall.COMPLETE:
        raise DoesNotHold(" ".join(words))
    words += ["The account's number_formats can name further forms."] if missed else []
    return " ".join(words)


async def _same_name(trial: Trial) -> str:
    _first(trial)
    known = set(trial.contacts)
    second = await trial.contact(trial.name, await trial.free_number())
    if second.id in known:
        raise DoesNotHold("The CRM made one contact of two.")
    return "Two contacts have one name."


async def _characters(trial: Trial) -> str:
    if not trial.can_delete:
        raise CannotTry("It needs another contact, and leadline cannot delete contacts of this CRM.")
    contact = await trial.contact(f"{MARK} {_WORD}", await trial.free_number())
    stored = await trial.adapter.get_contact(contact.id)
    if stored is None or not stored.name:
        raise DoesNotHold("The contact has no name, or cannot be read.")
    return f"Kept as {stored.name!r}."


async def _name_search(trial: Trial) -> str:
    contact = _first(trial)

    async def look() -> bool:
        page = await trial.adapter.search_contacts(trial.name, 10, "")
        return contact.id in {each.id for each in page.contacts}

    waited = await trial.until(look)
    if waited is None:
        raise DoesNotHold("The search does not find the contact by its name.")
    return f"Found after {waited:.1f} s."


async def _log(trial: Trial) -> str:
    await trial.log(trial.entry(_first(trial), is_over=False), trial.key)
    return "Logged while it rings."


async def _update(trial: Trial) -> str:
    await trial.adapter.update_call_log(_log_of(trial).id, trial.entry(_first(trial)))
    return "The update to an unanswered call was taken."


async def _long_note(trial: Trial) -> str:
    note = ("A note of a test. " * (LONG_NOTE // 18 + 1))[:LONG_NOTE]
    await trial.adapter.update_call_log(_log_of(trial).id, trial.entry(_first(trial), note=note))
    return f"A note of {LONG_NOTE:,} characters was taken."


async def _key(trial: Trial) -> str:
    log = _log_of(trial)

    async def look() -> bool:
        found = await trial.adapter.find_call_log(trial.key)
        return found is not None and found.id == log.id

    waited = await trial.until(look)
    if waited is None:
        raise DoesNotHold("The log is not found by its key: a lost answer would make a second log.")
    return f"Found after {waited:.1f} s."


async def _unique_key(trial: Trial) -> str:
    first = _log_of(trial)
    again = await trial.log(trial.entry(_first(trial)), trial.key)
    if again.id != first.id:
        raise DoesNotHold("A second log was made for one key.")
    return "The second write gave the first log."


async def _move(trial: Trial) -> str:
    first = _first(trial)
    others = [each for each in trial.contacts.values() if each.id != first.id]
    if not others:
        raise CannotTry("There is no second contact.")
    entry = trial.entry(others[-1], moves=True)
    log = await trial.adapter.update_call_log(_log_of(trial).id, entry)
    if log.contact_id and log.contact_id != others[-1].id:
        raise DoesNotHold("The CRM has the log at another contact.")
    return "The log moved."


async def _deleted(trial: Trial) -> str:
    if not trial.can_delete:
        raise CannotTry("leadline cannot delete contacts of this CRM.")
    _first(trial)
    contact = next(reversed(trial.contacts.values()))
    if not await trial.remove(contact.id):
        raise DoesNotHold("The CRM shows other activity on a contact that only this test used.")
    if await trial.adapter.get_contact(contact.id) is not None:
        raise DoesNotHold("A deleted contact can still be read.")
    return "A deleted contact is gone."


def _first(trial: Trial) -> Contact:
    contact = next(iter(trial.contacts.values()), None)
    if contact is None:
        raise CannotTry("There is no contact.")
    return contact


def _log_of(trial: Trial) -> CrmLog:
    log = next(iter(trial.logs.values()), None)
    if log is None:
        raise CannotTry("There is no log.")
    return log


def _has(*methods: CrmMethod) -> Callable[[Capabilities], bool]:
    return lambda capabilities: frozenset(methods) <= capabilities.methods


_LAG: Final = "Set search_lag_seconds of the connection to the time that this CRM needs."

CHECKS: Final = (
    Check(topic=Topic.LOOKUP, says="A new contact is found by its number in time.", advice=_LAG, run=_lookup),
    Check(
        topic=Topic.FORMS,
        says="A number is found however people wrote it, or leadline says that it may not be.",
        advice="Do not use CREATE_PLACEHOLDER here, name the missing forms in number_formats, and tell leadline's "
        "authors.",
        run=_forms,
    ),
    Check(
        topic=Topic.SAME_NAME,
        says="Two contacts may have the same name.",
        advice="Have the CRM's rules for duplicates look at more than the name: all placeholders have one name.",
        run=_same_name,
    ),
    Check(
        topic=Topic.CHARACTERS,
        says="A name with any characters is taken, as it is or fitted.",
        advice="Tell leadline's authors which characters this CRM refuses: a caller chooses his caller-ID name.",
        run=_characters,
    ),
    Check(
        topic=Topic.NAME_SEARCH,
        says="A contact is found by its name.",
        advice=_LAG,
        run=_name_search,
        needs=lambda can: CrmMethod.SEARCH_CONTACTS in can.methods and can.searches is not NameSearch.NONE,
    ),
    Check(
        topic=Topic.LOG,
        says="A call can be logged while it rings.",
        advice="Run leadline connections check, and give required fields a value in call_fields.",
        run=_log,
        needs=_has(CrmMethod.CREATE_CALL_LOG),
    ),
    Check(
        topic=Topic.UPDATE,
        says="An unanswered call that was logged while it rang can be updated.",
        advice="Set wait_until_final for the accounts of this connection: then each call is written once.",
        run=_update,
        needs=_has(CrmMethod.CREATE_CALL_LOG, CrmMethod.UPDATE_CALL_LOG),
    ),
    Check(
        topic=Topic.LONG_NOTE,
        says="A long note is taken, shortened if it must be.",
        advice="Tell leadline's authors how long this CRM's text may be.",
        run=_long_note,
        needs=_has(CrmMethod.CREATE_CALL_LOG, CrmMethod.UPDATE_CALL_LOG),
    ),
    Check(
        topic=Topic.KEY,
        says="A log is found by its key after a lost answer.",
        advice="Check the field for the call's key, and set search_lag_seconds and settle_seconds.",
        run=_key,
        needs=lambda can: can.finds_log_by_key and CrmMethod.CREATE_CALL_LOG in can.methods,
    ),
    Check(
        topic=Topic.UNIQUE_KEY,
        says="The CRM makes one log of two writes with one key.",
        advice="Have the CRM keep the field of the key unique.",
        run=_unique_key,
        needs=lambda can: can.enforces_unique_key and CrmMethod.CREATE_CALL_LOG in can.methods,
    ),
    Check(
        topic=Topic.MOVE,
        says="A log can be moved to another contact.",
        advice="Tell leadline's authors: a log whose contact is corrected stays at the wrong one.",
        run=_move,
        needs=lambda can: can.moves_log and CrmMethod.UPDATE_CALL_LOG in can.methods,
    ),
    Check(
        topic=Topic.DELETED,
        says="A contact that nobody used can be deleted, and is then gone.",
        advice="Remove the contacts of this test by hand, and give leadline's user the right to delete.",
        run=_deleted,
    ),
)
"""All checks. `Topic.LOOKUP` is the first, since it makes the contact."""
