"""`leadline audit list`, and an export of the audit trail over a server: for those who do not have its files."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.keys import OfPlatform, of_platform, time_of
from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline import Client
    from leadline.admin.v1.audit_service_pb2 import AuditAnchor, AuditEntry

    from leadline_server.domain.audit_chain import Anchor

_PAGE: Final = 1000


@remote
def list_audit(
    session: Session,
    since: Annotated[str, typer.Option(metavar="TIME", help="From this time on: 2027-01-31.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Before this time.")] = "",
    action: Annotated[str, typer.Option(metavar="ACTION", help="This action alone: key.revoked.")] = "",
    limit: Annotated[int, typer.Option(min=0, metavar="COUNT", help="The most entries; 0: all.")] = 100,
    *,
    platform: OfPlatform = False,
) -> None:
    """List who changed what in the account, oldest first. With --platform: the entries of no account."""
    from leadline_server.cli.output import Column, print_json_array, table

    pages = of_platform(session.client, is_of_platform=platform).list_audit_entries(
        start_time=time_of("--since", since) if since else None,
        end_time=time_of("--until", until) if until else None,
        action=action,
        page_size=min(limit, _PAGE) or _PAGE,
    )
    entries = list(session.limited((entry for page in pages for entry in page.entries), limit))
    if session.as_json:
        print_json_array(entries)
        return
    if not entries:
        session.say("There are no entries.")
        return
    columns = [Column(name) for name in ("Time", "Action", "Actor", "For")]
    columns += [Column("Subject", can_shrink=True), Column("What", can_shrink=True)]
    table(session.console, columns, [_row(entry) for entry in entries])


def exported_lines(client: "Client", account_id: str) -> Iterator[str]:
    """The lines of an export of one account, which `leadline audit verify` reads."""
    from leadline_server.audit.export import anchor_line, entry_line, first_line, start_line
    from leadline_server.domain.audit_chain import ChainedEntry

    yield first_line()
    end = None
    for page in client.using(account=account_id).list_audit_entries(page_size=_PAGE):
        if end is None:
            yield start_line(_anchor(account_id, page.start))
            end = _anchor(account_id, page.end)
        for entry in page.entries:
            at = entry.time.seconds * 1_000_000 + entry.time.nanos // 1000
            if entry.sequence <= end.sequence:  # newer ones belong to the next export
                yield entry_line(ChainedEntry(account_id, entry.sequence, at, entry.document.encode(), entry.hash))
    if end is not None:
        yield anchor_line(end)


def _anchor(account_id: str, anchor: "AuditAnchor") -> "Anchor":
    from leadline_server.domain.audit_chain import Anchor

    return Anchor(account_id, anchor.sequence, anchor.hash)


def _row(entry: "AuditEntry") -> Sequence[str]:
    time: datetime = entry.time.ToDatetime(UTC)
    what = ", ".join(entry.fields) or entry.reason.lower()
    count = f" ({entry.count:,})" if entry.count != 1 else ""
    at = time.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
    return at, entry.action, entry.actor, entry.on_behalf_of, entry.subject, f"{what}{count}".strip()
