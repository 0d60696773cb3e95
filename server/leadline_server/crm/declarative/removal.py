"""Deletes a contact that no one has used, by the operations of a definition."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from leadline_server.crm.declarative.compiled_definition import CompiledDefinition, CompiledOperation
from leadline_server.crm.declarative.operation_sender import OperationSender, RequestQuota
from leadline_server.crm.declarative.operations import RelatedRecordsOperation
from leadline_server.crm.toolkit.contact_use import use_of
from leadline_server.domain.crm_errors import CrmRejected
from leadline_server.ports.crm import ContactUse

Values = Mapping[str, Any]


async def remove_unused(
    definition: CompiledDefinition,
    sender: OperationSender,
    kind: str,
    values: Values,
    log_ids: Collection[str],
    *,
    only_check: bool,
) -> ContactUse:
    """See ports.crm.ContactDeleter. `values` are those of a contact of `kind`.

    If leadline's user may not read one of the lists, the CRM does not tell.
    """
    use, related, delete = definition.contact_use, definition.related_records, definition.delete_contact
    if use is None or related is None or delete is None:
        raise CrmRejected("The definition of this CRM does not delete contacts.")
    quota, none = sender.quota(), use.defined.response.none_statuses
    answer = await sender.ask(use, values, quota, none)
    if answer.status in none:
        return ContactUse.UNUSED
    reads = [partial(_others, related, sender, name, values, log_ids, quota) for name in _lists(related.defined, kind)]
    found = await sender.together(reads)
    others = [record_id for ids in found if ids is not None for record_id in ids]
    told = use_of(is_edited=use.path("edited").holds(answer.json()), other_records=others, log_ids=())
    if told is ContactUse.UNUSED and None in found:
        return ContactUse.UNKNOWN
    if told is ContactUse.UNUSED and not only_check:
        await sender.tell(delete, values, accept=delete.defined.response.gone_statuses)
    return told


def _lists(related: RelatedRecordsOperation, kind: str) -> Iterator[str]:
    yield from related.lists
    yield from related.more_lists.get(kind, ())


async def _others(
    related: CompiledOperation[RelatedRecordsOperation],
    sender: OperationSender,
    name: str,
    values: Values,
    log_ids: Collection[str],
    quota: RequestQuota,
) -> list[str] | None:
    """The ids in a list, without leadline's own logs; None if the CRM does not tell them."""
    untold = related.defined.response.untold_statuses
    answer = await sender.ask(related, {**values, "list": name}, quota, untold)
    if answer.status in untold:
        return None
    document = answer.json()
    if not isinstance(related.path("ids").find(document), list):
        raise answer.unusable("has no list of ids at the definition's path")
    own = frozenset(log_ids) if name == related.defined.log_list else frozenset()
    return [record_id for record_id in related.path("ids").texts(document) if record_id not in own]
