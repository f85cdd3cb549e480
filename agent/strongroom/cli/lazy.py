"""A command is imported when it is run. Its name and its one line of help are known without it.

So `--help` costs the import of click and nothing else, however heavy a command is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click
from msgspec import Struct

from strongroom.cli.errors import guarded
from strongroom.cli.terminal import tell


class CommandEntry(Struct, frozen=True):
    """Where a command is and what the overview says of it."""

    module: str  # below strongroom.cli
    attribute: str
    help: str

    def load(self) -> click.Command:
        """Import the command."""
        command: click.Command = getattr(import_module(f"strongroom.cli.{self.module}"), self.attribute)
        _require_text(command)
        return command


class Text(click.types.StringParamType):
    """Text that can be stored and compared: what is not UTF-8 is refused here, and only paths may be that."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the text. Raises BadParameter for bytes that are not UTF-8, and for a NUL."""
        text = super().convert(value, param, ctx)
        if not is_text(text):
            self.fail(f"expected text in UTF-8, got {text[:60]!a}", param, ctx)
        return text


def is_text(text: str) -> bool:
    """Say whether text can be written as UTF-8, and holds no NUL."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _require_text(command: click.Command) -> None:
    """Let every parameter of a command and of those below it that is plain text refuse what is not UTF-8."""
    for each in command.params:
        if type(each.type) is click.types.StringParamType:
            each.type = Text()
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _require_text(below)


class LazyGroup(click.Group):
    """A group whose commands come from a table of places, shown in the table's sections and order.

    `first` names the commands to learn first. `renamed` maps each former name to the words of the new one: it works, is
    not listed, and leaves a note on standard error.
    """

    def __init__(
        self,
        sections: Mapping[str, Mapping[str, CommandEntry]],
        *,
        first: Sequence[str] = (),
        renamed: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.sections = sections
        self._places = {name: place for places in sections.values() for name, place in places.items()}
        self._first, self._renamed = first, renamed

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click hands it over
        """Name the commands in the order of the table."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, by its name or a former one."""
        first, *rest = self._renamed.get(cmd_name, (cmd_name,))
        place = self._places.get(first)
        command = place.load() if place else None
        for word in rest:
            command = command.get_command(ctx, word) if isinstance(command, click.Group) else None
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click hands it over
        """Write the overview from the table alone."""
        if self._first:
            with formatter.section("Learn these first"):
                formatter.write_text(", ".join(self._first))
        for title, places in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, place.help) for name, place in places.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, with a suggestion where the name is nearly one. A former name is given its new one."""
        if args and args[0] in self._renamed:
            name = " ".join(self._renamed[args[0]])
            if not ctx.resilient_parsing:
                tell(f"note: `strongroom {args[0]}` is now `strongroom {name}`; the next version drops the old name")
            return name, self.get_command(ctx, args[0]), args[1:]
        if args and not args[0].startswith("-") and args[0] not in self._places:
            ctx.fail(f"there is no command {args[0]!r}{''.join(self._nearest(args[0]))}")
        return super().resolve_command(ctx, args)

    def _nearest(self, name: str) -> Iterator[str]:
        from difflib import get_close_matches  # only mistakes pay for it

        near = get_close_matches(name.lower(), list(self._places), n=1)
        if near:
            yield f"; did you mean {near[0]!r}?"


class Program(LazyGroup):
    """The outermost group: whatever happens inside becomes words and an exit code here."""

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run a command line and leave with its exit code. Raises SystemExit, always."""
        settings["standalone_mode"] = False
        settings.setdefault("prog_name", "strongroom")
        words = list((args[0] if args else settings.get("args")) or sys.argv[1:])
        options = words[: words.index("--")] if "--" in words else words
        code = guarded(lambda: super(Program, self).main(*args, **settings), as_json="--json" in options)
        raise SystemExit(int(code))
