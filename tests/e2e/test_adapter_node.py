"""The Node host of the examples: plain JavaScript functions as leadline's CRM."""

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from e2e.crm_journey import (
    KNOWN,
    NAME,
    UNKNOWN,
    a_call,
    check_known_caller,
    check_outage,
    check_unknown_caller,
    check_update,
    settled,
    staged,
)
from e2e.failing_crm import FailingCrm
from leadline.v1.call_log_pb2 import CALL_LOG_REASON_CRM_CANNOT_LOG, CALL_LOG_STATE_UNLOGGED
from leadline.v1.preferences_pb2 import AccountSettings
from leadline_server.crm.remote.adapter_type import remote_crm
from leadline_server.domain.contact import ContactDraft
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.numbers.phone_number import parse_number
from leadline_server.ports.crm import CrmAdapter
from leadline_server.testing.crm_conformance import CrmConformance, CrmUnderTest
from leadline_server.testing.crm_harness import Report
from support.node_hosts import NODE, NPM, SOURCES, NodeHost, installed, node_host

pytestmark = pytest.mark.skipif(not NODE or not NPM, reason="needs node and npm on PATH")

TWO_FUNCTIONS: Final = Path(__file__).parent / "node_connectors" / "two_functions.js"
PERSON: Final = {"id": "p-1", "phone": "(202) 555-0147", "name": NAME}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="module")
def two_functions(home: Path) -> Iterator[NodeHost]:
    connector = Path(shutil.copy(TWO_FUNCTIONS, home))
    with node_host(home, connector, home / "unused.json") as host:
        yield host


@pytest.fixture(scope="module")
def example(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeHost]:
    with node_host(home, home / "connector.js", tmp_path_factory.mktemp("crm") / "crm.json") as host:
        yield host


@pytest.fixture
async def crm(two_functions: NodeHost) -> AsyncIterator[CrmAdapter]:
    async with remote_crm(two_functions.address) as connected:
        yield connected


async def find(crm: CrmAdapter, number: str) -> list[tuple[str, str, tuple[str, ...]]]:
    found = await crm.find_contacts([parse_number(number, "US")])
    return sorted((contact.id, contact.name, contact.phone_numbers) for contact in found)


async def create(crm: CrmAdapter, number: str) -> str:
    draft = ContactDraft(name="Grace Hopper", phone_number=parse_number(number, "US"))
    return (await crm.create_contact(draft, "key")).id


@pytest.mark.soak
class TestExampleConnector(CrmConformance):
    @pytest.fixture
    async def crm(self, example: NodeHost) -> AsyncIterator[CrmUnderTest]:
        async with remote_crm(example.address) as adapter:
            yield CrmUnderTest(adapter=adapter, max_name=2_000)


async def test_calls_reach_the_connectors_crm_once(home: Path, tmp_path: Path) -> None:
    crm_file = tmp_path / "crm.json"
    crm_file.write_text(json.dumps({"contacts": [PERSON], "logs": []}))
    with node_host(home, home / "connector.js", crm_file) as host:
        async with staged(tmp_path, host, {"adapter": "remote", "address": host.address}) as stage:
            await check_known_caller(stage, "p-1")
            await check_unknown_caller(stage)
            await check_update(stage, "logs", {"followUp": "Send the offer"})
            await check_outage(stage, refuses=True)
            assert PERSON["phone"] != KNOWN


async def test_fields_of_ones_own_arrive_in_the_connectors_crm(home: Path, tmp_path: Path) -> None:
    own: dict[str, Any] = {
        "placeholder_fields": {
            "region": "South",
            "score": 5,
            "tags": ["new", True],
            "more": {"digits": "{{ number.digits }}"},
        },
        "call_fields": {"campaign": "spring", "took": "{{ duration }}"},
    }
    number = parse_number("+12025550147", "US")
    with node_host(home, home / "connector.js", tmp_path / "crm.json") as host:
        async with remote_crm(host.address, **own) as crm:
            contact = await crm.create_contact(ContactDraft(name="Ada", phone_number=number), "key")
            log = await crm.create_call_log(Report().entry(contact.id), "key")
            host.edit("logs", log.id, {"campaign": "summer"})
        async with remote_crm(host.address, **own) as crm:
            await crm.update_call_log(log.id, Report().entry(contact.id, note="after"))
        person, logged = host.records("contacts")[contact.id], host.records("logs")[log.id]
    told = {name: person[name] for name in own["placeholder_fields"]}
    assert told == {"region": "South", "score": 5, "tags": ["new", True], "more": {"digits": "12025550147"}}
    assert (logged["campaign"], logged["took"], logged["note"]) == ("summer", 120, "after")


async def test_with_two_functions_alone_an_unknown_caller_is_created_only_if_the_account_asks_for_it(
    home: Path, tmp_path: Path
) -> None:
    connector = Path(shutil.copy(TWO_FUNCTIONS, home))
    with node_host(home, connector, tmp_path / "unused.json") as host:
        async with staged(tmp_path, host, {"adapter": "remote", "address": host.address}) as stage:
            await stage.client.log_call(a_call("unknown", UNKNOWN))
            log = await settled(stage, "unknown")
            assert (log.state, log.reason) == (CALL_LOG_STATE_UNLOGGED, CALL_LOG_REASON_CRM_CANNOT_LOG)
            assert not (await stage.client.find_contact(UNKNOWN)).matches
            await stage.client.update_account_settings(AccountSettings(create_without_log=True))
            await stage.client.retry_call_log("unknown")
            assert (await settled(stage, "unknown")).reason == CALL_LOG_REASON_CRM_CANNOT_LOG
            (match,) = (await stage.client.find_contact(UNKNOWN)).matches
            assert (match.contact.id, match.contact.name) == ("1", "Grace Hopper")


async def test_null_and_an_empty_list_are_nobody(crm: CrmAdapter) -> None:
    assert await find(crm, "+12025550100") == []
    assert await find(crm, "+12025550101") == []


async def test_one_and_many_are_found_with_the_numbers_that_they_say_or_were_asked_by(crm: CrmAdapter) -> None:
    assert await find(crm, "+12025550102") == [("7", "One", ("(202) 555-0102",))]
    assert await find(crm, "+12025550103") == [
        ("a", "First", ("(202) 555-0103", "+442079460123")),
        ("b", "Second", ("+12025550103",)),
    ]


@pytest.mark.parametrize("number", ["+12025550104", "+12025550105", "+12025550106", "+12025550107"])
async def test_what_cannot_be_right_is_cannot_tell_and_never_nobody(crm: CrmAdapter, number: str) -> None:
    with pytest.raises(CrmUnavailable):
        await find(crm, number)


async def test_a_created_contact_may_be_told_by_its_id_alone_and_is_read_again(crm: CrmAdapter) -> None:
    contact_id = await create(crm, "+12025550120")
    read = await crm.get_contact(contact_id)
    assert read is not None
    assert (read.name, read.phone_numbers) == ("Grace Hopper", ("+12025550120",))
    with pytest.raises(CrmUnavailable):
        await crm.get_contact("never seen")


async def test_a_creation_that_tells_nothing_is_of_unknown_outcome(crm: CrmAdapter) -> None:
    with pytest.raises(CrmOutcomeUnknown):
        await create(crm, "+12025550104")


THROWN: Final[dict[str, tuple[type[CrmError], type[CrmError]]]] = {
    "+12025550160": (CrmUnavailable, CrmOutcomeUnknown),
    "+12025550161": (CrmAuthFailed, CrmAuthFailed),
    "+12025550162": (CrmAuthFailed, CrmAuthFailed),
    "+12025550163": (CrmUnavailable, CrmRejected),
    "+12025550164": (CrmRejected, CrmRejected),
    "+12025550165": (CrmRejected, CrmRejected),
    "+12025550166": (CrmRateLimited, CrmRateLimited),
    "+12025550167": (CrmUnavailable, CrmOutcomeUnknown),
    "+12025550168": (CrmUnavailable, CrmOutcomeUnknown),
    "+12025550169": (CrmUnavailable, CrmOutcomeUnknown),
}
"""By number: what findContact and createContact come to that throw the status of its last digit."""


@pytest.mark.parametrize("number", THROWN)
async def test_what_is_thrown_means_what_its_status_says(crm: CrmAdapter, number: str) -> None:
    of_find, of_create = THROWN[number]
    with pytest.raises(CrmError) as found:
        await find(crm, number)
    with pytest.raises(CrmError) as created:
        await create(crm, number)
    assert (type(found.value), type(created.value)) == (of_find, of_create)
    assert "It failed." in found.value.message
    if of_find is CrmRateLimited:
        assert (found.value.retry_after, created.value.retry_after) == (7, 7)


async def test_two_functions_promise_nothing_and_refuse_what_they_cannot_do(crm: CrmAdapter) -> None:
    can = crm.capabilities
    assert not any((can.finds_log_by_key, can.enforces_unique_key, can.moves_log))
    with pytest.raises(CrmRejected, match="no createCallLog"):
        await crm.create_call_log(Report().entry("7"), "key")
    with pytest.raises(CrmRejected, match="cannot search"):
        await crm.search_contacts("One", 10, "")


async def test_without_the_token_of_its_file_nothing_is_answered(home: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("Xy7\n")
    flags = ("--token-file", str(token))
    with node_host(home, home / "connector.js", tmp_path / "crm.json", *flags) as host:
        async with remote_crm(host.address, token="other") as crm:
            with pytest.raises(CrmAuthFailed):
                await crm.check()
        async with remote_crm(host.address, token="Xy7") as crm:
            await crm.check()
        assert host.stop() == 0


@pytest.mark.parametrize("arguments", [[], ["connector.js", "--listen", "0.0.0.0:0"], ["crm.js"], ["no-such.js"]])
def test_a_host_that_cannot_serve_says_why(home: Path, arguments: list[str]) -> None:
    ended = subprocess.run(
        ["node", "host/main.js", *arguments], cwd=home, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr


@pytest.fixture(scope="module")
def faulty(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeHost]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FailingCrm)
    Thread(target=server.serve_forever, daemon=True).start()
    connector = Path(shutil.copy(TWO_FUNCTIONS.with_name("faults.js"), home))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAULTS_CRM_URL", f"http://127.0.0.1:{server.server_address[1]}")
        with node_host(home, connector, tmp_path_factory.mktemp("faults") / "unused.json") as host:
            yield host
    server.shutdown()
    server.server_close()


@pytest.fixture
async def faulty_crm(faulty: NodeHost) -> AsyncIterator[CrmAdapter]:
    async with remote_crm(faulty.address) as connected:
        yield connected


@pytest.mark.parametrize("number", ["+12025550110", "+12025550111", "+12025550116", "+12025550117", "+12025550118"])
async def test_what_a_connector_loses_is_cannot_tell(faulty_crm: CrmAdapter, number: str) -> None:
    with pytest.raises(CrmUnavailable):
        await find(faulty_crm, number)


async def test_an_offer_to_create_and_a_404_are_nobody(faulty_crm: CrmAdapter) -> None:
    assert await find(faulty_crm, "+12025550113") == []
    assert await find(faulty_crm, "+12025550119") == []


async def test_a_request_that_is_repeated_counts_as_it_ended(faulty_crm: CrmAdapter) -> None:
    assert await find(faulty_crm, "+12025550120") == []


async def test_a_failure_that_a_connector_swallows_in_an_update_or_a_check_is_one(faulty_crm: CrmAdapter) -> None:
    entry = Report().entry("7")
    assert (await faulty_crm.update_call_log("works", entry)).id == "works"
    with pytest.raises(CrmOutcomeUnknown, match="status 503"):
        await faulty_crm.update_call_log("fails", entry)
    with pytest.raises(CrmRejected, match="status 404"):
        await faulty_crm.update_call_log("missing", entry)
    with pytest.raises(CrmUnavailable):
        await faulty_crm.check()


async def test_an_empty_number_is_none_and_seconds_are_seconds(faulty_crm: CrmAdapter) -> None:
    assert await find(faulty_crm, "+12025550112") == [("6", "Empty", ("+12025550112",))]
    [contact] = await faulty_crm.find_contacts([parse_number("+12025550114", "US")])
    assert contact.create_time == datetime(2026, 1, 1, tzinfo=UTC)


async def test_the_delay_of_an_http_clients_error_is_kept(faulty_crm: CrmAdapter) -> None:
    with pytest.raises(CrmRateLimited) as raised:
        await find(faulty_crm, "+12025550115")
    assert raised.value.retry_after == 9


def test_the_lock_file_pins_every_package_and_names_no_registry() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)
