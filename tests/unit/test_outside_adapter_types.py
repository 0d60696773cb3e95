"""Adapters and clients of other projects see leadline's types: `mypy --strict` finds mistakes, and no type is Any."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PHONEBOOK: Final = Path(__file__).parents[2] / "examples" / "adapter-python" / "src" / "leadline_phonebook"

ADAPTER: Final = """
from collections.abc import Sequence

from leadline_server.crm.toolkit import (
    AccountView, AdapterContext, AdapterType, Connect, ConnectionSettings, HttpClient, Origin, Secret,
    StaticAuthorizer, Throttle, number_forms, page_of, segment, subject_of,
)
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import CrmUnavailable
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, CrmAdapter, CrmLog, LogEntry
from leadline_server.ports.crm_guarantees import Capabilities, RateLimit


class AcmeSettings(ConnectionSettings):
    url: Origin
    token: Secret


class AcmeCrm:
    capabilities = Capabilities(finds_log_by_key=False, enforces_unique_key=False, moves_log=False)

    def __init__(self, client: HttpClient, account: AccountView) -> None:
        self._client = client
        self._account = account

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        forms = [form for number in numbers for form in number_forms(number, self._account.settings().number_formats)]
        answer = await self._client.ask("GET", "/contacts", params={"q": ",".join(forms)})
        reveal_type(answer.status)
        reveal_type(forms)
        return []

    async def get_contact(self, contact_id: str) -> Contact | None:
        answer = await self._client.ask("GET", f"/contacts/{segment(contact_id)}", accept={404})
        reveal_type(answer)
        return None

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        page = page_of([], name, limit, cursor)
        reveal_type(page)
        return page

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        reveal_type(draft.phone_number.e164)
        raise CrmUnavailable("Not yet.", retry_after=1.0)

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        reveal_type(subject_of(entry))
        reveal_type(entry.call.start_time)
        return CrmLog("1")

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        return CrmLog(log_id)

    async def find_call_log(self, key: str) -> CrmLog | None:
        return None

    async def check(self) -> None:
        await self._client.ask("GET", "/me")


async def open_acme(settings: AcmeSettings, context: AdapterContext) -> Connect:
    reveal_type(settings.url)
    reveal_type(context.name)
    authorizer = StaticAuthorizer.bearer(settings.token.get_secret_value())
    client = HttpClient(context.session, settings.url, authorizer, throttle=Throttle([RateLimit(10, 1.0)]))

    def connect(account: AccountView) -> CrmAdapter:
        return AcmeCrm(client, account)

    return connect


ACME = AdapterType(name="acme", title="Acme CRM", settings=AcmeSettings, open=open_acme)
"""

CLIENT: Final = """
from datetime import datetime

from leadline import AsyncClient, Client, Tls, errors
from leadline.v1.call_log_pb2 import CALL_LOG_STATE_LOGGED


def report(address: str) -> str:
    with Client(address, account="demo", user="alice", tls=Tls(ca="ca.pem")) as client:
        try:
            reveal_type(client.create_contact("Ann Example", "+1 202 555 0123"))
        except errors.AlreadyExists as error:
            reveal_type(error.contact_ids)
        log = client.log_call(id="call-1", direction="INBOUND", caller="202-555-0123", start_time=datetime.now())
        reveal_type(log)
        reveal_type(client.find_contact("+12025550123").matches[0].contact.name)
        return log.contact.name if log.state == CALL_LOG_STATE_LOGGED else log.explanation


async def watch(address: str) -> None:
    async with AsyncClient(address, account="demo", user="alice") as client:
        async for log in client.watch_call_logs():
            reveal_type(log.call.id)
"""

CLIENT_MISTAKES: Final = {
    "a misspelt method": ("client.create_contact(", "client.create_contacts(", "attr-defined"),
    "a misspelt field": ("log.contact.name if", "log.contacts.name if", "attr-defined"),
    "a wrong argument of a client": ('account="demo", user="alice", tls', "account=7, user=True, tls", "arg-type"),
    "an unknown error": ("errors.AlreadyExists", "errors.Exists", "attr-defined"),
}

MISTAKES: Final = {
    "a wrong return type": ("return CrmLog(log_id)", "return log_id", "return-value"),
    "a misspelt argument": ("finds_log_by_key=False", "finds_logs_by_key=False", "call-arg"),
    "a missing method": ("async def check(self)", "async def ping(self)", "return-value"),
    "a wrong argument": ("RateLimit(10, 1.0)", 'RateLimit("10", 1.0)', "arg-type"),
    "an unknown field": ("draft.phone_number.e164", "draft.phone_number.e146", "attr-defined"),
    "another settings class": ("settings: AcmeSettings, context", "settings: str, context", "arg-type"),
    **CLIENT_MISTAKES,
}


def checked(folder: Path, *files: Path | str) -> str:
    """The output of `mypy --strict` for an outside project that has leadline installed."""
    command = [sys.executable, "-m", "mypy", "--strict", "--disallow-any-unimported", "--config-file", os.devnull]
    cache = Path(__file__).parents[2] / ".mypy_cache" / "outside"
    done = subprocess.run(
        [*command, "--cache-dir", str(cache), *map(str, files)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output of one check of the good programs, and of one program with each of the mistakes."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "good.py").write_text(ADAPTER)
    (folder / "client.py").write_text(CLIENT)
    for index, (name, (before, after, _)) in enumerate(MISTAKES.items()):
        program = CLIENT if name in CLIENT_MISTAKES else ADAPTER
        assert before in program
        (folder / f"mistake_{index}.py").write_text(program.replace(before, after))
    return checked(folder, *sorted(path.name for path in folder.iterdir()))


@pytest.mark.parametrize(("file", "program"), [("good.py", ADAPTER), ("client.py", CLIENT)])
def test_a_good_program_passes_and_no_type_that_it_sees_is_any(verdicts: str, file: str, program: str) -> None:
    assert not re.findall(rf"^{file}:\d+: error.*", verdicts, re.MULTILINE)
    revealed = re.findall(rf'^{file}:\d+: note: Revealed type is "(.*)"', verdicts, re.MULTILINE)
    assert len(revealed) == program.count("reveal_type(")
    assert not [kind for kind in revealed if re.search(r"\bAny\b", kind)], revealed


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(verdicts: str, mistake: str) -> None:
    index = list(MISTAKES).index(mistake)
    assert re.search(rf"^mistake_{index}\.py:\d+: error: .*\[{MISTAKES[mistake][2]}\]", verdicts, re.MULTILINE), (
        verdicts
    )


def test_the_example_package_passes() -> None:
    assert "Success" in checked(PHONEBOOK.parent, "-p", PHONEBOOK.name)
