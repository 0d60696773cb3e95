"""Phone systems that are configured by the blocks of docs/phone-systems.md, and that call back as the real ones do."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from support.webhook_events import CUSTOMER, FORM, JSON, OWN, at, form, sign_twilio
from support.webhook_servers import Sent, send
from support.webhook_switches import freeswitch_document

Post = Callable[[str, bytes, Mapping[str, str]], Sent]
"""Posts a body to an address, with headers."""


def posting(http_address: str) -> Post:
    """Posts to a server's port what a proxy would pass on, or a phone system on the same machine would send."""

    def post(url: str, body: bytes, headers: Mapping[str, str]) -> Sent:
        parts = urlsplit(url)
        host = parts.netloc if parts.scheme == "https" else http_address
        return send(http_address, parts.path, body, {"Host": host, **headers})

    return post


def _xml(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - a block of our own documents


def basic(credentials: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


def call_twilio(number_address: str, twiml: str, secret: str, post: Post) -> list[Sent]:
    """An inbound call to a number with this status callback and this TwiML; alice answers.

    Twilio keeps the part behind `#`, sends the callbacks that the TwiML asks for, and signs the address without it.
    """
    client = _xml(twiml).find("./Dial/Client")
    assert client is not None
    wanted, identity = client.attrib["statusCallbackEvent"].split(), f"client:{client.text}"
    names = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress", "completed": "completed"}
    told = {"AccountSid": "AC00000000000000000000000000000001", "From": CUSTOMER}
    sent = []
    for second, event in enumerate(wanted):
        ids = {"CallSid": "CA2", "ParentCallSid": "CA1", "Direction": "outbound-dial", "To": identity}
        fields = {**told, **ids, "CallStatus": names[event], "Timestamp": format_datetime(at(second))}
        sent.append(_signed(client.attrib["statusCallback"], form(fields), secret, post))
    ids = {"CallSid": "CA1", "Direction": "inbound", "To": OWN, "CallStatus": "completed", "CallDuration": "60"}
    last = form({**told, **ids, "Timestamp": format_datetime(at(60))})
    return [*sent, _signed(number_address, last, secret, post)]


def _signed(address: str, body: bytes, secret: str, post: Post) -> Sent:
    url = address.partition("#")[0]
    return post(url, body, {"content-type": FORM, **sign_twilio(url, body, {}, secret=secret)})


def call_freeswitch(configuration: str, post: Post) -> list[Sent]:
    """An inbound call that rings extension 101, as mod_json_cdr with this configuration reports it."""
    parameters = {one.attrib["name"]: one.attrib["value"] for one in _xml(configuration).iter("param")}
    assert parameters["auth-scheme"] == "basic"
    legs = ["b", "a"] if parameters["log-b-leg"] == "true" else ["a"]
    sent = []
    for leg in legs:
        body = json.dumps(freeswitch_document("1", leg)).encode()
        is_encoded = parameters["encode"] == "true"
        headers = {"Content-Type": FORM if is_encoded else JSON, **basic(parameters["cred"])}
        sent.append(post(parameters["url"], b"cdr=" + quote(body).encode() if is_encoded else body, headers))
    return sent


def call_three_cx(template: str, parameters: Mapping[str, str], call: Mapping[str, str], post: Post) -> Sent:
    """A call that ended, as 3CX reports it by a CRM template."""
    root = _xml(template)
    given = {one.attrib["Name"]: one.attrib["Default"] for one in root.iter("Parameter")} | dict(parameters)

    def filled(text: str) -> str:
        dated = re.sub(r'\[\[(\w+)\]\.ToString\("yyyy-MM-ddTHH:mm:ssZ"\)\]', lambda match: call[match[1]], text)
        return re.sub(r"\[(\w+)\]", lambda match: {**given, **call}[match[1]], dated)

    request = root.find("./Scenarios/Scenario[@Id='ReportCall']/Request")
    credentials = root.findtext("./Authentication/Value")
    assert request is not None
    assert credentials is not None
    assert (request.attrib["RequestType"], request.attrib["RequestEncoding"]) == ("Post", "Json")
    values = {one.attrib["Key"]: filled(one.text or "") for one in request.iter("Value")}
    headers = {"Content-Type": request.attrib["RequestContentType"], **basic(filled(credentials))}
    return post(filled(request.attrib["Url"]), json.dumps(values).encode(), headers)


@dataclass
class Asterisk:
    """As much of a dialplan's interpreter as the recipe needs: Set, Gosub, Return, Dial, Hangup, and functions."""

    plan: Mapping[str, list[str]]
    globals: Mapping[str, str]
    post: Post
    variables: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    handlers: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    clock: int = 0

    def call(self, context: str, number: str, functions: Mapping[str, str], talk_time: int) -> list[Sent]:
        """Run a call to a number from its first application to its hangup handlers."""
        self.variables |= {"EXTEN": number, "EPOCH": str(int(at(0).timestamp())), **functions}
        self.talk_time = talk_time
        self._run(context)
        for handler in reversed(self.handlers):
            self._gosub(handler)
        return self.sent

    def _run(self, context: str) -> None:
        for line in self.plan[context]:
            name, arguments = re.fullmatch(r"(\w+)\((.*)\)", line).groups()  # type: ignore[union-attr] # else it fails
            if name == "Return":
                return
            getattr(self, f"_{name.lower()}")(arguments)

    def _set(self, arguments: str) -> None:
        name, _, value = arguments.partition("=")
        filled = self._filled(value)
        option = re.fullmatch(r"CURLOPT\((\w+)\)", name)
        if option:
            self.options[option[1]] = filled
        elif name == "CHANNEL(hangup_handler_push)":
            self.handlers.append(filled)
        else:
            self.variables[name] = filled

    def _gosub(self, arguments: str) -> None:
        context, start, argument = re.fullmatch(r"([\w-]+),(\w+),1\((.*)\)", arguments).groups()  # type: ignore[union-attr]
        assert start == "s"
        self.variables["ARG1"] = self._filled(argument)
        self._run(context)

    def _dial(self, arguments: str) -> None:
        assert arguments.startswith("PJSIP/101")
        self.variables |= {"DIALSTATUS": "ANSWER", "ANSWEREDTIME": str(self.talk_time)}
        self.variables["EPOCH"] = str(int(at(9 + self.talk_time).timestamp()))

    def _hangup(self, arguments: str) -> None:
        assert not arguments

    def _filled(self, text: str) -> str:
        """The text with its variables and functions, the inner ones first."""
        while match := re.search(r"\$\{([^${}]*)\}", text):
            text = text[: match.start()] + self._value(match[1]) + text[match.end() :]
        return text

    def _value(self, name: str) -> str:
        function = re.fullmatch(r"(URIENCODE|CURL)\((.*)\)", name)
        if not function:
            return self.variables.get(name, self.globals.get(name, ""))
        if function[1] == "URIENCODE":
            return quote(function[2], safe="")
        url, _, body = function[2].partition(",")
        headers = {"Content-Type": FORM, **basic(self.options["userpwd"])}
        self.sent.append(self.post(url, body.encode(), headers))
        return ""


def asterisk(configuration: str, post: Post) -> Asterisk:
    """An Asterisk with this extensions.conf."""
    plan: dict[str, list[str]] = {}
    found: dict[str, str] = {}
    for context, line in _lines(configuration):
        application = re.fullmatch(r"(?:exten => [^,]+,1,|same => n,)(.*)", line)
        if application:
            plan.setdefault(context, []).append(application[1])
        else:
            name, _, value = line.partition("=")
            assert context == "globals"
            found[name] = value
    return Asterisk(plan, found, post)


def _lines(configuration: str) -> Iterator[tuple[str, str]]:
    context = ""
    for line in filter(None, map(str.strip, configuration.splitlines())):
        if line.startswith("["):
            context = line.strip("[]")
        else:
            yield context, line


CALLER_FUNCTIONS: Final[Mapping[str, Any]] = {
    "UNIQUEID": "1790000000.1",
    "CHANNEL(linkedid)": "1790000000.1",
    "CALLERID(num)": CUSTOMER,
    "CALLERID(name)": 'Jane "J&J" Roe',
}
