"""Makes what takes the webhooks of a server."""

from prometheus_client import CollectorRegistry

from leadline_server.app import App
from leadline_server.clock import Clock, SystemClock
from leadline_server.config import Settings
from leadline_server.ingress.metrics import IngressMetrics
from leadline_server.ingress.quarantined_requests import QuarantinedRequests
from leadline_server.ingress.receiver import Receiver
from leadline_server.ingress.routes import load_routes
from leadline_server.transport.admission.door import Door


def receiver_of(
    app: App, settings: Settings, door: Door, registry: CollectorRegistry | None = None, clock: Clock | None = None
) -> Receiver:
    """The receiver of the settings' routes. `door` is the server's: a webhook is admitted as LogCall is.

    Raises:
        BadDefinition: a route is incomplete; `load_settings` tells it before.
    """
    metrics, commands, ledger = IngressMetrics(), app.commands, app.ledger
    if registry is not None:
        registry.register(metrics)
    quarantined = QuarantinedRequests(ledger.quarantine, ledger.secret)
    return Receiver(
        load_routes(settings.routes, settings.public_url),
        commands.accounts,
        ledger.call_logs,
        commands.log_call,
        quarantined,
        metrics,
        clock or SystemClock(),
        door.entry("LogCall"),
    )
