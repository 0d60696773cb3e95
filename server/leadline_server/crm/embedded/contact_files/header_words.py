"""Finds the field of a column by its header, in the languages of common address books.

A header is compared by its words: "E-mail 1 - Value" is "e mail 1 value", "MobilePhone" is "mobile phone", and
"Téléphone (bureau)" is "telephone bureau".
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Final


class Field(Enum):
    """A field of a contact that a column can fill. The values are the words of `--column FIELD=HEADER`."""

    NAME = "name"
    FIRST_NAME = "first_name"
    MIDDLE_NAME = "middle_name"
    LAST_NAME = "last_name"
    PHONE = "phone"
    EMAIL = "email"
    COMPANY = "company"
    TITLE = "title"
    TYPE = "type"
    ID = "id"
    CREATED = "created"
    LAST_ACTIVITY = "last_activity"
    IGNORE = "ignore"


class HeaderReason(Enum):
    """Why a column is left out."""

    FAX = "fax machines, pagers and the like do not call"
    OTHER_PERSON = "another person's"
    ABOUT_NUMBER = "says something about a number"
    CHOSEN = "left out with --column"
    NO_FIELD = "no field for it"


_NAMES: Final[Mapping[Field, str]] = {
    Field.NAME: (
        "name|full name|fullname|display name|displayname|contact name|contact|contact person|customer name"
        "|customer|client name|client|anzeigename|vollstandiger name|kontakt|kontaktname|ansprechpartner|kunde"
        "|kundenname|nom complet|nom|nombre completo|nombre|cliente|contacto|nome completo|nome|nominativo|naam"
        "|volledige naam|weergavenaam|klant|nazwa|imie i nazwisko|namn|navn|nimi|jmeno"
    ),
    Field.FIRST_NAME: (
        "first name|given name|firstname|fname|forename|contact name given|vorname|prenom|primer nombre|voornaam"
        "|imie|fornamn|fornavn|etunimi"
    ),
    Field.MIDDLE_NAME: (
        "middle name|additional name|contact name middle|weitere vornamen|deuxieme prenom|segundo nombre|tussenvoegsel"
    ),
    Field.LAST_NAME: (
        "last name|family name|lastname|lname|surname|contact name family|nachname|familienname|zuname"
        "|nom de famille|apellidos|apellido|achternaam|cognome|sobrenome|apelido|nazwisko|efternamn|efternavn"
        "|sukunimi|prijmeni"
    ),
    Field.EMAIL: (
        "email|e mail|email address|e mail address|email 1 value|e mail 1 value|primary email|mail|email work"
        "|e mail adresse|primare e mail adresse|adresse de messagerie|adresse e mail|adresse mail|courriel"
        "|direccion de correo electronico|correo electronico|correo|e mailadres|endereco de email"
        "|indirizzo e mail|email2|email 2|e mail 2 value|e mail 2 address|secondary email"
        "|sekundare e mail adresse|e mail 2 adresse|email home|email other"
    ),
    Field.COMPANY: (
        "company|company name|account name|organization|organisation|organization name|organization 1 name"
        "|associated company|contact organization|business name|firma|unternehmen|societe|entreprise|empresa"
        "|organizacion|compania|azienda|societa|bedrijf|bedrijfsnaam|organizacao|foretag|firmanavn|yritys"
    ),
    # Outlook's "Title" is "Dr."; where there is a "Job Title" that one is meant.
    Field.TITLE: (
        "job title|organization title|organization 1 title|jobtitle|contact title|position|funktion|arbeitstitel"
        "|fonction|puesto|cargo|functie|designation|title"
    ),
    Field.TYPE: "type|contact type",
    Field.ID: "id|uid|contact id|record id|person id|lead id|customer id|kontakt id",
    Field.CREATED: (
        "created|created at|create date|created date|create time|created time|created on|date created"
        "|creation date|add time|erstellt|erstellt am|erstelldatum|date de creation|fecha de creacion"
    ),
    Field.LAST_ACTIVITY: (
        "last activity|last activity date|last activity time|last contacted|last contact|last contact date"
        "|letzte aktivitat|letzter kontakt|derniere activite|ultima actividad"
    ),
}
"""The headers of each field by their words, those that are asked first in front."""

_RANKS: Final = {words: (field, rank) for field, names in _NAMES.items() for rank, words in enumerate(names.split("|"))}

_FAX: Final = re.compile(
    r"fax|telecop|\b(?:bip|beeper|pagers?|pagernummer|piepser|semafoon|buscapersonas|cercapersone|radiomessagerie|telex"
    r"|telegram|modem)\b"
)
_OTHER_PERSON: Final = re.compile(
    r"\b(?:assistants?|assistant s|assistante|asst|assistent|assistentin|assistente|asistente|ayudante|spouse|spouse s"
    r"|manager s|referred by|owner)\b"
)
_ABOUT_NUMBER: Final = re.compile(
    r"\b(?:types?|typ|labels?|extension|ext|flags?|country|area|code|speed ?dial|locale|primary flag|status|verified"
    r"|valid|carrier|provider|calls|notes?|opt|optout|allow\w*|permission|consent|donot\w*|do not|dont|don t|has|is"
    r"|nicht|keine?|ne pas|no llamar|nao|count|date|last|number of|preferred|format)\b|\bprimary$"
)
_PHONE: Final = re.compile(
    r"\b(?:\w*phones?|\w*telef(?!ax)\w*|telephones?|tel|tels|tlf|tfno|fono|gsm|mobiles?|mobil|mobilnummer|mobilnr|mobilfunk"
    r"|mobilruf\w*|mobiel|mobiele|movil|moviles|cell|cells|cellular|cellulare|celular|cel|handy|handynummer|handynr"
    r"|rufnummer|rufnummern|festnetz|fixnet|portable|komorka|komorkowy|natel|puhelin|puhelinnumero|matkapuhelin"
    r"|telemovel|whats ?app|isdn|rnis|rdsi)\d*\b"
)
_NUMBERS: Final = frozenset(
    [
        "callerid",
        "caller id",
        "numero",
        "nummer",
        "numer",
        "did",
        "ddi",
        "callback",
        "direct line",
        "direct dial",
        "landline",
    ]
) | {
    f"{kind} {word}".strip()
    for kind in ("", *["office", "work", "business", "home", "mobile", "other", "main", "contact", "direct", "caller"])
    for word in (("number", "numbers", "no", "nr") if kind else ("number", "numbers"))
}

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD: Final = re.compile(r"[\W_]+")
_IN_BRACKETS: Final = re.compile(r"\([^)]*\)\s*$")


@lru_cache(maxsize=1024)
def header_words(header: str) -> str:
    """The words of a header: lower case, without diacritics and punctuation, one blank between them."""
    plain = unicodedata.normalize("NFKD", _CAMEL.sub(" ", header[:256]))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(_NO_WORD.sub(" ", plain).casefold().split())


def classify(header: str) -> tuple[Field | HeaderReason, int]:
    """The field of a column, and how clear its header is: of two columns for one field the lower rank is the first.

    A number's column is known by words anywhere in it, other fields by the whole header.
    """
    words = header_words(header)
    if known := _RANKS.get(words) or _RANKS.get(header_words(_IN_BRACKETS.sub("", header))):
        return known
    if words in _NUMBERS or _PHONE.search(words):
        return _classify_phone(words), 0
    return (HeaderReason.FAX if _FAX.search(words) else HeaderReason.NO_FIELD), 0


def _classify_phone(words: str) -> Field | HeaderReason:
    if _FAX.search(words):
        return HeaderReason.FAX
    if _OTHER_PERSON.search(words):
        return HeaderReason.OTHER_PERSON
    return HeaderReason.ABOUT_NUMBER if words not in _NUMBERS and _ABOUT_NUMBER.search(words) else Field.PHONE
