"""The limits of each table of docs/limits.md."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

PACKAGE: Final = "leadline_server"


class Limit(NamedTuple):
    """One limit.

    Attributes:
        constant: module and name, without the package: `domain.limits:MOST_RECORDS`.
        unit: `bytes`, `seconds`, or what is counted: `records a number`.
        bounds: what is bounded.
        beyond: what happens beyond it.
    """

    constant: str
    unit: str
    bounds: str
    beyond: str

    @property
    def value(self) -> Any:
        """The constant's value."""
        module, _, name = self.constant.partition(":")
        value: Any = import_module(f"{PACKAGE}.{module}")
        for part in name.split("."):
            value = getattr(value, part)
        return value


LIMITS: Final[dict[str, Sequence[Limit]]] = {
    "requests": (
        Limit("transport.endpoint:MAX_MESSAGE_BYTES", "bytes", "a request", "RESOURCE_EXHAUSTED, MESSAGE_TOO_LARGE"),
        Limit("http.rpcs:MAX_NESTING", "levels", "JSON of a request over HTTP", "INVALID_ARGUMENT"),
        Limit("http.server:MAX_HEADER_BYTES", "bytes", "the headers of a request over HTTP", "HTTP 431 or 400"),
        Limit("wire.violations:ID_LENGTH", "characters", "an id", "INVALID_ARGUMENT"),
        Limit("wire.violations:TOKEN_LENGTH", "characters", "a page token or resume token", "INVALID_ARGUMENT"),
        Limit("wire.violations:NUMBER_LENGTH", "characters", "a phone number", "INVALID_ARGUMENT"),
        Limit("wire.violations:URL_LENGTH", "characters", "a web address", "INVALID_ARGUMENT"),
        Limit("transport.contact_service:MAX_NUMBERS", "numbers", "one FindContact", "INVALID_ARGUMENT"),
        Limit("wire.violations:MAX_PAGE_SIZE", "entries", "a page of a list", "INVALID_ARGUMENT"),
        Limit("transport.call_log_service:MAX_WATCHED", "call logs", "a message of a watch", "INVALID_ARGUMENT"),
    ),
    "calls": (
        Limit("wire.call:MAX_LEGS", "legs", "a call", "INVALID_ARGUMENT; nothing changes"),
        Limit("domain.merge:MAX_ATTRIBUTES", "attributes", "a call", "INVALID_ARGUMENT; nothing changes"),
        Limit(
            "domain.merge:MAX_CLEARED",
            "attributes",
            "a call's cleared attributes, which no client sees",
            "the oldest are forgotten; a late report may set one again",
        ),
        Limit(
            "domain.limits:MOST_CALL_BYTES",
            "bytes",
            "a call with all that is kept of it, also what no client sees",
            "INVALID_ARGUMENT; nothing changes",
        ),
        Limit(
            "commands.keys:MOST_KEYS", "API keys", "an account", "those that ended are dropped; then RESOURCE_EXHAUSTED"
        ),
        Limit("auth.token_claims:MOST_CHARACTERS", "characters", "a JWT", "UNAUTHENTICATED"),
        Limit("auth.signing_keys:MOST_BYTES", "bytes", "an issuer's set of keys", "the old keys stay in force"),
        Limit("auth.signing_keys:MOST_KEYS", "keys", "an issuer's set of keys", "the old keys stay in force"),
        Limit(
            "auth.attempts:MOST_WAITING", "attempts", "attempts that wait after failures", "UNAUTHENTICATED, unheard"
        ),
        Limit("auth.attempts:MOST_PEERS", "peers", "peers whose failures are remembered", "the quietest is forgotten"),
        Limit(
            "auth.authenticator:MOST_SEEN",
            "credentials",
            "remembered credentials",
            "they are forgotten, and asked for again",
        ),
        Limit("http.json_page:MOST_BYTES", "bytes", "a request to sign in, or for an embed token", "400"),
        Limit("domain.limits:MOST_CALL_ENTRIES", "legs, and attributes", "a call", "INVALID_ARGUMENT; nothing changes"),
        Limit("domain.limits:MOST_CANDIDATES", "candidates", "a call log", "the likeliest ones are kept"),
        Limit(
            "domain.limits:MOST_CANDIDATE_BYTES",
            "bytes",
            "all candidates of a call log",
            "the likeliest ones are kept, one at least",
        ),
        Limit(
            "domain.call_log:MAX_DELIVERY_AGE",
            "seconds",
            "the wait for the CRM",
            "the call is FAILED until RetryCallLog",
        ),
        Limit(
            "domain.call_log:MAX_UNANSWERED_AGE",
            "seconds",
            "the wait for the CRM, of an update that once got no answer",
            "the update is FAILED until RetryCallLog",
        ),
    ),
    "crms": (
        Limit(
            "domain.limits:MOST_RECORDS",
            "records a number",
            "a lookup's answer",
            "SEVERAL_CONTACTS if two real contacts match as well as any can, by no preference; else cannot tell",
        ),
        Limit(
            "domain.limits:MOST_LOOKUP_BYTES",
            "bytes",
            "an answer over HTTP, and all contacts of a lookup",
            "cannot tell, and it is not decoded; after a write: the outcome is unknown",
        ),
        Limit(
            "crm.remote.channel:MAX_ANSWER_BYTES",
            "bytes",
            "an answer of a remote adapter, lookups excepted",
            "cannot tell; after a write: the outcome is unknown",
        ),
        Limit(
            "domain.limits:MOST_NESTING",
            "levels",
            "JSON in an answer",
            "cannot tell, and it is not decoded; after a write: the outcome is unknown",
        ),
        Limit("domain.limits:MOST_CONTACT_BYTES", "bytes", "a contact that is kept whole", "its texts are cut"),
        Limit(
            "domain.limits:MOST_CONTACT_TEXT",
            "characters",
            "a text of such a contact",
            "the text is cut, an address left out; an id or a number is never cut: cannot tell",
        ),
        Limit(
            "domain.limits:MOST_CONTACT_PARTS",
            "parts",
            "numbers, and attributes, of such a contact",
            "too many numbers: cannot tell; other attributes are left out",
        ),
        Limit(
            "crm.wrappers.stack:SECONDS",
            "seconds",
            "a request to a CRM",
            "cannot tell; after a write: the outcome is unknown",
        ),
        Limit(
            "crm.wrappers.remembered_answers:MOST_REMEMBERED_BYTES",
            "bytes",
            "remembered lookups of an account",
            "the least recently used are forgotten",
        ),
        Limit(
            "domain.delay:LONGEST_RETRY", "seconds", "a delay that a CRM asks for", "it is read as this, with a warning"
        ),
        Limit(
            "domain.delay:UNREADABLE_SECONDS",
            "seconds",
            "a delay in a form that cannot be read",
            "it is read as this, with a warning",
        ),
        Limit(
            "crm.toolkit.delays:LONGEST_TOKEN_LIFE",
            "seconds",
            "the life of an OAuth access token",
            "it is read as this, with a warning",
        ),
    ),
    "definitions": (
        Limit(
            "definitions.path_cost:MAX_GROWTH",
            "times its input",
            "the value of a JMESPath expression",
            "the definition is refused",
        ),
        Limit(
            "definitions.path_cost:MAX_STEPS",
            "steps",
            "a JMESPath expression in one answer",
            "cannot tell; after a write: the outcome is unknown",
        ),
        Limit("definitions.templates:MAX_PARTS", "parts", "a template", "the definition is refused"),
        Limit(
            "definitions.rendering_cost:MAX_RENDERING",
            "characters",
            "what all filters of a request read and make",
            "nothing is sent",
        ),
        Limit("definitions.templates:MAX_TEXT", "characters", "a rendered template", "nothing is sent"),
        Limit("definitions.answer_path:MAX_FIELD", "characters", "a text that is read from an answer", "it is cut"),
    ),
    "answers": (
        Limit(
            "domain.limits:MOST_PAGE_BYTES",
            "bytes",
            "the call logs on a page of ListCallLogs",
            "the page has fewer, and a token for the rest",
        ),
        Limit(
            "watch.encoder:MOST_BYTES",
            "bytes",
            "a message of a watch with several call logs",
            "the rest comes in further messages",
        ),
        Limit(
            "commands.watch_call_logs:MOST_BATCH_BYTES",
            "bytes",
            "the changes that a watcher gets at once",
            "the rest comes in further batches",
        ),
        Limit(
            "commands.watch_call_logs:MOST_MISSED",
            "changes",
            "what a watcher may fall behind by",
            "RESOURCE_EXHAUSTED, WATCHER_TOO_SLOW, with a token to go on from",
        ),
        Limit("watch.feed:KEPT_BYTES", "bytes", "recent changes in memory", "older ones are read from the ledger"),
    ),
    "storage": (
        Limit(
            "storage.checkpoints:MAX_LOG_BYTES",
            "bytes",
            "the write-ahead log that is not in the database yet",
            "it is moved there before the next writes",
        ),
        Limit(
            "logs:MOST_LINES",
            "lines of a kind in 10 s",
            "the log on standard error",
            "the next line says how many were left out; errors are never left out",
        ),
        Limit("domain.directory:MAX_USERS", "users", "the directory of an account", "RESOURCE_EXHAUSTED"),
        Limit("ingress.quarantined_requests:MOST_EVENTS", "events", "the quarantine of an account", "the oldest go"),
        Limit("ingress.quarantined_requests:MOST_BYTES", "bytes", "the quarantine of an account", "the oldest go"),
        Limit("retention.pruner:QUARANTINE_KEPT", "seconds", "an event in the quarantine", "it goes"),
    ),
    "server": (
        Limit(
            "transport.server:MAX_PENDING",
            "calls",
            "calls that wait to begin, in each of gRPC's three queues",
            "RESOURCE_EXHAUSTED",
        ),
        Limit("http.server:MAX_CONNECTIONS", "connections", "HTTP", "further ones are closed at once"),
        Limit(
            "transport.connection_watch:MOST_ABANDONED",
            "streams",
            "a gRPC connection, if most of its streams end without a request",
            "it is closed",
        ),
        Limit(
            "transport.connection_watch:MOST_IDLE_BYTES",
            "bytes",
            "what comes on a gRPC connection since its last request",
            "it is closed",
        ),
        Limit(
            "transport.connection_watch:REQUEST_SECONDS",
            "seconds",
            "a stream without its request, while no other arrives",
            "the connection is closed",
        ),
        Limit(
            "concurrency.loop_watch:HELD_SECONDS",
            "seconds",
            "the event loop without a turn of its watch",
            "a line in the log names what holds it",
        ),
    ),
}
"""The limits of each table of the document."""
