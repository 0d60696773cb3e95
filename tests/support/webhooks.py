"""Every phone system that leadline has a definition of: its settings, the events of one call, and what they come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from leadline_server.domain.call import Attestation, CallDirection, CallResult
from leadline_server.ingress.webhook import Webhook

from support.webhook_events import (
    CUSTOMER,
    FORM,
    JSON,
    OWN,
    PUBLIC_URL,
    SECRET,
    TELNYX_PUBLIC_KEY,
    at,
    ringcentral_events,
    sign_ringcentral,
    sign_telnyx,
    sign_twilio,
    sign_vonage,
    telnyx_events,
    twilio_events,
    vonage_events,
)
from support.webhook_switches import (
    asterisk_events,
    freeswitch_events,
    kamailio_events,
    sign_basic,
    sign_bearer,
    three_cx_events,
    three_cx_id,
)

Sign = Callable[[str, bytes, Mapping[str, str]], Mapping[str, str]]
"""Makes the headers of a request from its address, its body and its other headers."""


@dataclass(frozen=True, kw_only=True)
class PhoneSystem:
    """A phone system that calls back.

    Attributes:
        name: of its definition.
        settings: of its route, besides the source.
        content_type: of its bodies.
        events: makes the bodies of the events of one call, in order.
        sign: makes the headers that authenticate a request.
        call_id: leadline's id of that call.
        expected: what the call comes to, by its fields.
    """

    name: str
    settings: Mapping[str, Any]
    content_type: str
    events: Callable[[str], Sequence[bytes]]
    sign: Sign
    call_id: Callable[[str], str]
    expected: Mapping[str, Any] = field(default_factory=dict)

    def path(self, account: str = "demo") -> str:
        return f"/ingress/{self.name}/{account}"

    def request(self, body: bytes, *, account: str = "demo", sign: Sign | None = None) -> Webhook:
        """A signed request with this body."""
        url = f"{PUBLIC_URL}{self.path(account)}"
        headers = {"content-type": self.content_type}
        return Webhook(url=url, headers={**headers, **(sign or self.sign)(url, body, headers)}, body=body)


INBOUND: Final[Mapping[str, Any]] = {
    "direction": CallDirection.INBOUND,
    "result": CallResult.ANSWERED,
    "answer_time": at(9),
    "end_time": at(70),
    "is_final": True,
    "caller.phone_number": CUSTOMER,
}

SYSTEMS: Final[Mapping[str, PhoneSystem]] = {
    system.name: system
    for system in (
        PhoneSystem(
            name="twilio",
            settings={"secret": SECRET, "expect": {"AccountSid": "AC1"}},
            content_type=FORM,
            events=twilio_events,
            sign=sign_twilio,
            call_id=lambda call: f"CA{call}",
            expected={
                **INBOUND,
                "start_time": at(0),
                "callee.phone_number": OWN,
                "callee.extension": None,
                "recording_url": "https://api.twilio.com/recordings/RE1",
            },
        ),
        PhoneSystem(
            name="telnyx",
            settings={"secret": TELNYX_PUBLIC_KEY, "expect": {"connection_id": "7267"}},
            content_type=JSON,
            events=telnyx_events,
            sign=sign_telnyx,
            call_id=lambda call: f"s-{call}",
            expected={
                **INBOUND,
                "start_time": at(0),
                "callee.phone_number": OWN,
                "recording_url": "https://telnyx.example/r.mp3",
            },
        ),
        PhoneSystem(
            name="ringcentral",
            settings={"secret": SECRET, "expect": {"account_id": "809646016"}},
            content_type=JSON,
            events=ringcentral_events,
            sign=sign_ringcentral,
            call_id=lambda call: f"s-{call}",
            expected={**INBOUND, "start_time": at(0), "callee.phone_number": OWN},
        ),
        PhoneSystem(
            name="vonage",
            settings={"secret": SECRET, "expect": {"application_id": "app-1"}},
            content_type=JSON,
            events=vonage_events,
            sign=sign_vonage,
            call_id=lambda call: f"CON-{call}",
            expected={
                **INBOUND,
                "start_time": at(0),
                "callee.phone_number": OWN,
                "recording_url": "https://api.nexmo.com/v1/files/1",
            },
        ),
        PhoneSystem(
            name="3cx",
            settings={"secret": SECRET},
            content_type=JSON,
            events=three_cx_events,
            sign=sign_basic,
            call_id=three_cx_id,
            expected={name: value for name, value in INBOUND.items() if not name.endswith("_time")},
        ),
        PhoneSystem(
            name="freeswitch",
            settings={"secret": SECRET},
            content_type=JSON,
            events=freeswitch_events,
            sign=sign_basic,
            call_id=lambda call: f"a{call}",
            expected={**INBOUND, "start_time": at(0), "callee.phone_number": OWN, "callee.extension": "101"},
        ),
        PhoneSystem(
            name="asterisk",
            settings={"secret": SECRET},
            content_type=FORM,
            events=asterisk_events,
            sign=sign_basic,
            call_id=lambda call: f"1790000000.{call}",
            expected={
                **INBOUND,
                "start_time": at(0),
                "callee.phone_number": OWN,
                "callee.extension": "101",
                "recording_url": "https://pbx.example/1.wav",
            },
        ),
        PhoneSystem(
            name="kamailio",
            settings={"secret": SECRET},
            content_type=FORM,
            events=kamailio_events,
            sign=sign_bearer,
            call_id=lambda call: f"{call}@sip",
            expected={
                **INBOUND,
                "start_time": at(0),
                "callee.phone_number": OWN,
                "attestation": Attestation.A,
            },
        ),
    )
}
"""Every definition that comes with leadline."""
