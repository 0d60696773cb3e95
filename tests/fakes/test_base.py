"""The base of the fakes goes wrong just as it is told to, and forgets nothing that it committed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from faults.http_crm.server import FaultyCrm

from fakes.misbehaviour import GOOD_TOKEN, Mode
from fakes.process import fake_process
from fakes.records import NoSuchRecord, Records
from fakes.serving import FakeServer, fake_server

CONTACT = {"number": "+12025550147", "name": "Ada Lovelace", "key": "k"}
HEADERS = {"Authorization": f"Bearer {GOOD_TOKEN}"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeServer[FaultyCrm]]:
    async with fake_server(FaultyCrm()) as server:
        yield server


async def answer(
    fake: FakeServer[FaultyCrm], method: str = "GET", path: str = "/check", **options: Any
) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    async with (
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.request(method, fake.url + path, allow_redirects=False, **options) as response,
    ):
        return response.status, response.content_type, await response.read()


async def add(fake: FakeServer[FaultyCrm]) -> int:
    return (await answer(fake, "POST", "/contacts", json=CONTACT))[0]


def count(fake: FakeServer[FaultyCrm]) -> int:
    return len(fake.crm.records.all("contacts"))


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        ("ok", 201),
        ("rate_limited", 429),
        ("error", 500),
        ("unavailable", 503),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("conflict", 409),
        ("unprocessable", 422),
        ("telltale", 422),
        ("html", 200),
        ("redirect", 302),
        ("garbage", 200),
        ("error_after_commit", 500),
    ],
)
async def test_a_struck_write_is_answered_as_told_and_done_where_told(
    fake: FakeServer[FaultyCrm], mode: str, status: int
) -> None:
    await fake.misbehave(mode=mode)
    assert await add(fake) == status
    assert count(fake) == (mode in {"ok", "garbage", "error_after_commit"})


@pytest.mark.parametrize("mode", ["truncated", "drop_after_commit"])
async def test_a_broken_off_answer_is_an_error_of_the_connection(fake: FakeServer[FaultyCrm], mode: str) -> None:
    await fake.misbehave(mode=mode)
    with pytest.raises(aiohttp.ClientError):
        await add(fake)
    assert count(fake) == 1


@pytest.mark.parametrize(("mode", "done"), [("hang", 0), ("hang_after_commit", 1)])
async def test_who_hangs_is_let_go_without_an_answer_when_the_faults_change(
    fake: FakeServer[FaultyCrm], mode: str, done: int
) -> None:
    await fake.misbehave(mode=mode)
    hanging = asyncio.create_task(add(fake))
    while not fake.misbehaviour.struck:
        await asyncio.sleep(0.01)
    assert not hanging.done()
    await fake.recover()
    with pytest.raises(aiohttp.ClientError):
        await hanging
    assert count(fake) == done


async def test_garbage_is_no_json_and_a_page_is_no_json_either(fake: FakeServer[FaultyCrm]) -> None:
    await fake.misbehave(mode="garbage")
    _, kind, body = await answer(fake)
    assert kind == "application/json"
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    await fake.misbehave(mode="html")
    assert (await answer(fake))[1] == "text/html"


async def test_a_redirect_leads_elsewhere_and_whoever_follows_is_counted(fake: FakeServer[FaultyCrm]) -> None:
    await fake.misbehave(mode="redirect")
    async with aiohttp.ClientSession(headers=HEADERS) as session, session.get(fake.url + "/check") as response:
        assert response.url.host == "localhost"
    assert fake.misbehaviour.followed == 1


async def test_nobody_listens_while_it_refuses(fake: FakeServer[FaultyCrm]) -> None:
    await fake.misbehave(refuses=True)
    with pytest.raises(aiohttp.ClientConnectorError):
        await answer(fake)
    await fake.recover()
    assert (await answer(fake))[0] == 200


async def test_what_is_struck_can_be_narrowed_down(fake: FakeServer[FaultyCrm]) -> None:
    await fake.misbehave(mode="error", only="writes")
    assert ((await answer(fake))[0], await add(fake)) == (200, 500)
    await fake.misbehave(mode="error", only="reads")
    assert ((await answer(fake))[0], await add(fake)) == (500, 201)
    await fake.misbehave(mode="error", path="/contacts")
    assert ((await answer(fake))[0], await add(fake)) == (200, 500)
    await fake.misbehave(mode="error", every=2)
    assert [(await answer(fake))[0] for _ in range(4)] == [200, 500, 200, 500]
    await fake.misbehave(mode="error", after=2)
    assert [(await answer(fake))[0] for _ in range(4)] == [200, 200, 500, 500]


async def test_a_telltale_repeats_what_it_was_told_and_by_whom(fake: FakeServer[FaultyCrm]) -> None:
    await fake.misbehave(mode="telltale")
    told = (await answer(fake, "POST", "/contacts", json=CONTACT))[2].decode()
    assert GOOD_TOKEN in told
    assert CONTACT["number"] in told


async def test_another_token_is_refused(fake: FakeServer[FaultyCrm]) -> None:
    await fake.misbehave(token="another")
    assert (await answer(fake))[0] == 401


async def test_an_unknown_switch_is_refused(fake: FakeServer[FaultyCrm]) -> None:
    with pytest.raises(TypeError):
        await fake.misbehave(no_such_switch=1)
    with pytest.raises(ValueError, match="no_such_mode"):
        await fake.misbehave(mode="no_such_mode")


async def test_what_people_did_was_not_written(fake: FakeServer[FaultyCrm]) -> None:
    fake.crm.records.add("contacts", CONTACT, by_people=True)
    assert not fake.crm.written().contacts
    await add(fake)
    assert len(fake.crm.written().contacts["+12025550147"]) == 1


def test_a_process_has_what_it_committed_when_it_is_killed_and_started_again(tmp_path: Path) -> None:
    with fake_process("faulty", tmp_path / "crm") as process:

        async def write() -> None:
            async with aiohttp.ClientSession(headers=HEADERS) as session:
                for mode in (Mode.OK, Mode.ERROR_AFTER_COMMIT):
                    process.misbehave(mode=mode)
                    await session.post(process.url + "/contacts", json=CONTACT)

        asyncio.run(write())
        process.kill()
        process.start()
        assert len(process.written().contacts["+12025550147"]) == 2


class TestRecords:
    def test_a_file_has_all_changes_and_ids_go_on(self, tmp_path: Path) -> None:
        records = Records(tmp_path / "records")
        first, second = (records.add("people", {"name": name, "age": 1}) for name in "ab")
        records.change("people", first.id, {"name": "c"})
        records.remove("people", second.id)
        records.close()
        again = Records(tmp_path / "records")
        assert [record.fields for record in again.all("people")] == [{"name": "c", "age": 1}]
        assert again.changes == records.changes
        assert again.add("people", {}).id not in {first.id, second.id}
        again.close()

    def test_a_line_that_a_kill_tore_off_never_was(self, tmp_path: Path) -> None:
        path = tmp_path / "records"
        records = Records(path)
        records.add("people", {"name": "a"})
        records.close()
        whole = path.read_bytes()
        path.write_bytes(whole + whole[:20])
        again = Records(path)
        assert len(again.all("people")) == 1
        again.close()
        assert path.read_bytes() == whole

    def test_an_index_follows_every_change(self) -> None:
        records = Records()
        early = records.add("people", {"numbers": ["1", "2"]})
        records.index("people", "number", lambda fields: fields["numbers"])
        late = records.add("people", {"numbers": ["2"]})
        assert records.find("people", "number", "2") == [early, late]
        records.change("people", early.id, {"numbers": ["3"]})
        records.remove("people", late.id)
        assert [records.find("people", "number", number) for number in "12"] == [[], []]
        assert [record.id for record in records.find("people", "number", "3")] == [early.id]

    def test_what_is_not_there_cannot_be_changed(self) -> None:
        with pytest.raises(NoSuchRecord):
            Records().change("people", "1", {})
