"""Place names that North American carriers send as caller-ID names where they know only where the number belongs.

They come as town and state ("SAN FRANCISCO CA", "BOSTON, MA", "COLORDO SPGS CO"), as a large city or a state alone
("LOS ANGELES", "CALIFORNIA"), with a country ("Texas, USA") or as "TEXAS CALL". The codes are those of the United
States and Canadian postal services; `towns.txt` has the towns that libphonenumber names.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Final

from leadline_server.domain.display_name import CNAM_LENGTH, folded
from leadline_server.domain.regions import (
    CITIES,
    COUNTRIES,
    GIVEN_NAMES,
    MORE_TOWNS,
    OLD_CODES,
    PERSONS_NAMES,
    STATES,
    WORLD_CITIES,
)
from leadline_server.domain.word_lists import listed

_FILE: Final = "towns.txt"

# Codes that also end a person's name: degrees and titles (MD, PA, MA, DC, MS, ND, PE), given names (CNAM: SMITH AL).
_ENDS_PERSONS: Final = frozenset(["MD", "PA", "MA", "DC", "MS", "ND", "PE", "AL", "MO", "DE", "VI"])
# Codes that also are words, or end an organisation's name: FORD MOTOR CO, CHECK IN, DURHAM VA (Veterans Affairs).
_ARE_WORDS: Final = frozenset(["CO", "HI", "ID", "IN", "LA", "ME", "OH", "OK", "ON", "OR", "PR", "VA"])

# Towns that are frequent surnames (2010 census), in the states whose codes or names also end persons' names: WARREN MD
# may be a physician, and TUCKER GEORGIA a woman.
_ALSO_SURNAMES: Final = listed(
    "adams|anderson|ann|arnold|ashley|austin|baker|benton|berry|beverly|bolton|bowman|boyle|bradford|brooks|browning",
    "bruce|buchanan|buckley|burke|butler|calhoun|cameron|chandler|clayton|clinton|cochran|collins|conrad|crane",
    "crosby|dalton|daphne|davenport|dawson|dennis|dillon|dixon|douglas|drew|english|everett|fitzgerald|flora|floyd",
    "foley|fowler|franklin|gardner|garrett|garrison|gerald|gordon|grant|gray|griffin|guin|hamilton|hammond|hampton",
    "hancock|hanna|hardin|harrington|harvey|hatfield|hayes|henderson|hinton|holden|houston|howe|hudson|hull|irwin",
    "jackson|jasper|jefferson|kane|kent|knox|lee|lillian|livingston|lynn|lyons|manning|marion|marks|marshall|mathews",
    "maynard|mcdonald|mclean|mercer|mitchell|monroe|montgomery|moody|morrow|morton|nicholson|norton|palmer|patton",
    "pearson|perry|preston|randolph|raymond|richmond|roy|russell|samson|selma|shannon|sharon|shelton|shirley|sparks",
    "spencer|stafford|stanley|steele|stevenson|stuart|sullivan|taylor|terry|theodore|townsend|tucker|valencia|vernon",
    "walls|ware|warren|washington|webster|wells|wiggins|wise",
)
# Words that organisations' names have and towns' names have not: CITY OF DALLAS TX, ACME PLUMBING TX.
_ORGANISATION_WORDS: Final = listed(
    "of|and|the|inc|llc|ltd|corp|co|company|group|bank|credit|union|insurance|ins|realty|properties|homes|services",
    "service|svc|svcs|dept|office|hospital|clinic|medical|dental|health|care|pharmacy|hotel|inn|school|schools|univ",
    "university|college|church|law|legal|plumbing|electric|heating|roofing|construction|auto|motors|motor|tech",
    "systems|solutions|media|energy|foods|pizza|farm|farms|store|shop|supply|studio|salon|gov|govt|state|police",
    "sheriff|court|library|museum|association|assoc|partners",
)
_TOWN_STARTS: Final = listed("rancho|san|santa|saint|st|fort|ft|mount|mt|port|cape")
_TOWN_ENDS: Final = listed(
    "beach|bch|city|cty|heights|hts|springs|spgs|spg|falls|fls|hills|grove|village|creek|island|junction|jct|verdes",
    "township|twp|harbor|ridge|rapids|bluffs|lakes",
)
_LEGAL_FORMS: Final = listed("inc|llc|ltd|corp|co|bank|dds|dmd|esq|cpa|assoc|pc|pllc|llp|clinic|dental|hotel")

_PADDED: Final = re.compile(r"(?P<town>[^\W_][\w .'/\-]{0,10}?) {2,}(?P<code>[A-Z]{2})", re.ASCII)
_ABOUT_PADDED: Final = range(CNAM_LENGTH - 3, CNAM_LENGTH + 3)  # blanks get lost or added on the way
_MAX_TOWN_WORDS: Final = 3  # "Rancho Palos Verdes, CA"
_TOWN_AND_STATE: Final = re.compile(r"([^\W_][^\W_ .'\-]*(?:[ .'\-]+[^\W_]+)*)( ?, ?| )([A-Z]{2})")
_CALL: Final = re.compile(r" CALL(?:ER)?S?$", re.IGNORECASE)
_DIRECTION: Final = re.compile(r"^(?:(?:north|south|east|west)(?:ern)?|[nsew]|no|so|central|upstate) ")
_DIRECTIONS: Final = listed("n|s|e|w|ne|nw|se|sw|north|south|east|west")
_STATE_ENDS: Final = tuple(f" {state}" for state in STATES)
_SPLIT: Final = re.compile(r"[ .'\-]+")
_RATE_CENTER_ZONE: Final = re.compile(r"z\d{1,2}|0\d|cntrl|zone")
_ZONE: Final = re.compile(r"z\d{1,2}|\d{1,2}|zone|cntrl|central|main|n|s|e|w|ne|nw|se|sw|north|south|east|west")

# Ways to write one word; both a caller-ID name and the data have either.
_SHORT: Final[Mapping[str, str]] = {
    **dict.fromkeys(["saint", "sainte", "ste"], "st"),
    **dict.fromkeys(["springs", "spring", "spg", "spngs", "sprgs", "sprngs"], "spgs"),
    **dict.fromkeys(["heights", "hghts", "hgts", "hts"], "hts"),
    **dict.fromkeys(["mount", "mountain", "mtn"], "mt"),
    "fort": "ft",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
}
_MIN_LETTERS: Final = 5  # of a single word: ROE is no short form of Rome
_MIN_SHARE: Final = 0.6  # of a town's letters that an abbreviation has: COLORDO SPGS, FT LAUDERDAL


def is_padded_place(name: str) -> bool:
    """Whether a caller-ID name has the fixed columns of a place: 13 for the town, 2 for the state.

    `SAN ANTONIO  TX`, `CHICAGO Z7   IL`, `MONTREAL     PQ`; also `Cell Phone   CO`. Names of persons and companies
    are not padded like that.

    Args:
        name: as sent, before blanks are collapsed.
    """
    match = _PADDED.fullmatch(name)
    if match is None or not (_is_code(match["code"]) or match["code"] == "US"):
        return False
    if len(name) not in ([CNAM_LENGTH] if match["code"] in _ENDS_PERSONS else _ABOUT_PADDED):
        return False
    return _LEGAL_FORMS.isdisjoint(match["town"].casefold().split())


def is_state_code(word: str) -> bool:
    """Whether a word is the postal code of a state or province, in any case."""
    return _is_code(word.upper())


def is_place(name: str, *, is_american: bool = True) -> bool:
    """Whether a caller-ID name is only a place.

    A state, country or large city alone is one. Where its name is a given name too ("Georgia"), it is one only in
    capitals, as carriers write it. A town that is known to lie in the state after it is one in any case ("Boston MA",
    "Houston Texas"), also abbreviated ("MANITOU SPG CO"). Other words are taken for a town before

    - a code that means nothing else: in capitals, one word or a word that towns have ("XANADU CA", "XANADU FALLS CA"),
      or with a comma ("Xanadu, CA"); HILTON AUSTIN TX and "Jane Roe, CA" stay names;
    - a code that is a word too (CO, IN, OR, VA ...): only with a comma, so FORD MOTOR CO stays a name;
    - a code that ends persons' names (MD, PA, MA, AL ...): never, so JOHN DOE MD and "Jane Doe, MA" stay names. A
      wrong name is easier to correct than a lost one.

    Args:
        name: cleaned: single spaces, no quotes.
        is_american: whether the number belongs to North America. Elsewhere LINDHOLM AB and JANSSEN NV are companies,
            and only towns that are known count.
    """
    bare = name.strip(" .,")
    called = _CALL.sub("", bare)
    if _is_region(called, is_called=called != bare, is_american=is_american) or _is_with_country(bare):
        return True
    match = _TOWN_AND_STATE.fullmatch(bare)
    if match is None or not _is_code(match[3]):
        return _is_with_state(bare) or (len(name) == CNAM_LENGTH and _is_cut_state(bare))
    words, code = _town_words(match[1]), OLD_CODES.get(match[3], match[3])
    if _is_known(words, code, ends_persons=code in _ENDS_PERSONS):
        return True
    may_be_cut = len(name) == CNAM_LENGTH  # LABORATORIOS AR...
    return is_american and not may_be_cut and _is_likely(match[1], words, code, has_comma="," in match[2])


def _is_likely(town: str, words: tuple[str, ...], code: str, *, has_comma: bool) -> bool:
    """Whether words that are no known town are one all the same, by the code after them."""
    if code in _ENDS_PERSONS or not _ORGANISATION_WORDS.isdisjoint(words) or (code in _ARE_WORDS and not has_comma):
        return False
    *before, last = words
    if _RATE_CENTER_ZONE.fullmatch(last):  # "SNFC CNTRL CA"
        return bool(before) and town.isupper()
    is_like_a_town = not before or words[0] in _TOWN_STARTS or last in _TOWN_ENDS
    return is_like_a_town and not last.isdecimal() and (has_comma or town.isupper())


def _is_known(words: tuple[str, ...], code: str, *, ends_persons: bool) -> bool:
    """Whether the town lies in the state; its name may be abbreviated, and a zone may follow (CHICAGO Z7)."""
    name = " ".join(words)
    if name in MORE_TOWNS.get(code, ()):
        return True
    if ends_persons and name in _ALSO_SURNAMES:
        return False
    if any(_joined(each) in _towns(code) for each in (words, *_without_zones(words))):
        return True
    readings = [words]
    if not ends_persons and len(words) > 1 and words[0] in _DIRECTIONS:  # "E LOS ANGELS"
        readings.append(words[1:])
    return any(_is_abbreviated(each, code, ends_persons=ends_persons) for each in readings)


def _without_zones(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words without one zone of a rate center at the end, without two, and so on: `CHICAGO Z7`, `LSAN DA 01`."""
    while len(words) > 1 and _ZONE.fullmatch(words[-1]):
        words = words[:-1]
        yield words


def _is_abbreviated(words: tuple[str, ...], code: str, *, ends_persons: bool) -> bool:
    """Whether each word shortens the same word of a known town: COLORDO SPGS for Colorado Springs."""
    letters = sum(map(len, words))
    if len(words) == 1 and (ends_persons or code in _ARE_WORDS or letters < _MIN_LETTERS):
        return False
    return any(
        (len(town), town[0][0]) == (len(words), words[0][0])
        and letters >= _MIN_SHARE * sum(map(len, town))
        and all(_shortens(*pair) for pair in zip(words, town, strict=True))
        for town in _split_towns(code)
    )


def _shortens(short: str, word: str) -> bool:
    """Whether letters of `word` were left out, but not its first: LAUDERDAL, SPGS."""
    if short[0] != word[0]:
        return False
    letters = iter(word)
    return all(letter in letters for letter in short)


def _is_region(name: str, *, is_called: bool, is_american: bool) -> bool:
    """A state, a country or a large city. "MEXICO CALL" is one even where "Mexico" could be more."""
    plain = " ".join(_SPLIT.split(folded(name))).strip()
    if is_american and _joined(tuple(plain.split())) in _cities():
        return True
    plain = plain if plain in STATES else _DIRECTION.sub("", plain)
    if is_called and any(plain in names for names in (STATES, COUNTRIES, *MORE_TOWNS.values())):
        return True
    if plain in STATES and plain not in PERSONS_NAMES:
        return name.isupper() or plain not in GIVEN_NAMES
    return plain in COUNTRIES and plain not in PERSONS_NAMES


def _is_cut_state(name: str) -> bool:
    """`BRITISH COLUMBI`: the beginning of a state's name."""
    return any(state.startswith(folded(name)) for state in STATES)


def _is_with_state(name: str) -> bool:
    """`HOUSTON TEXAS`, `Denver, Colorado`: a known town before the state's whole name."""
    plain = folded(name).replace(",", " ")
    if not plain.endswith(_STATE_ENDS):  # asked once for all: 12 of the 50 us that a person's name takes
        return False
    for state, code in STATES.items():
        if plain.endswith(f" {state}"):
            return _is_known(_town_words(plain.removesuffix(state)), code, ends_persons=state in GIVEN_NAMES)
    return False


def _is_with_country(name: str) -> bool:
    """`Denver, CO, USA`, `London, United Kingdom`; but not "Roe, Jordan", where the country is a given name."""
    before, comma, country = name.rpartition(",")
    country = " ".join(_SPLIT.split(folded(country))).strip()
    if not comma or country not in COUNTRIES:
        return False
    words = _town_words(before)
    if " ".join(words) in WORLD_CITIES or is_place(before.strip()):
        return True
    is_short = len(words) <= _MAX_TOWN_WORDS and _ORGANISATION_WORDS.isdisjoint(words)
    return is_short and country not in PERSONS_NAMES | GIVEN_NAMES


def _is_code(code: str) -> bool:
    return OLD_CODES.get(code, code) in _lines() or code in MORE_TOWNS


def _town_words(town: str) -> tuple[str, ...]:
    return tuple(word for word in _SPLIT.split(folded(town).replace(",", " ")) if word)


def _joined(words: tuple[str, ...]) -> str:
    """The name as a key: one spelling of words that are often shortened, and no blanks ("wilkesbarre")."""
    return "".join(_SHORT.get(word, word) for word in words)


@cache
def _cities() -> frozenset[str]:
    return frozenset(_joined(tuple(city.split())) for city in CITIES)


@cache
def _towns(code: str) -> frozenset[str]:
    return frozenset(_joined(town) for town in _split_towns(code))


@cache
def _split_towns(code: str) -> tuple[tuple[str, ...], ...]:
    """The names of a state's towns, as words."""
    listed = _lines().get(code, "").split("|") if code in _lines() else []
    return tuple(_town_words(town) for town in (*listed, *MORE_TOWNS.get(code, ())))


@cache
def _lines() -> Mapping[str, str]:
    """The file's lines by code. Each is split when a name first ends in its code."""
    text = (resources.files(__package__) / _FILE).read_text(encoding="utf-8")
    lines = (line.split(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {line[0]: line[1] for line in lines}
