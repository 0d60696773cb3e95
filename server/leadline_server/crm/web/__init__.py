"""What every adapter to a CRM over HTTP shares: one client, with its tokens, its pace, and its errors."""

from leadline_server.crm.web.answers import Answer, standard_failure
from leadline_server.crm.web.authorization import Authorizer, StaticAuthorizer
from leadline_server.crm.web.client import WebClient, segment
from leadline_server.crm.web.throttle import Throttle
from leadline_server.crm.web.together import together

__all__ = [
    "Answer",
    "Authorizer",
    "StaticAuthorizer",
    "Throttle",
    "WebClient",
    "segment",
    "standard_failure",
    "together",
]
