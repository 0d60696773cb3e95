"""What every adapter to a CRM over HTTP shares: one client, with its tokens, its pace, and its errors."""

from leadline_server.concurrency.fan_out import together
from leadline_server.crm.toolkit.authorization import Authorizer, StaticAuthorizer
from leadline_server.crm.toolkit.http_answers import HttpAnswer, standard_failure
from leadline_server.crm.toolkit.http_client import HttpClient, segment
from leadline_server.crm.toolkit.throttle import Throttle

__all__ = [
    "Authorizer",
    "HttpAnswer",
    "HttpClient",
    "StaticAuthorizer",
    "Throttle",
    "segment",
    "standard_failure",
    "together",
]
