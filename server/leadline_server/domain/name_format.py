"""How a caller-ID name is written as a contact's name: `ROE JANE` as sent, `Roe Jane` or `Jane Roe`.

North American caller-ID names (CNAM) come in capitals, the surname first (Telcordia GR-1188). Only such names are
touched, and only what is certain: where two readings are possible, the name stays as it was sent.
"""

import re
from typing import Final

import phonenumbers

from leadline_server.domain.company_words import is_company
from leadline_server.domain.given_names import GIVEN_NAMES
from leadline_server.domain.preferences import PlaceholderNameFormat
from leadline_server.domain.word_lists import listed

_NORTH_AMERICA: Final = frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1])

# Written in capitals although they can be pronounced, or are short enough to be words.
_ACRONYMS: Final = listed(
    "AAA|AARP|ABA|ABC|AC|ACLU|ADA|ADT|AEP|AG|AIG|AMC|AMD|AME|AOL|APS|ASAP|ASPCA|ATM|ATV|AT|AV|AVON|BBB|BBQ|BMO|BMW",
    "BP|BPO|CBC|CBD|CBRE|CBS|CEO|CFO|CIBC|CNN|CPA|CPAS|CSX|CVS|DBA|DDS|DHL|DIY|DJ|DMD|DMV|DUI|DVM|EDD|EMS|EMT|ENT",
    "EPA|ER|ESPN|EV|FAA|FBI|FDA|FEMA|FHA|FTC|GE|GEICO|GM|GMAC|GMC|GPS|GSA|GTE|HBO|HDR|HOA|HP|HR|HSBC|HUD|HVAC|IBEW",
    "IBM|ICU|IHOP|II|III|ING|INS|IRA|IRS|IT|ITT|IV|JCPENNEY|KFC|KPMG|LA|LAPD|LED|LLC|LLLP|LLP|LP|LPL|MBA|MCI|MD|MGM",
    "MIT|MRI|NA|NAACP|NAPA|NASA|NBA|NBC|NCAA|NFL|NHL|NPR|NRA|NYC|NYPD|NYU|OB|OBGYN|OSHA|PA|PBS|PC|PG|PGA|PHD|PLC",
    "PLLC|PNC|PO|PPO|PR|PSE|PT|PTA|RBC|REI|REO|RN|RV|RVS|SAP|SBA|SEIU|SPCA|SUNY|SUV|TD|TJX|TMZ|TV|TVA|UA|UAW|UBS",
    "UCLA|UCSF|UK|UNC|UPMC|UPS|US|USA|USAA|USC|USDA|USPS|UV|VA|VFW|VIP|VP|XM|YMCA|YWCA",
) - {"INS", "IRA", "LA", "NA", "ADA", "AME", "AT", "AVON", "IT"}
# Written in a way of their own.
_SPECIAL: Final = {
    "FEDEX": "FedEx",
    "PHD": "PhD",
    "YOUTUBE": "YouTube",
    "PAYPAL": "PayPal",
    "LINKEDIN": "LinkedIn",
}
# Without a vowel, yet written as words.
_VOWELLESS_WORDS: Final = listed(
    "MC|JR|SR|MR|MRS|MS|DR|ST|FT|MT|LTD|BLVD|RD|PL|LN|CT|HWY|NG|SMTH|DEPT|CTR|SVC|SVCS|BROS|BLDG|BLDRS|MGMT|MFG|MKT",
    "INTL|NATL|ASSN|PKWY|TWP|CNTY|RLTY|HTS|SPGS|PLMBG|HTG|CHTRD|SCH|DPT|SGT|CPT|LT|PVT|REV|PRES|CRK|RVR|GRP|PRTNRS",
    "PHRM|PHCY|SHRF|TRK",
)
# Particles of surnames. Lower case between other words ("Jan van der Berg"), a capital at the beginning ("Van Dyke").
_PARTICLES: Final = frozenset(["VAN", "VON", "VOM", "ZUM", "ZUR", "DER", "DEN", "DE", "DEL", "DELLA", "DOS", "DAS"])
_AFTER_DE: Final = frozenset(["LA", "LAS", "LOS"])
_NO_GIVEN_NAMES: Final = _PARTICLES | listed("DI|DA|DU|LA|LE|ST|STE|SAN|SANTA|MC|MAC|EL|TEN|TER|BIN|IBN")
_SURNAME_STARTS: Final = _NO_GIVEN_NAMES | frozenset(["AL", "ABU", "BEN", "FITZ", "O", "D", "L", "M"])
_SMALL_WORDS: Final = frozenset(["OF", "AND", "THE", "FOR"])
_SUFFIXES: Final = listed("JR|SR|II|III|IV|MD|DO|DDS|DMD|DVM|PHD|ESQ|CPA|RN|PA|NP|OD|DC")
_TITLES: Final = listed("MR|MRS|MS|MISS|DR|REV|PROF|SGT|CPT|LT|HON|SIR|FR")

# Endings and beginnings that English words do not have: IBM, UBS and BMO are said letter by letter.
_SAID_BY_LETTER: Final = re.compile(
    r"[AEIOU](?:[BCDFGJKMPQVWXZ][BCDFGJKMNPQSTVWXZ]|HM|NM|NP|NV|RV|TM|TC|TD|TP|LV)|[BCDFGHJKLMNPQRTVWXZ][BDFGJKMPQVXZ][AEIOU]"
)
_SAYABLE_ENDS: Final = re.compile(r"[AEIOU](?:CK|MP|FT|PT|CT|BB|DD|FF|GG|MM|PP|ZZ|WN|WL|WK|XT|KS|PS|MS|DS)")

_LONGEST_IN_AND: Final = 2  # letters on the sides of AT&T, H&R
_LONGEST_SHORT_FORM: Final = 2  # letters after an apostrophe: JOE'S, I'LL
_SAYABLE_LETTERS: Final = 3  # longer words than UBS are not guessed at

_WORD: Final = re.compile(r"[A-Z]+(?:['\-][A-Z]+)*")
_LETTER_AND_REST: Final = re.compile(r"([A-Z]{1,2})'([A-Z]+)")
_MC: Final = re.compile(r"MC([A-Z]{3,})")
_ORDINAL: Final = re.compile(r"\d+(?:ST|ND|RD|TH)")


def formatted(name: str, how: PlaceholderNameFormat, region: str) -> str:
    """A usable caller-ID name in the format that the preferences ask for.

    Args:
        name: as `caller_id.usable_name` returns it.
        how: the preference `placeholder_name_format`.
        region: the account's. Outside the North American numbering plan every name stays as sent.
    """
    is_cnam = region in _NORTH_AMERICA and name.isascii() and name.isupper()
    if how is PlaceholderNameFormat.AS_SENT or not is_cnam:
        return name
    if how is PlaceholderNameFormat.TITLE_CASE:
        return title_case(name)
    return _first_last(name)


def title_case(name: str) -> str:
    """A name in capitals with only its initials as capitals; acronyms stay, `Mc`, `O'` and particles are respected."""
    words = name.split(" ")
    cased = []
    for index, word in enumerate(words):
        is_inside = 0 < index < len(words) - 1
        is_particle = word in _PARTICLES or (word in _AFTER_DE and words[index - 1] == "DE")
        is_small = is_inside and (is_particle or word in _SMALL_WORDS)
        cased.append(word.lower() if is_small or _ORDINAL.fullmatch(word) else _cased(word))
    return " ".join(cased)


def _first_last(name: str) -> str:
    """`Jane Roe` for `ROE JANE` and `ROE, JANE`; as sent for a company, for three words without comma, and in doubt."""
    surname, comma, given = (part.strip() for part in name.partition(","))
    if is_company(name) or "," in given:
        return name
    if comma:
        return _in_order(surname.split(), given.split()) if surname and given else name
    return _two_words(name, *name.split(" ")) if name.count(" ") == 1 else name


def _two_words(name: str, first: str, second: str) -> str:
    """Two words are a surname and a given name, but for `VAN DYKE`, `DR ROE`, `ROE JR`, `J ROE`; not so `JANE ROE`."""
    is_plain = all(_WORD.fullmatch(word) for word in (first, second))
    is_part = first in _SURNAME_STARTS | _TITLES or second in _SUFFIXES | _NO_GIVEN_NAMES
    if not is_plain or is_part or len(first) == 1 or _is_acronym(first) or _is_acronym(second):
        return name
    if first.lower() in GIVEN_NAMES:
        return name if second.lower() in GIVEN_NAMES else title_case(name)
    return title_case(f"{second} {first}")


def _in_order(surname: list[str], given: list[str]) -> str:
    """Given names, surname, suffixes: `ROE JR, JANE A` and `ROE, JANE A JR` are Jane A Roe Jr."""
    suffixes = [word for word in (*surname[1:], *given[1:]) if word.rstrip(".") in _SUFFIXES]
    names = [word for word in (*given, *surname) if word not in suffixes]
    return title_case(" ".join((*names, *suffixes)))


def _cased(word: str) -> str:
    return re.sub(r"(?<!\d)[A-Z']+", lambda match: _cased_part(match[0], word), word)


def _cased_part(part: str, word: str) -> str:
    """One run of letters and apostrophes of a word: both sides of SMITH-JONES."""
    if part in _SPECIAL:
        return _SPECIAL[part]
    if _is_acronym(part) or ("&" in word and len(part) <= _LONGEST_IN_AND):
        return part
    apostrophe = _LETTER_AND_REST.fullmatch(part)
    if apostrophe is not None and len(apostrophe[2]) > _LONGEST_SHORT_FORM:
        return f"{apostrophe[1].capitalize()}'{_mc(apostrophe[2])}"
    return _mc(part)


def _mc(part: str) -> str:
    match = _MC.fullmatch(part)
    return f"Mc{match[1].capitalize()}" if match is not None else part.capitalize()


def _is_acronym(part: str) -> bool:
    """Whether letters are said one by one: known ones, those without a vowel (TRW), and short ones such as UBS."""
    if part in _ACRONYMS:
        return True
    if len(part) == 1 or part in _VOWELLESS_WORDS:
        return False
    if not re.search(r"[AEIOUY]", part):
        return True
    return (
        len(part) == _SAYABLE_LETTERS
        and _SAID_BY_LETTER.fullmatch(part) is not None
        and not _SAYABLE_ENDS.fullmatch(part)
    )
