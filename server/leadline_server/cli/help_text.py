"""Help as plain text: each option with a word for its value, and no types of Python such as `<list[str]>`."""

import re
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

WIDTH: Final = {"max_content_width": 120}
_WORDS: Final = {
    "<bool>": "",
    "<str>": "TEXT",
    "<path>": "PATH",
    "<file>": "FILE",
    "<int>": "NUMBER",
    "<float>": "NUMBER",
    "<int range>": "NUMBER",
    "<float range>": "NUMBER",
}


class PlainCommand(TyperCommand):
    """A command whose help names its arguments as its usage line does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; an invalid value is named without the words of the validating library."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections "Arguments" and "Options"."""
        parameters = [parameter for parameter in self.get_params(ctx) if parameter.get_help_record(ctx)]
        sections = {"Arguments": "argument", "Options": "option"}
        for title, kind in sections.items():
            rows = [_row(parameter, ctx) for parameter in parameters if parameter.param_type_name == kind]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's signature
        """Write the section "Examples", a command a line."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line without braces: `NUMBER...`, not `{NUMBER}...`."""
        return [re.sub(r"[{}]", "", piece).upper() for piece in super().collect_usage_pieces(ctx)]


class PlainGroup(TyperGroup):
    """A group of commands with the same help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, then the commands."""
        PlainCommand.format_options(self, ctx, formatter)  # type: ignore[arg-type] # both are commands of click
        self.format_commands(ctx, formatter)


def _row(parameter: Any, ctx: Any) -> tuple[str, str]:
    name, meaning = parameter.get_help_record(ctx)
    if parameter.param_type_name == "argument":
        name = (parameter.metavar or parameter.name).upper()
    name = re.sub(r"<list\[(.*)\]>", r"<\1>", name)
    return re.sub(r"<[^<>]+>", lambda found: _WORDS.get(found[0], found[0]), name).rstrip(), meaning
