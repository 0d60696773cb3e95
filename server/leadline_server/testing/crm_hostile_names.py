"""Names that callers choose. None of them may keep a placeholder from being created, or a call from being logged."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import CrmMethod
from leadline_server.testing.crm_harness import CrmUnderTest, Report, a_key, a_number

HOSTILE_NAMES: Final[Mapping[str, str]] = {
    "markup": "<b>Ada</b> = 1",
    "markup alone": "<>=<>=",
    "a formula": "=HYPERLINK(1)",
    "one long word": "x" * 256,
    "a long last word": "Ada " + "x" * 252,
    "a long first word": "x" * 250 + " Ada",
    "many words": "ab " * 85,
    "punctuation": "*** --- ...",
    "a dot": ".",
    "quotes and backslashes": "\"\\' `%_",
    "a web address": "https://evil.example/?a=b&c",
    "an e-mail address": "ada@example.com",
    "an emoji": "\N{HORSE}",
    "many emoji": "\N{HORSE}" * 256,
    "marks of direction": "\u202eabc\u2066",
    "invisible characters": "\u200b\u200d\ufeff",
    "a control character": "Ada\x07Bell",
    "NUL": "Ada\0Lovelace",
    "the word null": "null",
}
"""One for each rule that a CRM may have about the characters and the length of a name."""


class HostileNameCases:
    """The adapter fits a caller's texts to the rules of the CRM's fields. Subclasses provide the fixture `crm`."""

    async def test_a_placeholder_with_a_hostile_name_is_created(self, crm: CrmUnderTest) -> None:
        refused = dict[str, str]()
        for kind, name in HOSTILE_NAMES.items():
            number = parse_number(a_number(), crm.region)
            draft = ContactDraft(name=name, phone_number=number, company=name[:255], is_placeholder=True)
            try:
                created = await crm.adapter.create_contact(draft, a_key())
            except CrmRejected as error:
                refused[kind] = error.message
                continue
            contact = await crm.adapter.get_contact(created.id)
            assert contact is not None, f"{kind}: the new contact cannot be read."
        assert not refused, f"Callers choose their names. Fit them to the rules of the CRM's fields: {refused}"

    async def test_a_call_with_hostile_texts_is_logged_and_updated(self, crm: CrmUnderTest) -> None:
        contact, refused = await crm.a_contact(), dict[str, str]()
        for kind, text in HOSTILE_NAMES.items():
            entry = Report().entry(contact.id)
            party = replace(entry.call.caller, name=text)
            hostile = replace(entry, call=replace(entry.call, caller=party, subject=None, disposition=text))
            try:
                log = await crm.adapter.create_call_log(hostile, a_key())
                await _update(crm, log, replace(entry, call=replace(entry.call, subject=text)))
            except CrmRejected as error:
                refused[kind] = error.message
        assert not refused, f"Callers choose these texts. Fit them to the rules of the CRM's fields: {refused}"


async def _update(crm: CrmUnderTest, log: CrmLog, entry: LogEntry) -> None:
    if CrmMethod.UPDATE_CALL_LOG in crm.adapter.capabilities.methods:
        await crm.adapter.update_call_log(log.id, entry)
