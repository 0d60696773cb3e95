"""The words that people write around a number: labels ("Cell 202-555-0101") and words for an extension ("poste 12")."""

import re
from typing import Final

_LABELS: Final = (
    # English, and the one-letter labels of business cards
    "phone|phones|telephone|tel|tele|ph|fon|fone|mobile phone|cell phone|mobile|mob|cell|cellular|cellphone|gsm"
    "|home|work|office|main|direct|business|private|personal|other|landline|desk|toll free|toll-free|tollfree|free"
    "|hotline|switchboard|reception|assistant|voice|call|number|no|nr|num|whatsapp|sms|p|m|c|h|w|o|t|d"
    # German
    "|telefon|handy|mobil|privat|geschäftlich|dienstlich|festnetz|zentrale|büro|durchwahl|rufnummer|mobiltelefon"
    # French
    "|téléphone|portable|bureau|domicile|fixe|standard|numéro|maison|travail"
    # Spanish, Portuguese, Italian
    "|teléfono|móvil|movil|celular|cel|casa|oficina|trabajo|fijo|número|telefone|telemóvel|telemovel|escritório"
    "|trabalho|telefono|cellulare|ufficio|abitazione|fisso|numero"
    # Dutch, Nordic, Polish, Czech, Turkish
    "|telefoon|mobiel|thuis|werk|kantoor|puhelin|matkapuhelin|mobiltelefon|mobilnr|jobb|hjem|komórka|kom|domowy|služebný"
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
_CHOICE: Final = r"(?:(?:and|then|,) +)*(?:press|dial|enter|option|opt|choose|select)[. ]+"

EXTENSION_MARK: Final = rf"[ ,;/\-]*[(\[]?(?<![^\W\d_])(?:{_EXTENSION_WORDS})[.:=# ]*|[ ,;]+{_CHOICE}"
"""A pattern of what stands between a number and its extension, in words."""

_word = rf"(?:{_LABELS})"
_BEFORE: Final = re.compile(
    rf"^(?:(?!(?:{_EXTENSION_WORDS})\b)[^\W\d_]+\.?(?:[ /\-]+[^\W\d_]+\.?){{0,3}}(?: ?[0-9])? *: *"  # "Mobile (2): +1"
    rf"|(?:(?!x){_word}(?:[.:]+ *| +|(?=\+)))+"  # "Cell 202-..."
    r"|[(\[](?=[^\W\d_])[^\d()\[\]]*[)\]] *)",  # "(Home) 202-..."
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    rf"(?: *[(\[](?=[^\W\d_])[^\d()\[\]]*[)\]]|(?:[ ,;]*[ ,;\-]{_word}\.?)+)$",  # "... (home)", "... cell"
    re.IGNORECASE,
)
_STARTS_WITH_LETTER: Final = re.compile(r"[(\[]?[^\W\d_]")
_ENDS_WITH_LETTER: Final = re.compile(r"[^\W\d_]\.?[)\]]?$")
_MIN_DIGITS: Final = 7  # what a label stands beside; else letters may be digits: 1-800-MOBILE


def without_labels(text: str) -> str:
    """The text without what says whose or which number it is, at its beginning or end."""
    if _STARTS_WITH_LETTER.match(text):
        text = _BEFORE.sub("", text, count=1)
    if _ENDS_WITH_LETTER.search(text):
        bare = _AFTER.sub("", text, count=1)
        if sum(char.isdecimal() for char in bare) >= _MIN_DIGITS:
            return bare
    return text
