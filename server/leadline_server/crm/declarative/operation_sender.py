"""Sends the requests of a definition, page by page, within the limits of one call of leadline."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from yarl import URL

from leadline_server.crm.declarative import template_values
from leadline_server.crm.declarative.compiled_definition import CompiledOperation
from leadline_server.crm.declarative.definition import Limits
from leadline_server.crm.declarative.request_template import BuiltRequest
from leadline_server.crm.toolkit import HttpAnswer, HttpClient
from leadline_server.crm.toolkit.field_values import Values
from leadline_server.crm.toolkit.http_client import Content
from leadline_server.definitions.templates import Context, TemplateFailed
from leadline_server.domain.crm_errors import CrmError, CrmRejected, CrmTooMuch, CrmUnavailable

T = TypeVar("T")

FoundRecords = list[tuple[Mapping[str, Any], HttpAnswer]]
"""Records, each with the answer that it was in."""


_LOOPS: Final = "names itself as the next page"


@contextmanager
def reading(answer: HttpAnswer) -> Iterator[None]:
    """Read an answer in the body. If that costs too much after a write, the outcome of the write is unknown."""
    try:
        yield
    except CrmTooMuch as error:
        if not answer.is_write:
            raise
        raise answer.unusable("takes too long to read") from error


class Observer(Protocol):
    """Sees every request, without its authorization, and every answer."""

    def sent(self, operation: str, request: BuiltRequest) -> None:
        """A request is about to be sent."""
        ...

    def received(self, answer: HttpAnswer) -> None:
        """An answer came."""
        ...


class RequestQuota:
    """The number of requests that one lookup may still send."""

    def __init__(self, requests: int) -> None:
        self._whole = requests
        self._left = requests

    def spend(self) -> None:
        """Count one request. Raises CrmTooMuch if no request is left."""
        self._left -= 1
        if self._left < 0:
            raise CrmTooMuch(f"This takes more than {self._whole} requests to the CRM.")


@dataclass(frozen=True, slots=True)
class OperationSender:
    """Sends the operations of a definition to the CRM.

    Args:
        client: the HTTP client of the connection.
        base_url: the CRM's address.
        limits: the limits of one call.
        observer: sees all requests and answers; None: there is no observer.
    """

    client: HttpClient
    base_url: str
    limits: Limits
    observer: Observer | None = None

    def quota(self) -> RequestQuota:
        """The quota of one lookup."""
        return RequestQuota(self.limits.requests)

    async def ask(
        self,
        operation: CompiledOperation[Any],
        values: Context,
        quota: RequestQuota | None = None,
        accept: Collection[int] = (),
    ) -> HttpAnswer:
        """Send an operation that reads. The statuses in `accept` are no errors. Raises what HttpClient.ask raises."""
        try:
            built = operation.request.built(values)
        except TemplateFailed as error:
            raise CrmUnavailable(f"The definition does not fit: {error}.") from error
        return await self._answer(operation, built, quota, accept)

    async def tell(
        self,
        operation: CompiledOperation[Any],
        values: Context,
        own: Context | None = None,
        accept: Collection[int] = (),
    ) -> HttpAnswer:
        """Send an operation that changes data, with `own` fields of the settings. Raises as HttpClient.tell."""
        try:
            built = operation.request.built(values, own)
        except TemplateFailed as error:
            raise CrmRejected(f"The definition does not fit: {error}.") from error
        if self.observer:
            self.observer.sent(operation.name, built)
        answer = await self.client.tell(built.method, built.address, **_content(built, accept))
        if self.observer and answer.status in accept:
            self.observer.received(answer)
        return answer

    async def records(
        self,
        operation: CompiledOperation[Any],
        values: Context,
        name: str,
        quota: RequestQuota,
        most: int | None = None,
    ) -> FoundRecords:
        """All records that an operation finds, on all pages; the first `most` if there are so many.

        `name` is the expression that finds them: `contacts`.

        Raises:
            CrmUnavailable: some records cannot be read, so cannot tell; CrmTooMuch if there are too many.
        """
        found, accept = FoundRecords(), frozenset(operation.defined.response.none_statuses)
        paging = operation.defined.response.paging
        page = template_values.PAGING | {"size": paging.size if paging and paging.size else 0}
        address = ""
        for index in range(self.limits.pages):
            answer = await self._page(operation, {**values, **page}, address, quota, accept if not index else ())
            if answer.status in accept:
                return found
            records = _records(operation, answer, name)
            found += [(record, answer) for record in records]
            if most is not None and len(found) >= most:
                return found[:most]
            following = _following(operation, answer, page, len(records)) if paging else None
            if following is None:
                return found
            if isinstance(following, str):
                if following == address:
                    raise answer.unusable(_LOOPS)
                address = following
            else:
                page = following
        raise CrmTooMuch(f"The CRM found more than fits into {self.limits.pages} pages.")

    async def together(self, actions: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
        """The results of actions, of which `limits.at_once` run at the same time. The first failure ends the others."""
        slots = asyncio.Semaphore(self.limits.at_once)

        async def in_slot(action: Callable[[], Awaitable[T]]) -> T:
            async with slots:
                return await action()

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(in_slot(action)) for action in actions]
        except* CrmError as errors:
            raise _first(errors) from None
        return [task.result() for task in tasks]

    async def _page(
        self,
        operation: CompiledOperation[Any],
        values: Context,
        address: str,
        quota: RequestQuota,
        accept: Collection[int],
    ) -> HttpAnswer:
        if not address:
            return await self.ask(operation, values, quota, accept)
        built = BuiltRequest(method="GET", address=str(URL(f"{self.base_url}/").join(URL(address))))
        return await self._answer(operation, built, quota, accept)

    async def _answer(
        self,
        operation: CompiledOperation[Any],
        built: BuiltRequest,
        quota: RequestQuota | None,
        accept: Collection[int],
    ) -> HttpAnswer:
        if quota:
            quota.spend()
        if self.observer:
            self.observer.sent(operation.name, built)
        answer = await self.client.ask(built.method, built.address, **_content(built, accept))
        if self.observer and answer.status in accept:  # other answers reach the observer on their way to AnswerErrors
            self.observer.received(answer)
        return answer


def _content(built: BuiltRequest, accept: Collection[int] = ()) -> Content:
    content = Content(headers=built.headers, scope=built.scope, accept=accept)
    if built.form is not None:
        content["form"] = built.form
    elif built.json is not None:
        content["json"] = built.json
    return content


def _records(operation: CompiledOperation[Any], answer: HttpAnswer, name: str) -> Sequence[Mapping[str, Any]]:
    document = answer.json()
    records = operation.path(name).records(document)
    if records is None:
        raise answer.unusable("has no list of records at the definition's path")
    complete = operation.answer.get("complete")
    if complete is not None and not complete.holds(document):
        raise CrmTooMuch("The CRM found more records than it sent.")
    return records


def _following(operation: CompiledOperation[Any], answer: HttpAnswer, page: Context, count: int) -> Values | str | None:
    """The template values of the next page, or its address; None after the last page."""
    paging, document = operation.defined.response.paging, answer.json()
    if paging.next is not None:
        cursor = operation.path("next").text(document)
        if cursor and cursor == page["cursor"]:
            raise answer.unusable(_LOOPS)
        return {**page, "cursor": cursor, "page": page["page"] + 1} if cursor else None
    if paging.next_url is not None:
        return operation.path("next_url").text(document) or None
    total = operation.answer["total"].find(document) if paging.total else None
    end = page["offset"] + count
    is_counted = isinstance(total, int) and not isinstance(total, bool) and total >= 0
    if not (end < total if is_counted else count >= paging.size):
        return None
    if not count:
        raise answer.unusable("ends before the total that it names")
    return {**page, "offset": end, "page": page["page"] + 1}


def _first(errors: BaseExceptionGroup[CrmError]) -> CrmError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
