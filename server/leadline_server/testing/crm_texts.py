"""Names, subjects and notes of every kind of text. The CRM keeps each unchanged or is declared to lose it.

No text is ever interpreted, as a template or a query for example.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest

from leadline_server.domain.clean_text import cleaned
from leadline_server.domain.contact import Contact
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm_guarantees import NameSearch
from leadline_server.testing.crm_harness import CrmUnderTest, Report, a_key, a_name

TEXTS: Final[Mapping[str, str]] = {
    "plain": "Ada Lovelace",
    "Chinese": "李小龙",
    "Cyrillic": "Зоя Космодемьянская",
    "right to left": "ليلى بنت عمر",
    "marks of direction": "abc\u202edef\u202c ghi\u200f",
    "accents and an apostrophe": "Zoë O'Neil-Ångström",
    "combining accents": "Zoe\u0308 A\u030angstro\u0308m",
    "emoji": "Ada 🐎",
    "emoji of several code points": "Ada 👩🏽‍💻",
    "quotes": "'single' \"double\" `back` „low“ «angle»",
    "backslashes": "C:\\new\\table \\' \\\" \\u0041 \\\\",
    "SQL": "Robert'); DROP TABLE contacts; --",
    "SQL, a condition": "' OR '1'='1",
    "SOQL": "x' OR Name LIKE '%' LIMIT 1 //",
    "SOSL": "? & | ! { } [ ] ( ) ^ ~ * : \\ \" ' + - FIND {x} IN ALL FIELDS",
    "JSON": '"}], "name": "x\\u0000',
    "XML": "]]></name><name>&amp; &#65; &x;",
    "HTML": "<script>alert(1)</script> & <b>bold</b> &lt;",
    "templates": "{{7*7}} ${7*7} #{7*7} %s %(name)s {0} <%= 7*7 %>",
    "Jinja2": "{% for x in range(9) %}{{ x }}{% endfor %} {{ call.id }} {# gone #}",
    "JMESPath": "contacts[*].name | [0]",
    "a spreadsheet formula": "=HYPERLINK(1)",
    "paths and URLs": "../../etc/passwd?x=1&y=2#z %2e%2e%2f %00",
    "headers": "x Authorization: none Set-Cookie: a=b",
    "a search expression": "* OR name:* NOT x",
    "a number": "007",
    "the word null": "null",
    "NUL": "before\0after",
}
"""Single lines by kind. If a kind is declared lost, its ASCII letters and digits must stay."""

LINES: Final[Mapping[str, str]] = {
    "lines": "first line\nsecond line\n\nfourth line",
    "lines of Windows": "first line\r\nsecond line",
    "tabs and runs of spaces": "a\tb  c   d",
}
"""Further kinds of notes."""

_TRAPS: Final[Mapping[str, str]] = {
    **TEXTS,
    **LINES,
    "a field of its own": "x\nNote: forged\nSummary: forged",
    "an end of leadline's part": "=== End of the call log ===\nforged",
    "a beginning of leadline's part": "forged\n=== Call log, kept up to date automatically ===",
}
"""Texts that an adapter must not interpret in any field of a call."""


class TextCases:
    """Texts stay unchanged. Subclasses provide the fixture `crm`."""

    @pytest.mark.parametrize("kind", TEXTS)
    async def test_a_name_arrives_as_it_is_unless_declared_lost(self, crm: CrmUnderTest, kind: str) -> None:
        try:
            created = await crm.a_contact(TEXTS[kind])
        except CrmRejected:
            _assert_arrived(crm, kind, TEXTS[kind], None)
            return
        for contact in (created, await crm.adapter.get_contact(created.id)):
            _assert_arrived(crm, kind, TEXTS[kind], _name(contact))

    @pytest.mark.parametrize("kind", TEXTS)
    async def test_a_subject_arrives_as_it_is_unless_declared_lost(self, crm: CrmUnderTest, kind: str) -> None:
        crm.requires("has_subject")
        people, contact = crm.log_reader(), await crm.a_contact()
        entry = Report().entry(contact.id, subject=TEXTS[kind])
        try:
            log = await crm.adapter.create_call_log(entry, a_key())
        except CrmRejected:
            _assert_arrived(crm, kind, TEXTS[kind], None)
            return
        _assert_arrived(crm, kind, TEXTS[kind], (await people.see_log(log.id)).subject)

    @pytest.mark.parametrize("kind", [*TEXTS, *LINES])
    async def test_a_note_arrives_as_it_is_unless_declared_lost(self, crm: CrmUnderTest, kind: str) -> None:
        people, contact, text = crm.log_reader(), await crm.a_contact(), {**TEXTS, **LINES}[kind]
        entry = Report().entry(contact.id, note=text)
        try:
            log = await crm.adapter.create_call_log(entry, a_key())
        except CrmRejected:
            _assert_arrived(crm, kind, text, None)
            return
        _assert_arrived(crm, kind, text, (await people.see_log(log.id)).note)

    @pytest.mark.parametrize("kind", _TRAPS)
    async def test_an_update_replaces_a_note_whatever_stood_in_it(self, crm: CrmUnderTest, kind: str) -> None:
        people, contact, report = crm.other_hands(), await crm.a_contact(), Report()
        try:
            log = await crm.adapter.create_call_log(report.entry(contact.id, note=_TRAPS[kind]), a_key())
        except CrmRejected:
            return
        await crm.adapter.update_call_log(log.id, report.entry(contact.id, note="after"))
        seen = await people.see_log(log.id)
        assert seen.note == "after"
        assert "forged" not in f"{seen.text} {seen.fields}"

    @pytest.mark.parametrize("kind", _TRAPS)
    async def test_no_other_text_of_a_call_passes_for_its_note(self, crm: CrmUnderTest, kind: str) -> None:
        people, contact, text = crm.other_hands(), await crm.a_contact(), _TRAPS[kind]
        entry = Report().entry(contact.id, note="A note")
        trapped = replace(
            entry.call,
            caller=replace(entry.call.caller, name=text),
            disposition=text,
            attributes={"campaign": text},
        )
        try:
            log = await crm.adapter.create_call_log(replace(entry, call=trapped), a_key())
        except CrmRejected:
            return
        assert (await people.see_log(log.id)).note == "A note"

    @pytest.mark.parametrize("kind", TEXTS)
    async def test_searching_for_whatever_never_finds_somebody_else(self, crm: CrmUnderTest, kind: str) -> None:
        crm.requires_search(NameSearch.WORDS)
        other = await crm.a_contact()
        page = await crm.adapter.search_contacts(f"{a_name()} {TEXTS[kind]}", 50, "")
        assert other.id not in {contact.id for contact in page.contacts}

    async def test_the_longest_name_stays_as_it_is(self, crm: CrmUnderTest) -> None:
        name = (a_name() + " " + "ß" * crm.max_name)[: crm.max_name]
        created = await crm.a_contact(name)
        assert _name(await crm.adapter.get_contact(created.id)) == name

    async def test_the_longest_note_stays_as_it_is(self, crm: CrmUnderTest) -> None:
        people, contact = crm.other_hands(), await crm.a_contact()
        note = ("long and ß " * crm.max_note)[: crm.max_note - 1] + "."
        log = await crm.adapter.create_call_log(Report().entry(contact.id, note=note), a_key())
        assert (await people.see_log(log.id)).note == note

    async def test_a_name_that_is_too_long_is_cut_or_refused(self, crm: CrmUnderTest) -> None:
        name = a_name() + " " + "x" * 2 * crm.max_name
        try:
            created = await crm.a_contact(name)
        except CrmRejected:
            return
        assert _is_cut(_name(await crm.adapter.get_contact(created.id)), name)

    async def test_a_note_that_is_too_long_is_cut_or_refused(self, crm: CrmUnderTest) -> None:
        people, contact, note = crm.other_hands(), await crm.a_contact(), "word " * crm.max_note
        try:
            log = await crm.adapter.create_call_log(Report().entry(contact.id, note=note), a_key())
        except CrmRejected:
            return
        assert _is_cut((await people.see_log(log.id)).note, note)

    async def test_lost_texts_are_kinds_that_the_suite_knows(self, crm: CrmUnderTest) -> None:
        assert crm.lost_texts <= TEXTS.keys() | LINES.keys()


def _name(contact: Contact | None) -> str:
    assert contact is not None
    return contact.name


def _is_cut(arrived: str, sent: str) -> bool:
    """Whether `arrived` is a shortened `sent`, apart from some characters at its end that say so."""
    return sent.startswith(arrived[: max(20, len(arrived) - 20)])


def _assert_arrived(crm: CrmUnderTest, kind: str, sent: str, arrived: str | None) -> None:
    """A text is as it was sent, or as leadline cleans what it reads of CRMs.

    A kind that is declared lost is refused (None), or keeps its plain characters.
    """
    if kind not in crm.lost_texts:
        assert arrived in (sent, cleaned(sent)), f"If this CRM cannot keep it, declare {kind!r} in lost_texts."
    elif arrived is not None:
        assert _plain(arrived) == _plain(sent)


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isascii() and letter.isalnum())
