"""The adapter to the faulty CRM: a CrmAdapter over HTTP, as small as one can be that keeps the port's promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from fakes.misbehaviour import GOOD_TOKEN
from leadline_server.crm.toolkit.redaction import in_its_words
from leadline_server.domain.contact import Contact, ContactDraft
from leadline_server.domain.crm_errors import (
    CrmAuthFailed,
    CrmError,
    CrmInvalidCursor,
    CrmOutcomeUnknown,
    CrmRateLimited,
    CrmRejected,
    CrmUnavailable,
)
from leadline_server.domain.numbers.phone_number import PhoneNumber
from leadline_server.ports.crm import ContactPage, CrmLog, LogEntry
from leadline_server.ports.crm_call_logs import StoredCallLog
from leadline_server.ports.crm_guarantees import ALL_METHODS, Capabilities, CrmMethod
from yarl import URL

_REFUSED_CREDENTIALS: Final = frozenset({401, 403})
_TOLD_APART: Final = _REFUSED_CREDENTIALS | {429}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCrmConfig:
    """Where the CRM is, and what it promises. Times are in seconds; `deadline` bounds every request."""

    url: str
    token: str = GOOD_TOKEN
    deadline: float = 2.0
    search_lag: float = 0.0
    settle_time: float = 0.0
    unique_keys: bool = False
    finds_logs: bool = True


class HttpCrm:
    """See `ports.crm.CrmAdapter` for what each method promises.

    Args:
        session: keeps the connections; its creator closes it.
        config: where the CRM is, and what it promises.
    """

    def __init__(self, session: aiohttp.ClientSession, config: HttpCrmConfig) -> None:
        self._session = session
        self._url = config.url
        self._token = config.token
        self._headers = {"Authorization": f"Bearer {config.token}"}
        self._timeout = aiohttp.ClientTimeout(total=config.deadline)
        self.capabilities = Capabilities(
            finds_log_by_key=config.finds_logs,
            enforces_unique_key=config.unique_keys,
            moves_log=True,
            methods=ALL_METHODS | {CrmMethod.GET_CALL_LOG},
            search_lag=timedelta(seconds=config.search_lag),
            settle_time=timedelta(seconds=config.settle_time),
        )

    async def find_contacts(self, numbers: Sequence[PhoneNumber]) -> Sequence[Contact]:
        asked = [("number", number.e164 or number.key) for number in numbers]
        answer = await self._read("/contacts", asked)
        return [_contact(body) for body in answer["contacts"]]

    async def get_contact(self, contact_id: str) -> Contact | None:
        answer = await self._read(f"/contacts/{_one_segment(contact_id)}", may_be_missing=True)
        return None if answer is None else _contact(answer)

    async def search_contacts(self, name: str, limit: int, cursor: str) -> ContactPage:
        if cursor and not cursor.isdecimal():
            raise CrmInvalidCursor("The CRM did not make this cursor.")
        answer = await self._read("/contacts/search", [("name", name), ("limit", str(limit)), ("cursor", cursor)])
        return ContactPage(tuple(_contact(body) for body in answer["contacts"]), answer["next"])

    async def create_contact(self, draft: ContactDraft, key: str) -> Contact:
        body = {
            "key": key,
            "name": draft.name,
            "number": draft.phone_number.key,
            "type": draft.type,
            "email": draft.email,
            "company": draft.company,
            "is_placeholder": draft.is_placeholder,
        }
        return _contact(await self._write("POST", "/contacts", body))

    async def create_call_log(self, entry: LogEntry, key: str) -> CrmLog:
        answer = await self._write("POST", "/logs", _told(entry) | {"key": key})
        return CrmLog(answer["id"])

    async def update_call_log(self, log_id: str, entry: LogEntry) -> CrmLog:
        told = _told(entry)
        if not entry.moves:
            del told["contact_id"]
        answer = await self._write("PATCH", f"/logs/{_one_segment(log_id)}", told)
        return CrmLog(answer["id"], contact_id=answer["contact_id"])

    async def find_call_log(self, key: str) -> CrmLog | None:
        answer = await self._read("/logs", [("key", key)], may_be_missing=True)
        return None if answer is None else CrmLog(answer["id"])

    async def get_call_log(self, log_id: str) -> StoredCallLog | None:
        answer = await self._read(f"/logs/{_one_segment(log_id)}", may_be_missing=True)
        if answer is None:
            return None
        return StoredCallLog(
            id=answer["id"], contact_id=answer["contact_id"], subject=answer["subject"], note=answer["note"]
        )

    async def check(self) -> None:
        await self._read("/check")

    async def _read(self, path: str, query: Sequence[tuple[str, str]] = (), *, may_be_missing: bool = False) -> Any:
        """The answer to a question; None for 404 where that is one."""
        try:
            async with self._request("GET", path, params=list(query)) as response:
                if may_be_missing and response.status == 404:
                    return None
                await self._raise_for_status(response, CrmUnavailable)
                return await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise CrmUnavailable("The CRM did not answer.") from error

    async def _write(self, method: str, path: str, body: dict[str, Any]) -> Any:
        try:
            async with self._request(method, path, json=body) as response:
                # A CRM that fails may have done its work before: nothing but a look tells.
                await self._raise_for_status(response, CrmOutcomeUnknown)
                return await response.json()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise CrmUnavailable("The CRM cannot be reached.") from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise CrmOutcomeUnknown("The CRM was told and did not answer.") from error

    def _request(self, method: str, path: str, **content: Any) -> Any:
        return self._session.request(
            method,
            URL(self._url + path, encoded=True),
            headers=self._headers,
            timeout=self._timeout,
            allow_redirects=False,
            **content,
        )

    async def _raise_for_status(self, response: aiohttp.ClientResponse, of_its_own_failure: type[CrmError]) -> None:
        if response.status >= 400 and response.status not in _TOLD_APART and response.status < 500:
            raise CrmRejected(in_its_words((await response.json())["error"], secrets=[self._token]))
        _raise_for(response, of_its_own_failure)


def _raise_for(response: aiohttp.ClientResponse, of_its_own_failure: type[CrmError]) -> None:
    if response.status in _REFUSED_CREDENTIALS:
        raise CrmAuthFailed("The CRM refuses the token.")
    if response.status == 429:
        raise CrmRateLimited("The CRM asks to slow down.", retry_after=float(response.headers["Retry-After"]))
    if response.status >= 500:
        raise of_its_own_failure(f"The CRM failed with status {response.status}.")
    if response.status >= 300:
        raise of_its_own_failure("The CRM sends elsewhere, which is never followed.")


def _one_segment(record_id: str) -> str:
    """An id as one segment of a path, whatever characters it has. Dots alone would be taken for folders."""
    return quote(record_id, safe="").replace(".", "%2E")


def _contact(body: dict[str, Any]) -> Contact:
    return Contact(
        id=body["id"],
        name=body["name"],
        phone_numbers=(body["number"],),
        type=body["type"],
        email=body["email"],
        company=body["company"],
        is_placeholder=body["is_placeholder"],
    )


def _told(entry: LogEntry) -> dict[str, Any]:
    call = entry.call
    return {
        "call_id": call.id,
        "contact_id": entry.contact_id,
        "owner": entry.crm_user_id or entry.user_id,
        "number": entry.number,
        "start_time": (call.start_time or entry.fallback_time).isoformat(),
        "result": call.result.name if call.result else "",
        "subject": call.subject or "",
        "note": call.note or "",
    }
