"""The test call of each definition: its requests are authentic, and come to an answered call that is over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from leadline_server.definitions.problems import BadDefinition
from leadline_server.definitions.templates import read_time, write_time
from leadline_server.domain.call import CallDirection, CallResult
from leadline_server.ingress.definition_files import parse_ingress, shipped_names
from leadline_server.ingress.routes import Route, load_routes
from leadline_server.ingress.sample_calls import (
    SampleCall,
    content_type,
    request_body,
    request_claims,
)
from leadline_server.ingress.settings import RouteConfig
from leadline_server.ingress.signing import CannotSign, signature
from leadline_server.ingress.webhook import Webhook
from support.ingress import open_ingress
from support.webhook_events import CUSTOMER, OWN, PUBLIC_URL
from support.webhooks import SYSTEMS

NOW: Final = datetime.now(UTC).replace(microsecond=0)
SIGNS_ALONE: Final = "telnyx"


def route(name: str) -> Route:
    config = RouteConfig.model_validate(SYSTEMS[name].settings)
    return load_routes({"demo": {name: config}}, PUBLIC_URL)[name, "demo"]


def requests(tested: Route) -> list[Webhook]:
    definition = tested.definition.definition
    call = SampleCall(
        call_id="ring-1",
        caller=CUSTOMER,
        caller_name="RING TEST",
        callee=OWN,
        extension="101",
        start=NOW - timedelta(seconds=5),
        answer=NOW - timedelta(seconds=3),
        end=NOW,
        expect=tested.expect,
    )
    moments = {"ringing": call.start, "answered": call.answer, "ended": call.end}
    made = list[Webhook]()
    for request in definition.test_call:
        now, url = moments[request.step], f"{PUBLIC_URL}{tested.path}"
        body, claims = request_body(definition, request, call, now), request_claims(definition, request, call, now)
        headers = signature(tested, url, body, claims, datetime.now(UTC))
        given = {**headers, "content-type": content_type(definition)}
        made.append(Webhook(url=url, headers={name.lower(): value for name, value in given.items()}, body=body))
    return made


@pytest.mark.parametrize("name", sorted(set(shipped_names()) - {SIGNS_ALONE}))
async def test_every_definition_has_a_test_call(name: str, tmp_path: Path) -> None:
    tested = route(name)
    async with open_ingress(tmp_path, **{name: SYSTEMS[name].settings}) as ingress:
        for request in requests(tested):
            assert (await ingress.send(SYSTEMS[name], request)).status // 100 == 2
        assert await ingress.app.ledger.quarantine.list("demo", 10) == []
        [log] = await ingress.logs()
    assert log.call.caller.phone_number == CUSTOMER
    assert (log.call.direction, log.call.result) == (CallDirection.INBOUND, CallResult.ANSWERED)
    assert log.call.is_final
    assert (log.call.answer_time, log.call.end_time) == (NOW - timedelta(seconds=3), NOW)


def test_a_time_is_written_as_it_is_read() -> None:
    for form in ("iso", "epoch", "epoch_ms", "epoch_us", "rfc2822", "%d.%m.%Y %H:%M:%S"):
        assert read_time(write_time(NOW, form), form) == NOW


def test_a_private_key_cannot_be_had() -> None:
    with pytest.raises(CannotSign, match="Telnyx signs with a private key"):
        signature(route(SIGNS_ALONE), PUBLIC_URL, b"", {}, NOW)


def test_a_name_that_is_no_value_is_a_problem() -> None:
    text = """
format = 1
title = "Acorn"
[authentication]
type = "bearer"
[expect]
tenant = "event.tenant"
[[kinds]]
skip = "nothing"
[[test_call]]
step = "ended"
body = { id = "{call_id}", at = ["{when}"], tenant = "{expect.tenant}", other = "{expect.nobody}" }
"""
    with pytest.raises(BadDefinition) as caught:
        parse_ingress(text)
    assert caught.value.problems == [
        "test_call[0]: there is no value {when}",
        "test_call[0]: there is no value {expect.nobody}",
    ]
