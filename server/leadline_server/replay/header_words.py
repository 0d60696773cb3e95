"""Names of the columns of exports in English, German, French, Spanish, Italian and Portuguese."""

from collections.abc import Mapping
from typing import Final

# By field of the generic form, the surest word first; as `words.key` writes them.
_WORDS: Final = {
    "id": (
        "id|call id|callid|unique id|uniqueid|uuid|call uuid|xml cdr uuid|call guid|guid|session id|sessionid"
        "|call reference|anruf id"
    ),
    "linked_id": "linked id|linkedid",
    "leg_id": "leg id",
    "direction": (
        "direction|call direction|call type|type|richtung|anrufrichtung|anrufart|typ|sens|direction de l appel"
        "|sentido|dirección|tipo|tipo de llamada|direzione|direção|richting"
    ),
    "user_id": "user id|userid|user",
    "caller_number": (
        "caller number|caller|caller id number|calling number|calling party|calling party number|from number|from"
        "|src|source number|source|a number|anumber|ani|caller id|callerid|cid|anrufernummer|nummer des anrufers"
        "|anrufer|von|quelle|appelant|numéro appelant|origen|número origen|llamante|número de origen|chiamante"
        "|origem|de"
    ),
    "caller_name": (
        "caller name|caller id name|calling name|calling party name|from name|cnam|name des anrufers|cid name"
    ),
    "caller_extension": "caller extension|from extension|calling extension",
    "callee_number": (
        "callee number|callee|called number|called party|called party number|to number|to|dst|destination number"
        "|destination|b number|bnumber|dialed number|dialled number|dnis|number dialed|gewählte nummer|zielnummer"
        "|ziel|angerufener|an|nach|appelé|numéro appelé|destino|número destino|número de destino|chiamato"
        "|destinatario|para"
    ),
    "callee_name": "callee name|called name|called party name|to name|destination name",
    "callee_extension": "callee extension|to extension|called extension",
    "number": (
        "number|phone number|phone|telephone|telephone number|remote number|external number|contact number"
        "|other party|party number|rufnummer|telefonnummer|telefon|nummer|numéro|téléphone|número|teléfono|numero"
        "|telefono|telefone"
    ),
    "name": "name|contact|contact name|remote name|party name|kontakt|nom|nombre|contacto|nome",
    "extension": "extension|ext|own extension|nebenstelle|durchwahl|poste|extensión|interno|ramal|anexo",
    "context": "context|dcontext",
    "start_time": (
        "start time|start|started|started at|start stamp|start epoch|start uepoch|calldate|call start"
        "|call start time|begin|begin time|setup time|date time|datetime|date and time|timestamp|time stamp|created"
        "|created at|beginn|startzeit|zeitpunkt|datum uhrzeit|début|date heure|date et heure|fecha y hora"
        "|fecha hora|inicio|inizio|data ora|data hora|início"
    ),
    "date": "date|call date|start date|datum|fecha|data|jour",
    "time": "time|call time|time of day|uhrzeit|zeit|heure|hora|ora|tijd",
    "answer_time": (
        "answer time|answered at|answer stamp|answer epoch|connect time|connected at|answer|answered|angenommen um"
    ),
    "end_time": (
        "end time|end|ended|ended at|end stamp|end epoch|hangup time|disconnect time|stop time|call end"
        "|call end time|ende|endzeit|fin|fine"
    ),
    "duration": (
        "duration|call duration|total duration|total time|duration seconds|duration s|duration sec|length"
        "|call length|dauer|gesamtdauer|durée|duración|durata|duração|duur"
    ),
    "talk_time": (
        "talk time|billsec|billable seconds|bill seconds|talking|talk duration|conversation time|connected time"
        "|gesprächsdauer|gesprächszeit|sprechzeit|temps de conversation|tiempo de conversación"
    ),
    "ring_time": "ring time|tta|ringing|ring duration|ringing time|klingeldauer|klingelzeit|sonnerie|timbre",
    "result": (
        "result|call result|status|call status|state|call state|outcome|hangup cause|disposition|action result"
        "|ergebnis|anrufstatus|statut|état|résultat|estado|resultado|stato|esito|situação"
    ),
    "event_time": "event time",
    "subject": "subject|betreff",
    "note": "note|notes|comment|comments|notiz|notizen|kommentar|bemerkung|commentaire|comentario|comentarios|nota",
    "recording_url": "recording url|recording link|record url",
    "voicemail_url": "voicemail url|voicemail link",
    "summary": "summary|call summary|zusammenfassung",
    "transcript": "transcript|transcription",
}

HEADER_WORDS: Final[Mapping[str, tuple[str, ...]]] = {field: tuple(words.split("|")) for field, words in _WORDS.items()}
"""Words for the header of each field, the surest first."""
