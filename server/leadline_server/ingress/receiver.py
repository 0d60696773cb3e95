"""Takes webhooks: verifies, reads and stores each, and says what to answer.

An event is answered with a status of 2xx once its report is on disk, or once it is certain that it never can be. A 5xx
means that sending it again can help.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from time import perf_counter
from typing import Any, Final

import structlog

from leadline_server.accounts.registry import Account, AccountRegistry
from leadline_server.clock import Clock
from leadline_server.commands.log_call import LogCall
from leadline_server.concurrency.deadline import Budget
from leadline_server.domain.call_report import CallReport
from leadline_server.domain.crm_errors import CrmTooMuch
from leadline_server.domain.errors import BudgetExhausted, LeadlineError, QuotaExceeded, ShuttingDown
from leadline_server.domain.ledger_errors import LedgerUnavailable
from leadline_server.domain.merge import CallEvent
from leadline_server.domain.unshown import unshown
from leadline_server.ingress.account_parties import PartiesOfAccounts
from leadline_server.ingress.authentication import Refused, claims_of, refusal
from leadline_server.ingress.metrics import IngressMetrics
from leadline_server.ingress.quarantined_requests import QuarantinedRequests
from leadline_server.ingress.reading import BadEvent, EventReader, EventReading, with_call_id
from leadline_server.ingress.routes import Route, RouteKey
from leadline_server.ingress.webhook import UnreadableBody, Webhook
from leadline_server.ports.ledger import CallKey, CallLogs
from leadline_server.transport.admission.door import CallEntry

ANSWER_SECONDS: Final = 2.0
"""How long a request may wait for deliveries to the CRM, in seconds. RingCentral waits 3 seconds for an answer."""

SHORTEST_SECONDS: Final = 0.2
"""The time that each event of a request has at least, in seconds, when the others took ANSWER_SECONDS."""

RETRY_SECONDS: Final = 5
"""When a sender should try again after a passing failure."""

_PASSING: Final = (LedgerUnavailable, BudgetExhausted, ShuttingDown)
_MAX_HANDSHAKE: Final = 256

_log = structlog.get_logger(__name__)


@unshown
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """The answer to a request."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


REFUSED: Final = WebhookAnswer(status=404)
"""The answer to every request that is refused, so that a stranger does not learn which routes there are."""

TRY_AGAIN: Final = WebhookAnswer(status=503, headers={"retry-after": str(RETRY_SECONDS)})


class Receiver:
    """Takes the webhooks of all routes.

    Args:
        routes: the routes.
        accounts: the accounts.
        call_logs: the ledger's call logs, to find calls that were reported without a source.
        log_call: stores a report.
        quarantined: keeps requests that can never be stored.
        metrics: counts what becomes of requests and events.
        clock: the time.
        entry: admits requests as it admits calls of LogCall.
    """

    def __init__(
        self,
        routes: Mapping[RouteKey, Route],
        accounts: AccountRegistry,
        call_logs: CallLogs,
        log_call: LogCall,
        quarantined: QuarantinedRequests,
        metrics: IngressMetrics,
        clock: Clock,
        entry: CallEntry,
    ) -> None:
        self._routes = routes
        self._accounts = accounts
        self._call_logs = call_logs
        self._log_call = log_call
        self._quarantined = quarantined
        self._metrics = metrics
        self._clock = clock
        self._entry = entry
        self._parties = PartiesOfAccounts()

    async def receive(self, name: str, account_id: str, request: Webhook) -> WebhookAnswer:
        """Take one request on `/ingress/NAME/ACCOUNT`."""
        route = self._routes.get((name, account_id))
        if route is None:
            return self._refuse(None, Refused.UNKNOWN)
        if (echo := _handshake(route, request)) is not None:
            self._metrics.count(route.name, "handshake")
            return echo
        refused = refusal(route.scheme, route.secret, route.user, request, self._clock.now())
        if refused is not None:
            return self._refuse(route, refused)
        try:
            return await self._take_in_turn(route, request)
        except QuotaExceeded as error:
            self._metrics.count(route.name, "over_quota")
            return replace(TRY_AGAIN, headers={"retry-after": str(ceil(error.retry_after or RETRY_SECONDS))})
        except _PASSING as error:
            self._metrics.count(route.name, "failed")
            _log.warning("ingress_failed", route=route.name, account_id=account_id, error=type(error).__name__)
            return TRY_AGAIN

    async def _take_in_turn(self, route: Route, request: Webhook) -> WebhookAnswer:
        """Take an authentic request when its account may. Raises QuotaExceeded, or an error of _PASSING."""
        size, now = len(request.body), perf_counter()
        admitted = self._entry.admitted_at_once(route.account_id, size, now)
        if admitted is None:
            admitted = await self._entry.admit(route.account_id, size, now)
        try:
            return await self._take(route, request)
        finally:
            self._entry.leave(admitted)

    async def _take(self, route: Route, request: Webhook) -> WebhookAnswer:
        """Take an authentic request. Raises an error of _PASSING."""
        reader = EventReader(route.definition, route.source)
        try:
            document = request.document(route.definition.definition.body)
            contexts = reader.events({**document, "claims": claims_of(route.scheme, route.secret, request)})
            is_ours = all(route.is_expected(context, may_lack=reader.is_skipped(context)) for context in contexts)
        except (UnreadableBody, BadEvent, CrmTooMuch) as error:  # CrmTooMuch: an expression takes too many steps
            await self._put_aside(route, request, str(error))
            return _taken(route)
        if not is_ours:
            return self._refuse(route, Refused.FOREIGN)
        account, budget = await self._accounts.get(route.account_id), Budget(ANSWER_SECONDS)
        for context in contexts:
            await self._take_event(route, request, reader, account, context, budget)
        return _taken(route)

    async def _take_event(
        self,
        route: Route,
        request: Webhook,
        reader: EventReader,
        account: Account,
        context: Mapping[str, Any],
        budget: Budget,
    ) -> None:
        """Store the report of one event, skip it, or put its request aside. Raises an error of _PASSING."""
        try:
            reading = reader.read(context, self._parties.of(account))
            if reading.event is None:
                self._metrics.count(route.name, "skipped")
                return
            event = await self._under_known_id(account, reading, reading.event)
            report = CallReport(account_id=account.id, user_id="", event=event, source=route.source)
            seconds = max(budget.remaining() or 0.0, SHORTEST_SECONDS)
            await self._log_call.execute(account, report, Budget(seconds))
        except _PASSING:
            raise
        except (BadEvent, LeadlineError) as error:
            await self._put_aside(route, request, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the event must not be lost
            _log.error("ingress_error", route=route.name, account_id=account.id, exc_info=error)
            await self._put_aside(route, request, f"an unexpected error ({type(error).__name__})")
        else:
            self._metrics.count(route.name, "stored")

    async def _under_known_id(self, account: Account, reading: EventReading, event: CallEvent) -> CallEvent:
        """The event under the phone system's own id, if the call was reported before the route had a source."""
        if event.call_id == reading.plain_id:
            return event
        known = await self._call_logs.get(CallKey(account.id, reading.plain_id))
        return event if known is None else with_call_id(event, reading.plain_id)

    async def _put_aside(self, route: Route, request: Webhook, reason: str) -> None:
        """Put an authentic request into the quarantine. Raises LedgerUnavailable."""
        dropped = await self._quarantined.put(route, request, reason, self._clock.now())
        self._metrics.count(route.name, "quarantined")
        _log.warning("ingress_quarantined", route=route.name, account_id=route.account_id, dropped=dropped)

    def _refuse(self, route: Route | None, reason: Refused) -> WebhookAnswer:
        self._metrics.count("" if route is None else route.name, f"refused_{reason}")
        _log.info("ingress_refused", route="" if route is None else route.name, reason=reason.value)
        return REFUSED


def _taken(route: Route) -> WebhookAnswer:
    answer = route.definition.definition.answer
    return WebhookAnswer(status=answer.status, body=answer.body.encode(), content_type=answer.content_type)


def _handshake(route: Route, request: Webhook) -> WebhookAnswer | None:
    """The answer to a request that only asks whether this is leadline's address; None for any other."""
    handshake = route.definition.definition.handshake
    token = "" if handshake is None else request.headers.get(handshake.header.lower(), "")
    if handshake is None or not token:
        return None
    if len(token) > _MAX_HANDSHAKE or not token.isascii() or not token.isprintable():
        return REFUSED
    return replace(WebhookAnswer(status=200), headers={handshake.header.lower(): token})
