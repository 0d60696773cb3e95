"""The words that people write around a number: labels ("Cell 202-555-0101") and words for an extension ("poste 12")."""

import re
from typing import Final

_LABELS: Final = (
    # English, and the one-letter labels of business cards
    "phone|phones|telephone|tel|tele|ph|fon|fone|mobile phone|cell phone|mobile|mob|cell|cellular|cellphone|gsm"
    "|home|work|office|main|direct|business|private|personal|other|landline|desk|line|toll free|toll-free|tollfree|free"
    "|hotline|switchboard|reception|assistant|voice|call|number|no|nr|num|whatsapp|sms|p|m|c|h|w|o|t|d"
    # German
    "|telefon|handy|mobil|privat|priv|geschäftlich|gesch|dienstlich|dienstl|festnetz|zentrale|büro|rufnummer"
    "|mobiltelefon"
    # French
    "|téléphone|tél|portable|port|bureau|domicile|fixe|standard|numéro|n°|maison|travail"
    # Spanish, Portuguese, Italian
    "|teléfono|móvil|movil|celular|cel|casa|oficina|trabajo|fijo|número|telefone|telemóvel|telemovel|escritório"
    "|trabalho|telefono|cellulare|ufficio|abitazione|fisso|numero"
    # Dutch, Nordic, Polish, Czech, Turkish
    "|telefoon|mobiel|thuis|werk|kantoor|puhelin|matkapuhelin|mobilnr|jobb|hjem|komórka|kom|domowy|služebný"
    "|pevná|cep|ev|iş"
    # Russian, Japanese, Chinese, Korean
    "|тел|телефон|моб|мобильный|сот|раб|дом|電話|携帯|电话|手机|手機|전화|휴대폰"  # noqa: RUF001 - Cyrillic
)
_EXTENSION_WORDS: Final = (
    "extension|extn|ext|ex|x"  # English
    "|durchwahl|dw|apparat|app|klappe|kl|nebenstelle|nst"  # German
    "|poste|pst"  # French
    "|extensión|extensao|extensão|anexo|interno|int|ramal|rml|derivazione"  # Spanish, Portuguese, Italian
    "|toestel|tst|anknytning|ankn|lokalnummer|lokal|lok|alanumero|alanro"  # Dutch, Nordic
    "|wewnętrzny|wewn|wew|klapka|linka|mellék|dahili|dah|interior"  # Polish, Czech, Hungarian, Turkish, Romanian
    "|добавочный|доб|внутр|вн|дод|εσωτερικό|εσωτ"  # Russian, Ukrainian, Greek
    "|内線|分机|分機|内线|转|轉|내선|pesawat|máy lẻ|שלוחה|تحويلة"  # Japanese, Chinese, Korean, Indonesian, ...
)
_FAX: Final = "fax|telefax|faks|facsimile|télécopie|f"
_NUMBER_SIGN: Final = r"[.:=# \-]{0,4}(?:(?:no|nr|number)\b[.:=# ]{0,4})?"

EXTENSION_MARK: Final = (
    rf"[ ,;/\-]{{0,4}}[(\[]?(?<![^\W\d_])(?:{_EXTENSION_WORDS}){_NUMBER_SIGN}"
    rf"|[ ,;]{{1,4}}(?:(?:and|then|,) ){{0,2}}(?:press|dial|enter|option|opt|choose|select){_NUMBER_SIGN}"
)
"""A pattern of what stands between a number and its extension, in words: " ext. ", ", then press "."""

_is_fax = re.compile(rf"(?<![^\W\d_])(?:{_FAX})(?![^\W\d_])", re.IGNORECASE).search

_BEFORE_COLON: Final = re.compile(
    rf"(?!(?:{_EXTENSION_WORDS}|{_FAX})\b)[^\W\d_]+\.?(?:[ /\-][^\W\d_]+\.?){{0,3}}(?: ?[0-9])? ?: ?", re.IGNORECASE
)
_BEFORE: Final = re.compile(
    rf"(?:(?!x)(?:{_LABELS})[ .:=#\-]{{0,4}}){{1,4}}(?=[+(\[0-9])"  # "Cell 202-...", "Tel.202-..."
    r"|[(\[](?=[^\W\d_])[^\d()\[\]]*[)\]] ?",  # "(Home) 202-..."
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    r"(?: ?[(\[](?=[^\W\d_])[^\d()\[\]]*[)\]]"  # "... (home)"
    rf"|(?:[ ,;\-]{{0,4}}[ ,;](?:{_LABELS})\.?){{1,4}})$",  # "... cell", "... - cell"
    re.IGNORECASE,
)
_STARTS_WITH_LETTER: Final = re.compile(r"[(\[]?[^\W\d_]")
_ENDS_WITH_LETTER: Final = re.compile(r"[^\W\d_]\.?[)\]]?$")
# Digits beside a label, at least. Else letters may be digits: 1-800-MOBILE, 1 202 555 CELL.
_MIN_DIGITS: Final = 7
_NEEDS_LETTERS: Final = re.compile(r"\+?1[ .\-]*\(?[0-9]{3}\)?[ .\-]*[0-9]{3}")


def without_labels(text: str) -> str:
    """The text without what says whose or which number it is, at its beginning or end."""
    if ":" in text and _STARTS_WITH_LETTER.match(text) and (label := _BEFORE_COLON.match(text)):
        text = text[label.end() :]
    elif is_long(text) and _STARTS_WITH_LETTER.match(text):
        label = _BEFORE.match(text)
        text = text[label.end() :] if label and is_long(text[label.end() :]) else text
    # Patterns with all labels take 60,000 instructions, so a text without enough digits does not meet them.
    if is_long(text) and _ENDS_WITH_LETTER.search(text):
        bare = _AFTER.sub("", text, count=1)
        if is_long(bare) and not _NEEDS_LETTERS.fullmatch(bare):
            return bare
    return text


def is_long(text: str) -> bool:
    """Whether it has the digits of a number: "Office 21" is a name, perhaps."""
    return sum(map(str.isdecimal, text)) >= _MIN_DIGITS


def is_fax(text: str) -> bool:
    """Whether a text around a number says that it is a fax's, which is no caller."""
    return _is_fax(text) is not None
