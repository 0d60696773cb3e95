"""The commands `leadline account create`, `get`, `list`, `update`, `disable`, `delete` and `export`."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.session import Session, remote

if TYPE_CHECKING:  # importing these would slow the start of every command
    from collections.abc import Callable

    from leadline import Client
    from leadline.admin.v1.account_pb2 import Account

Id = Annotated[str, typer.Argument(metavar="ID", help="The account; by default that of --account.")]
RequiredId = Annotated[str, typer.Argument(metavar="ID", help="The account.")]
Title = Annotated[str, typer.Option(metavar="TEXT", help="Its name for people.")]

_OWNERS: Final = {1: "settings file", 2: "API"}
_STATES: Final = {1: "active", 2: "disabled"}


@remote
def create(
    session: Session,
    account_id: RequiredId,
    title: Title = "",
    region: Annotated[str, typer.Option(metavar="CODE", help="The region of numbers without a country code.")] = "",
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="The IANA time zone in which people see times.")] = "",
) -> None:
    """Create an account. It uses the embedded CRM until it is connected to another."""
    _show(
        session,
        account_id,
        lambda client: client.create_account(title=title, default_region=region, time_zone=time_zone),
    )


@remote
def get(session: Session, account_id: Id = "") -> None:
    """Show an account: its title, its state, and who administers it."""
    _show(session, account_id, lambda client: client.get_account())


@remote
def list_accounts(session: Session) -> None:
    """List the accounts of the server."""
    from leadline_server.cli.output import Column, print_json_array, table

    found = session.client.list_accounts(page_size=1000)
    if session.as_json:
        print_json_array(found)
        return
    columns = [Column(name) for name in ("Account", "Title", "State", "Administered by")]
    table(session.console, columns, [list(_row(account)) for account in found])


@remote
def update(session: Session, title: Title, account_id: Id = "") -> None:
    """Change an account's title. `leadline account set` changes its settings."""
    _show(session, account_id, lambda client: client.update_account(title=title))


@remote
def disable(
    session: Session,
    account_id: RequiredId,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Serve it again.")] = False,
) -> None:
    """Stop serving an account: its requests are refused, and its calls wait. Nothing is lost."""
    _show(session, account_id, lambda client: client.disable_account(enable=undo))


@remote
def delete(
    session: Session,
    account_id: RequiredId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete an account with its calls, users, keys, secrets, and contacts of the embedded CRM. It cannot be undone."""
    if not yes:
        typer.confirm(f"Delete account {account_id} with all its data?", abort=True)
    session.client.using(account=account_id).delete_account()
    session.say(f"Account {account_id} is deleted.")


@remote
def export(session: Session, account_id: Id = "") -> None:
    """Print what leadline has of an account, but no secrets: one JSON document a line."""
    from leadline_server.cli.output import print_json_line

    for item in _client(session, account_id).export_account():
        print_json_line(item)


def _client(session: Session, account_id: str) -> "Client":
    return session.client.using(account=account_id) if account_id else session.client


def _show(session: Session, account_id: str, ask: "Callable[[Client], Account]") -> None:
    from leadline_server.cli.output import print_json

    account = ask(_client(session, account_id))
    if session.as_json:
        print_json(account)
        return
    name, title, state, owner = _row(account)
    session.say(f"Account {name}: {f'{title}, ' if title else ''}{state}, administered by the {owner}.")


def _row(account: "Account") -> tuple[str, str, str, str]:
    return account.account_id, account.title, _STATES[account.state], _OWNERS[account.owner]
