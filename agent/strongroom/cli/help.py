"""`strongroom help [COMMAND]`: the same text as `--help`, and the manual page made from it.

The page has no date, so that the same program always makes the same page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from strongroom import __version__
from strongroom.cli.terminal import say


@click.command("help")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.option("--man", is_flag=True, help="Print the manual page of all commands, or of one, for `man`.")
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...], man: bool) -> None:
    """Show the help of a command, such as `strongroom help archives show`; without one, the overview."""
    top = ctx.find_root()
    if man:
        click.echo(command_page(find_context(top, words)) if words else manual_page(top), nl=False)
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


_EXIT_CODES = (
    ("0", "Done, and nothing is wrong."),
    ("1", "Something was found: a failed check, a failed or lost window, work that still waits."),
    ("2", "Wrong usage, or a mistake in the configuration."),
    ("3", "A provider refused or did not answer."),
    ("4", "The vault cannot be used or read."),
    ("5", "Another process is using the vault."),
    ("6", "This machine: disk, clock or permissions."),
    ("7", "Content that is not what was archived."),
    ("70", "A bug."),
    ("75", "The rest waits for the export quota of the provider."),
    ("130", "Interrupted."),
)
_FILES = (
    ("./strongroom.toml", "The configuration in the working directory."),
    ("$XDG_CONFIG_HOME/strongroom/config.toml", "The configuration of the user; ~/.config by default."),
    ("/etc/strongroom/config.toml", "The configuration of the system."),
)
_ENVIRONMENT = (
    ("STRONGROOM_CONFIG", "The configuration file, if --config does not name one."),
    ("STRONGROOM_PASSPHRASE_FILE", "A file with the passphrase of the identity."),
    ("STRONGROOM_DEBUG", "With 1, a bug is reported with its traceback."),
    ("NO_COLOR", "If it is set, output has no color."),
)


def manual_page(top: click.Context) -> str:
    """Return the manual page of a program and of every command in it, as man(7) source."""
    program = top.command
    short, _, _more = (program.help or "").partition("\n")
    lines = [
        *(".nh", ".ad l"),  # no word is broken, and commands can be copied
        f'.TH STRONGROOM 1 "" "strongroom {__version__}" "User Commands"',
        *(".SH NAME", f"strongroom \\- {_text(short[:1].lower() + short[1:].rstrip('.'))}"),
        *(".SH SYNOPSIS", ".B strongroom", "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]..."),
        *(".SH DESCRIPTION", _text(program.help or "")),
        *(".SH OPTIONS", *_options(program, top)),
    ]
    for title, names in _sections(program, top):
        lines.append(f".SH {_text(title.upper())}")
        for name in names:
            lines += _command(program, top, name)
    for title, pairs in (("EXIT STATUS", _EXIT_CODES), ("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        lines += [f".SH {title}", *(line for term, words in pairs for line in _term(term, words))]
    lines += [".SH SEE ALSO", ".BR age (1),", ".BR systemd (1)"]
    return "\n".join(lines) + "\n"


def command_page(ctx: click.Context) -> str:
    """Return the manual page of one command and of those below it, as man(7) source."""
    name = ctx.command_path.replace(" ", "-")
    short = " ".join((ctx.command.help or "").split()).partition(". ")[0]
    below = list(_command(ctx.parent.command, ctx.parent, ctx.info_name or "")) if ctx.parent else []
    return "\n".join(
        [
            *(".nh", ".ad l"),
            f'.TH {_text(name.upper())} 1 "" "strongroom {__version__}" "User Commands"',
            *(".SH NAME", f"{_text(name)} \\- {_text(short[:1].lower() + short[1:].rstrip('.'))}"),
            *(".SH DESCRIPTION", *below),
            *(".SH EXIT STATUS", *(line for term, words in _EXIT_CODES for line in _term(term, words))),
            *(".SH SEE ALSO", ".BR strongroom (1),", ".BR strongroom\\-config (5)", ""),
        ]
    )


def _sections(program: click.Command, top: click.Context) -> Iterator[tuple[str, list[str]]]:
    sections = getattr(program, "sections", None)
    if sections:
        yield from ((f"{title} commands", list(places)) for title, places in sections.items())
    elif isinstance(program, click.Group):
        yield "commands", program.list_commands(top)


def _command(group: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    """Yield a command, then those below it."""
    command = group.get_command(parent, name) if isinstance(group, click.Group) else None
    if command is None or command.hidden:
        return
    ctx = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(piece for piece in command.collect_usage_pieces(ctx) if piece != "[OPTIONS]")
    yield f".SS {_text(ctx.command_path)}"
    yield f".B {_text(ctx.command_path)}"
    yield _text(f"[OPTIONS] {usage}".strip())
    for paragraph in re.split(r"\n\s*\n", command.help or ""):
        yield from (".PP", _text(paragraph))
    yield from _options(command, ctx)
    if isinstance(command, click.Group):
        for below in command.list_commands(ctx):
            yield from _command(command, ctx, below)


def _options(command: click.Command, ctx: click.Context) -> Iterator[str]:
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if record is not None and "--help" not in param.opts:
            yield from _term(*record)


def _term(term: str, words: str) -> Iterator[str]:
    yield from (".TP", f"\\fB{_text(term)}\\fR", _text(words) or "\\&")


def _text(words: str) -> str:
    """Return words that groff prints as they are: one line, no request at its start, hyphens that can be copied."""
    plain = " ".join(words.replace("\b", "").split())
    plain = plain.replace("\\", "\\e").replace("-", "\\-")
    plain = re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", plain)
    return f"\\&{plain}" if plain[:1] in (".", "'") else plain
