"""The commands `leadline users list`, `set`, `delete` and `import`: the directory."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from leadline_server.cli.csv_output import SEPARATOR, AsCsv, print_csv
from leadline_server.cli.exit_codes import ExitCode
from leadline_server.cli.session import Session, remote
from leadline_server.domain.formula_cells import unescaped_cell

if TYPE_CHECKING:  # importing these would slow the start of every command
    from leadline.v1.directory_pb2 import User

COLUMNS: Final = ("user_id", "name", "extensions", "phone_numbers", "emails", "crm_user_id", "is_active")
"""The columns of a file of users. Several values in a cell are separated by semicolons."""

_LISTS: Final = frozenset({"extensions", "phone_numbers", "emails"})
_NO: Final = frozenset({"no", "false", "0", "off"})
_YES: Final = frozenset({"", "yes", "true", "1", "on"})
_SHOWN: Final = 20  # problems that are named; the others are counted
_MAX_BYTES: Final = 16 * 1024 * 1024


@remote
def list_users(
    session: Session,
    *,
    as_csv: AsCsv = False,
) -> None:
    """List the account's users, with their extensions, numbers and e-mail addresses."""
    from leadline_server.cli.output import print_json_array

    users = list(session.client.list_users(page_size=1000))
    if as_csv:
        print_csv(COLUMNS, map(_csv_row, users))
        return
    if session.as_json:
        print_json_array(users)
        return
    _show(session, users)
    session.hint("To add one", "users", "set", "USER", "--extension", "101")


@remote
def set_user(
    session: Session,
    user_id: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")],
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="The user's name.")] = None,
    extension: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="An extension of theirs; repeatable.")
    ] = None,
    number: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="A phone number of theirs; repeatable.")
    ] = None,
    email: Annotated[
        list[str] | None, typer.Option(metavar="ADDRESS", help="An e-mail address of theirs; repeatable.")
    ] = None,
    crm_user_id: Annotated[str | None, typer.Option(metavar="ID", help="Their id in the CRM.")] = None,
    *,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether reports may find this user.")
    ] = None,
) -> None:
    """Create a user, or change what is given of one."""
    from leadline.errors import NotFound
    from leadline.v1.directory_pb2 import User

    try:
        user = session.client.get_user(user_id)
    except NotFound:
        user = User(user_id=user_id)
    for field, value in (("name", name), ("crm_user_id", crm_user_id), ("is_active", active)):
        if value is not None:
            setattr(user, field, value)
    for field, values in (("extensions", extension), ("phone_numbers", number), ("emails", email)):
        if values is not None:
            del getattr(user, field)[:]
            getattr(user, field).extend(value for value in values if value)
    stored = session.client.upsert_user(user)
    _show_one(session, stored)


@remote
def delete_user(
    session: Session, user_id: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
) -> None:
    """Delete a user. Their call logs and preferences stay."""
    session.client.delete_user(user_id)
    session.say(f"User {user_id} is deleted.")


@remote
def import_users(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file; its header names the columns.")],
) -> None:
    """Create or replace users from a CSV file, and say what became of each row.

    Columns: user_id, name, extensions, phone_numbers, emails, crm_user_id, is_active. Semicolons separate several
    values in a cell.
    """
    from leadline.errors import LeadlineError, Unavailable

    taken, refused = 0, list[str]()
    for row in _rows(file):
        if row.user is None:
            refused.append(f"line {row.line}: {row.problem}")
            continue
        try:
            session.client.upsert_user(row.user)
        except Unavailable:
            raise
        except LeadlineError as error:
            refused.append(f"line {row.line}: {error}")
        else:
            taken += 1
    session.say(f"Users taken: {taken:,}. Rows not taken: {len(refused):,}.")
    for problem in refused[:_SHOWN]:
        session.say(f"  {problem}")
    if len(refused) > _SHOWN:
        session.say(f"  and {len(refused) - _SHOWN:,} more")
    if refused:
        raise typer.Exit(ExitCode.REFUSED)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a file: a user, or the reason that it is none."""

    line: int
    user: "User | None"
    problem: str = ""


def _rows(file: Path) -> Iterator[_Row]:
    """The rows of a CSV file. Raises typer.BadParameter for a file that is none."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise typer.BadParameter(f"{file} is larger than {_MAX_BYTES // 1024 // 1024} MB")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file} is not in UTF-8") from None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = [name.strip().casefold() for name in next(reader, [])]
        _check_header(header)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _row(reader.line_num, header, cells)
    except csv.Error as error:
        raise typer.BadParameter(f"{file}, line {reader.line_num}: {error}") from None


def _check_header(header: Sequence[str]) -> None:
    if unknown := [name for name in header if name not in COLUMNS]:
        raise typer.BadParameter(f"there is no column {', '.join(unknown)}; known are {', '.join(COLUMNS)}")
    if "user_id" not in header:
        raise typer.BadParameter("the header has no column user_id")


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> _Row:
    from leadline.v1.directory_pb2 import User

    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        return _Row(line, None, f"it has {len(cells)} cells, and the header has {len(header)}")
    user = User()
    for name, cell in zip(header, cells, strict=False):
        value = unescaped_cell(cell.strip())
        if name in _LISTS:
            getattr(user, name).extend(part.strip() for part in value.split(";") if part.strip())
        elif name == "is_active":
            if value.casefold() not in _YES | _NO:
                return _Row(line, None, f"is_active is {value!r}; write yes or no")
            user.is_active = value.casefold() in _YES
        else:
            setattr(user, name, value)
    return _Row(line, user)


def _csv_row(user: "User") -> tuple[str, ...]:
    lists = (SEPARATOR.join(values) for values in (user.extensions, user.phone_numbers, user.emails))
    return (user.user_id, user.name, *lists, user.crm_user_id, "yes" if user.is_active else "no")


def _show(session: Session, users: "Sequence[User]") -> None:
    from leadline_server.cli.output import Column, table

    if not users:
        session.say(f"Account {session.account} has no users.")
        return
    columns = [
        Column("User"),
        Column("Name", can_shrink=True),
        Column("Extensions", can_shrink=True),
        Column("Numbers", can_shrink=True),
        Column("E-mail", can_shrink=True, drop_order=1),
        Column("CRM id", drop_order=2),
        Column(""),
    ]
    table(session.console, columns, [_cells(user) for user in users])


def _cells(user: "User") -> tuple[str, ...]:
    lists = (", ".join(values) for values in (user.extensions, user.phone_numbers, user.emails))
    return (user.user_id, user.name, *lists, user.crm_user_id, "" if user.is_active else "inactive")


def _show_one(session: Session, user: "User") -> None:
    from leadline_server.cli.output import print_json

    if session.as_json:
        print_json(user)
    else:
        _show(session, [user])
