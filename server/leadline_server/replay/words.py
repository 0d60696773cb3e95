"""Words for a call's direction and result, by their meaning: Incoming, missed, NOANSWER, NORMAL_CLEARING, besetzt.

Asterisk's are those of its CDRs and of DIALSTATUS (the Asterisk documentation, "CDR Specification" and "Dial");
FreeSWITCH's are the hangup causes of its documentation, "Hangup Cause Code Table". The others are what exports of
phone systems in English, German, French, Spanish, Italian, Portuguese and Dutch say.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from leadline_server.domain.call import CallDirection, CallResult

# These say nothing of how the call ended; the last ones only that it went on elsewhere.
_UNKNOWN_WORDS: Final = frozenset(
    {
        *("", "unknown", "none", "null", "n", "n a", "unbekannt", "undefined", "other", "waiting", "ringing"),
        *("redirected", "transferred", "forwarded", "diverted", "weitergeleitet", "umgeleitet"),
    }
)

_RESULT_WORDS: Final = {
    CallResult.ANSWERED: (
        "answer|answered|connected|completed|complete|accepted|accept|success|successful|successfully|ok|talked"
        "|taken|call connected|call completed|call answered|normal call clearing|hangup after answer|beantwortet"
        "|angenommen|verbunden|erreicht|erfolgreich|repondu|décroché|decroche|abouti|aboutie|répondu|contestada"
        "|contestado|respondida|atendida|atendido|completada|finalizada|risposta|risposto|beantwoord"
    ),
    CallResult.NO_ANSWER: (
        "no answer|noanswer|not answered|unanswered|un answered|missed|missed call|no response|no reply|noreply"
        "|no user response|ring no answer|ringing timeout|timeout|allotted timeout|no pickup|progress timeout"
        "|lose race|picked off|not taken|verpasst|verpasster anruf|nicht angenommen|nicht beantwortet|unbeantwortet"
        "|keine antwort|nicht erreicht|manqué|manquée|sans réponse|sans reponse|non répondu|non repondu|perdida"
        "|llamada perdida|no contestada|no contestado|sin respuesta|no atendida|sin contestar|persa|non risposto"
        "|nessuna risposta|não atendida|não atendido|nao atendida|não respondida|gemist|niet beantwoord"
    ),
    CallResult.BUSY: "busy|user busy|line busy|engaged|besetzt|occupé|occupe|occupée|ocupado|ocupada|occupato|bezet",
    CallResult.REJECTED: (
        "rejected|reject|declined|decline|denied|refused|call rejected|dontcall|torture|blocked|do not disturb|dnd"
        "|abgelehnt|abgewiesen|rejeté|rejetée|refusé|refusée|rechazada|rechazado|rifiutata|rejeitada|recusada"
        "|geweigerd"
    ),
    CallResult.CANCELED: (
        "cancel|canceled|cancelled|caller canceled|caller cancelled|caller hung up|originator cancel|abandoned"
        "|abandon|abandoned call|hang up before answer|abgebrochen|aufgelegt|annulé|annulée|abandonné|cancelada"
        "|cancelado|abandonada|annullata|geannuleerd"
    ),
    CallResult.FAILED: (
        "failed|fail|failure|call failed|error|congestion|chanunavail|channel unavailable|unavailable|invalidargs"
        "|invalid args|unreachable|not reachable|not found|not connected|unallocated number|no route destination"
        "|no route transit net|destination out of order|network out of order|normal temporary failure"
        "|switch congestion|normal circuit congestion|requested chan unavail|recovery on timer expire"
        "|user not registered|subscriber absent|invalid number format|incompatible destination|media timeout"
        "|service unavailable|bearercapability notavail|bearercapability notauth|bearercapability notimpl"
        "|outgoing call barred|incoming call barred|gateway down|invalid gateway|invalid profile|protocol error"
        "|facility rejected|facility not implemented|service not implemented|exchange routing error|interworking"
        "|mandatory ie missing|crash|system shutdown|manager request|wrong message|number changed"
        "|redirection to new destination|fehlgeschlagen|fehler|nicht erreichbar|échec|échouée|echec|fallida|fallido"
        "|fallita|falhou|falha|mislukt"
    ),
    CallResult.VOICEMAIL: (
        "voicemail|voice mail|vm|mailbox|went to voicemail|left voicemail|answering machine|machine"
        "|anrufbeantworter|mailbox hinterlassen|messagerie|messagerie vocale|répondeur|buzón de voz|buzon de voz"
        "|buzón|correo de voz|segreteria|caixa postal|correio de voz"
    ),
}
_RESULTS: Final = {word: result for result, words in _RESULT_WORDS.items() for word in words.split("|")}

# These say that a call is over, not whether it was ever answered.
_ENDED: Final = frozenset(
    {"normal clearing", "normal unspecified", "ended", "finished", "hangup", "hang up", "hung up", "normal", "beendet"}
)

_DIRECTION_WORDS: Final = {
    CallDirection.INBOUND: (
        "inbound|in|incoming|received|incoming call|inbound call|inbound queue|call in|terminating|rx|eingehend"
        "|eingehender anruf|ankommend|kommend|entrant|entrante|entrantes|entrada|appel entrant|reçu|recibida"
        "|recibidas|recebida|in entrata|inkomend"
    ),
    CallDirection.OUTBOUND: (
        "outbound|out|outgoing|placed|dialed|dialled|made|outgoing call|outbound call|call out|originating|tx"
        "|ausgehend|ausgehender anruf|abgehend|gehend|sortant|appel sortant|émis|saliente|salientes|salida"
        "|realizada|realizadas|in uscita|uscente|saída|efetuada|uitgaand"
    ),
    CallDirection.INTERNAL: (
        "internal|internal call|local|intern|intercom|extension to extension|interne|appel interne|interna|interno"
        "|internas"
    ),
}
_DIRECTIONS: Final = {word: direction for direction, words in _DIRECTION_WORDS.items() for word in words.split("|")}
# A list of calls often has one column for both; a call that was missed came in.
_MISSED: Final = {
    **dict.fromkeys(
        (
            *("missed", "missed call", "verpasst", "verpasster anruf", "manqué", "manquée", "appel manqué", "perdida"),
            *("llamada perdida", "persa", "gemist"),
        ),
        CallResult.NO_ANSWER,
    ),
    **dict.fromkeys(("rejected", "declined", "blocked", "abgelehnt", "rechazada", "rejeté"), CallResult.REJECTED),
    **dict.fromkeys(("voicemail", "voice mail", "anrufbeantworter"), CallResult.VOICEMAIL),
}

_NOT_LETTERS: Final = re.compile(r"[\W_]+")


class Told(NamedTuple):
    """The meaning of a word for a result.

    Attributes:
        result: None where the word does not tell.
        is_known: whether the word is one of those that are understood, also those that say "unknown".
        is_ended: the call is over; whether it was answered is for its times to tell.
    """

    result: CallResult | None
    is_known: bool = True
    is_ended: bool = False


@lru_cache(maxsize=1024)
def read_result(text: str) -> Told:
    """The meaning of a disposition, status or hangup cause."""
    word = key(text)
    if word in _ENDED:
        return Told(None, is_ended=True)
    return Told(_RESULTS.get(word), is_known=word in _RESULTS or word in _UNKNOWN_WORDS)


def read_direction(text: str) -> tuple[CallDirection, CallResult | None] | None:
    """The direction that a word says, and the result where it says both, as `missed` does. None: it is not known."""
    word = key(text)
    direction = _DIRECTIONS.get(word)
    if direction is not None:
        return direction, None
    first = word.partition(" ")[0]
    if first in _DIRECTIONS:  # "Inbound Queue", "incoming answered"
        return _DIRECTIONS[first], _RESULTS.get(word.removeprefix(first).strip())
    return (CallDirection.INBOUND, _MISSED[word]) if word in _MISSED else None


def is_empty(text: str) -> bool:
    """Whether a text says that there is nothing, such as an empty cell or a database's NULL."""
    return text in _EMPTY


_EMPTY: Final = frozenset({"", "NULL", "\\N", "null", "(null)"})


def key(text: str) -> str:
    """A word to compare by: lower case, a space for everything that is neither a letter nor a digit."""
    return _NOT_LETTERS.sub(" ", text.lower()).strip()
