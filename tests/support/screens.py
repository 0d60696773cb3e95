"""What people see of a call's log in a CRM that keeps it as one text, made by `leadline_server.crm.composing`."""

import html
import re
from typing import Final

from leadline_server.crm.composing import BEGIN, END

_AFTER_NOTE: Final = re.compile(r"^(Summary|Transcript|campaign|Call id): ", re.MULTILINE)


def shown_html(text: str) -> str:
    """HTML as a browser shows it: lines where they break, and a run of white space as one space."""
    lines = re.split(r"<br ?/?>|</p>", text)
    return "\n".join(" ".join(html.unescape(re.sub(r"<[^>]+>", "", line)).split()) for line in lines)


def note_in(text: str) -> str:
    """The note in a shown text, and after it whatever people wrote below."""
    inside, _, below = text.partition(BEGIN)[2].partition(END)
    _, _, rest = inside.partition("\nNote: ")
    note = _AFTER_NOTE.split(rest, maxsplit=1)[0].removesuffix("\n")
    return f"{note}\n{below.strip()}" if below.strip() else note
