"""Removes what phone systems put before a caller's name: queue, department, line and spam labels.

`SALES:Jane Roe`, `[Sales] Jane Roe`, `(2) Jane Roe`, `Q1 Jane Roe` and `Maybe: Jane Roe` all name Jane Roe. FreePBX and
3CX call them caller-ID name prefixes of queues, ring groups and inbound routes.
"""

import re
from collections.abc import Iterable
from typing import Final

from leadline_server.domain.caller_phrases import names_no_one
from leadline_server.domain.company_words import is_company
from leadline_server.domain.display_name import folded, words_of
from leadline_server.domain.towns import is_place
from leadline_server.domain.word_lists import listed

MAX_LABEL: Final = 24
"""Characters of a label that is known by its punctuation alone."""

_MAX_LABEL_WORDS: Final = 3

# Departments, queues and lines, in the languages of phone systems.
_DEPARTMENTS: Final = listed(
    "sales|presales|support|service|services|customer service|customer care|customer support|tech|tech support",
    "technical support|help|helpdesk|help desk|service desk|it|hr|office|main|main line|mainline|main number|front",
    "front desk|frontdesk|reception|receptionist|operator|billing|accounting|accounts|finance|payments|orders",
    "order desk|shipping|dispatch|warehouse|parts|marketing|purchasing|legal|admin|management|emergency|urgent|vip",
    "night|after hours|afterhours|overflow|callback|call back|transfer|forwarded|fwd|fw|new|existing|inbound",
    "incoming|external|internal|intern|extern|direct|did|ddi|toll free|tollfree|hotline|info|information|press|q|queue",
    "callqueue|call queue|group|ring group|ringgroup|hunt group|huntgroup|ivr|auto attendant|line|trunk|team|agent",
    "campaign|lead|leads|web|website|google|facebook|ads|adwords|appointments|booking|bookings|reservations|returns",
    "claims|repairs|rentals|leasing|maintenance|desk|shop|store|branch|english|spanish|french|maybe|possible",
    "possibly|caller|call|from|cid|callerid|caller id|cnam|name|phone|tel|mobile|cell|home|work|vertrieb|verkauf",
    "einkauf|zentrale|empfang|buchhaltung|technik|kundendienst|kundenservice|bestellung|lager|warteschlange|gruppe",
    "leitung|notdienst|notfall|werkstatt|rezeption|buro|anruf|anrufer|privat|dienstlich|ventas|soporte",
    "soporte tecnico|servicio|servicio al cliente|recepcion|facturacion|contabilidad|cobros|compras|cola|grupo|linea",
    "urgencias|pedidos|citas|llamada|ventes|accueil|standard|commercial|comptabilite|sav|achats|file|file d'attente",
    "groupe|ligne|urgence|commandes|appel|vendas|suporte|suporte tecnico|atendimento|recepcao|financeiro|cobranca",
    "fila|linha|chamada|vendite|assistenza|amministrazione|acquisti|centralino|coda|gruppo|ordini|chiamata|verkoop",
    "inkoop|receptie|administratie|wachtrij|groep|lijn|klantenservice|storing|sprzedaz|serwis|biuro|recepcja|kolejka",
    "obchod|podpora|recepce|salg|kundeservice|forsaljning|kundtjanst",
)
_WARNINGS: Final = listed(
    "spam|scam|fraud|robocall|robocaller|telemarketer|telemarketing|spam risk|spam likely|scam likely|likely spam",
    "likely scam|potential spam|suspected spam|possible spam|fraud risk|nuisance|nuisance likely|potential fraud",
    "potential scam|suspected scam|suspected fraud|possible scam|possible fraud|spam call|spam caller|junk|verified",
    "verified caller|v|not verified|unverified",
)
LABELS: Final = _DEPARTMENTS | _WARNINGS
"""Words that are a label even where their punctuation alone could be part of a name."""

# "Hotel: Astoria": the word says which kind of business is named.
_BUSINESS_KINDS: Final = listed(
    "hotel|motel|hostel|restaurant|cafe|bar|studio|salon|cinema|kino|theater|theatre|gasthof|gasthaus|pension",
    "apotheke|praxis|kanzlei|firma|bakery|clinic|pharmacy|dr|prof|mr|mrs|ms",
)
# The words that end in a number: "Queue 3 Jane Roe", "Line 2: Jane Roe".
_NUMBERED: Final = (
    r"queue|callqueue|line|ring ?group|hunt ?group|group|ivr|trunk|did|ddi|ext|warteschlange|leitung|gruppe"
    r"|cola|fila|linea|linha|ligne|wachtrij|lijn"
)
_CODE: Final = rf"(?:[qlm]|rg|hg|cq|ln|grp|acd|{_NUMBERED})\s?\#?\s?\d{{1,4}}"
_QUEUE_CODE: Final = rf"(?:q|rg|hg|cq|grp|acd|{_NUMBERED})\s?\#?\s?\d{{1,4}}"

_SCHEME: Final = re.compile(r"(?:sips?|tel|callto|urn|https?|mailto):", re.IGNORECASE)
_BRACKETED: Final = re.compile(r"(?:\[[^\[\]]{1,24}\]|\{[^{}]{1,24}\}|\([^()]{1,24}\)|<[^<>]{1,24}>)(.*)", re.DOTALL)
_IN_BRACKETS: Final = re.compile(r"\[([^\[\]]*)\]|\{([^{}]*)\}|\(([^()]*)\)")
_COLON: Final = re.compile(rf"([^:\uff1a]{{1,{MAX_LABEL}}})[:\uff1a](?!//)(.*)", re.DOTALL)
_SEPARATOR: Final = r"|>*~=_\u00bb\u2022?!/\-\u2013\u2014"
_SEPARATED: Final = re.compile(rf"([^{_SEPARATOR}]{{1,{MAX_LABEL}}})([{_SEPARATOR}]+)(.*)", re.DOTALL)
_CODED: Final = re.compile(rf"{_QUEUE_CODE}(?=\s)(.*)", re.IGNORECASE | re.DOTALL)
_WHOLE_CODE: Final = re.compile(_CODE, re.IGNORECASE)
_ENDS: Final = ":-|/>\u2013\u2014"
_CALL_FROM: Final = re.compile(r"(?:(?:incoming|inbound) )?(?:call|caller) from[:\s]\s*(.*)", re.IGNORECASE | re.DOTALL)
_NUMBER_SIGN: Final = re.compile(r"#\d{1,4}(?:\s*[:.\-]\s*|\s+)(.*)")
_TRAILING: Final = re.compile(r"(.*\S)\s*([\[(])([^\[\]()]{0,24})[\])]", re.DOTALL)


def without_prefix(text: str, prefixes: Iterable[str]) -> str:
    """The text without the first of an account's prefixes that it begins with, in any case; empty for a prefix alone.

    Args:
        text: a caller-ID name.
        prefixes: those of the account (`caller_id_prefixes`): `Acme`, `SALES:`, `*7*`.
    """
    rests = (_after_prefix(text, prefix) for prefix in prefixes)
    return next((rest for rest in rests if rest is not None), text)


def without_label(text: str) -> str:
    """The text without one label at its beginning, or a warning at its end; empty where it is nothing but a label."""
    for rule in (_after_brackets, _after_code, _after_colon, _after_separator, _before_brackets):
        rest = rule(text)
        if rest is not None:
            return rest.strip()
    return text


def is_only_label(text: str) -> bool:
    """Whether a text is a label and its separator, or a code: `SALES:`, `Support -`, `Q1`."""
    text = text.strip()
    ends = text[-1:] in _ENDS and is_label(text)
    return ends or _WHOLE_CODE.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """Whether a text is only a label: a department, a warning, a code, or digits."""
    words = " ".join(words_of(text))
    return not words or words in LABELS or words.isdecimal() or _WHOLE_CODE.fullmatch(words) is not None


def _after_prefix(text: str, prefix: str) -> str | None:
    """The text after one of the account's prefixes. `Sales` is no prefix of `Salesforce`."""
    words = prefix.split()
    if not words:
        return None
    match = re.match(r"\s*" + r"\s*".join(map(re.escape, words)), text, re.IGNORECASE)
    if match is None:
        return None
    rest = text[match.end() :]
    if rest[:1].isalnum() and match[0][-1:].isalnum():
        return None
    return rest.strip()


def _after_brackets(text: str) -> str | None:
    """`[Sales] Jane Roe`. Brackets around everything hold a name or a label."""
    whole = _IN_BRACKETS.fullmatch(text)
    if whole is not None:
        inner = next(group for group in whole.groups() if group is not None)
        return "" if is_label(inner) else inner
    match = _BRACKETED.fullmatch(text)
    return match[1] if match is not None and _has_letter(match[1]) else None


def _after_code(text: str) -> str | None:
    """`Q1 Jane Roe`, `Queue 3 Jane Roe`, `#2 Jane Roe`, `Call from Jane Roe`; but not `Q2 Software`."""
    match = _CODED.fullmatch(text)
    if match is not None and _has_letter(match[1]):
        rest = match[1].strip()
        return None if is_company(rest) and not (names_no_one(rest) or is_place(rest)) else rest
    match = _NUMBER_SIGN.fullmatch(text) or _CALL_FROM.fullmatch(text)
    return match[1] if match is not None and _has_letter(match[1]) else None


def _after_colon(text: str) -> str | None:
    """`Acme: Jane Roe`: any short label. No name has a colon, but for kinds of business ("Hotel: Astoria")."""
    match = _COLON.fullmatch(text)
    if match is None or _SCHEME.match(text) or "@" in match[1]:
        return None
    label, rest = folded(match[1]).strip(), match[2]
    if not rest.strip():
        return "" if is_label(label) else match[1]
    if not _has_letter(rest) or len(label.split()) > _MAX_LABEL_WORDS:
        return None
    is_time = label[-1:].isdecimal() and rest[:1].isdecimal()
    return None if is_time or label.strip(".") in _BUSINESS_KINDS else rest


def _after_separator(text: str) -> str | None:
    """`Sales - Jane Roe`, `Sales/Jane Roe`, `SPAM? Jane Roe`: only labels that are known, for names have these too."""
    match = _SEPARATED.fullmatch(text)
    if match is None or not _has_letter(match[3]) or not is_label(match[1]) or match[1].strip().isdecimal():
        return None
    is_tight = match[2] in "-/_" and match[3][:1] != " "
    if is_tight and (len(match[3].split()) == 1 or is_company(match[3])):
        return None  # "Office-Depot", "Service/Parts"
    return match[3]


def _before_brackets(text: str) -> str | None:
    """`Jane Roe [V]`, `Jane Roe (Spam?)`, `Jane Roe [Sales]`; but not `Jane Roe (Mobile)`, as people write it."""
    match = _TRAILING.fullmatch(text)
    if match is None:
        return None
    is_removed = is_label(match[3]) if match[2] == "[" else " ".join(words_of(match[3])) in _WARNINGS | {""}
    return match[1] if is_removed else None


def _has_letter(text: str) -> bool:
    return any(char.isalpha() for char in text)
