"""`strongroom help [COMMAND]`: the same text as `--help`, and the manual page made from it."""

from __future__ import annotations

import click

from strongroom.cli.terminal import say


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.option("--man", is_flag=True, help="Print the manual page of all commands, for `man`.")
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...], man: bool) -> None:
    """Show the help of a command, such as `strongroom help archives show`; without one, the overview."""
    top = ctx.find_root()
    if man:
        from strongroom.cli.man_page import manual_page

        click.echo(manual_page(top), nl=False)
        return
    say(find_context(top, words).get_help())


def find_context(top: click.Context, words: tuple[str, ...]) -> click.Context:
    """Return the context of a command by its words. Raises UsageError where there is no such command."""
    found = top
    for number, word in enumerate(words):
        group = found.command
        name: str | None = word
        command = None
        if isinstance(group, click.Group):
            name, command, _rest = group.resolve_command(found, list(words[number:]))
        if command is None:
            found.fail(f"`{found.command_path}` has no command {word!r}")
        found = click.Context(command, info_name=name, parent=found)
    return found
