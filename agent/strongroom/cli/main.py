"""The program: every command in one table, and what holds for all of them.

A command is imported when it is run. Its name and its one line of help are known without it, so `--help` costs the
import of click and nothing else, however heavy a command is.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

import click

from strongroom import __version__
from strongroom.cli.errors import guarded
from strongroom.cli.terminal import HELP_WIDTH, help_width, reopen_standard, report, write_utf8


class CommandEntry(NamedTuple):
    """Where a command is and what the overview says of it. No Struct: `--help` does without that library."""

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

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Complete names and ids from the vault."""
        from strongroom.cli.completions import complete

        return complete(ctx, param, incomplete)


def is_text(text: str) -> bool:
    """Return whether text can be written as UTF-8, and holds no NUL."""
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
                report(f"note: `strongroom {args[0]}` is now `strongroom {name}`; the next version drops the old name")
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
        settings.setdefault("terminal_width", help_width())
        words = list((args[0] if args else settings.get("args")) or sys.argv[1:])
        options = words[: words.index("--")] if "--" in words else words
        code = guarded(lambda: super(Program, self).main(*args, **settings), as_json="--json" in options)
        raise SystemExit(int(code))


SECTIONS = {
    "Set up": {
        "init": CommandEntry("init", "init", "Create a vault, its identities and a configuration."),
        "config": CommandEntry("config", "config", "Check the configuration, or show the values in force."),
        "secret": CommandEntry("secret", "secret", "Store, check or remove the secrets that the configuration names."),
        "source": CommandEntry("doctor", "source", "Check a source before you rely on it, or list the sources."),
        "doctor": CommandEntry("doctor", "doctor", "Check the setup: configuration, disk, clock, keys, providers."),
        "service": CommandEntry(
            "service", "service", "Install the daemon as a service of your own, or show its state."
        ),
        "demo": CommandEntry("demo", "demo", "Archive simulated exports in a new vault, as a demonstration."),
        "sandbox": CommandEntry("sandbox", "sandbox", "Serve a simulated provider on this machine."),
    },
    "Collect": {
        "run": CommandEntry("run", "run", "Export, seal and verify every pending window, then exit."),
        "daemon": CommandEntry("service", "daemon", "Run continuously; `daemon wake` makes it look now."),
        "plan": CommandEntry("plan", "plan", "Show the pending exports; edit, pause or resume a plan."),
        "export": CommandEntry("run", "export", "Export one window of a source now."),
        "jobs": CommandEntry("jobs", "jobs", "List export jobs; show, retry or cancel one."),
    },
    "Find and read": {
        "status": CommandEntry("status", "status", "Show whether everything is all right, and what to do next."),
        "coverage": CommandEntry(
            "coverage", "coverage", "Show which windows are archived, pending, failed, lost or at risk."
        ),
        "archives": CommandEntry("archives", "archives", "List archives; show or re-export one."),
        "search": CommandEntry("search", "search", "Find records by words, people and time, over all archives."),
        "case": CommandEntry("case", "case", "Collect queries, notes, marked records and holds of a matter."),
        "index": CommandEntry("index", "index", "Create missing search segments, or count them."),
        "records": CommandEntry("records", "records", "Write the records of a period as JSON lines, each once."),
        "restore": CommandEntry("restore", "restore", "Write the original file of an archive to disk."),
        "diff": CommandEntry("records", "diff", "Compare two archives record by record."),
        "tui": CommandEntry("tui", "tui", "Open the full-screen interface."),
    },
    "Retain": {
        "retention": CommandEntry("retention", "retention", "Show how long archives are retained, or extend it."),
        "hold": CommandEntry("hold", "hold", "Place, list and release legal holds."),
        "destroy": CommandEntry("destroy", "destroy", "Propose, approve and carry out destruction, with certificates."),
        "subject": CommandEntry(
            "subject_copy", "subject", "Answer people who request their data: find, copy, deadline."
        ),
        "erase": CommandEntry("erase", "erase", "Record and answer erasure requests of data subjects."),
    },
    "Prove": {
        "verify": CommandEntry("restore", "verify", "Check that archives are unchanged."),
        "audit": CommandEntry("audit", "audit", "Read, sign, prove and check the evidence log."),
        "package": CommandEntry("package", "handover", "Create an evidence package for a lawyer or an auditor."),
        "production": CommandEntry(
            "production",
            "production",
            "Produce records as numbered files for a review platform or a regulator.",
        ),
        "reconcile": CommandEntry("reconcile", "reconcile", "Compare two streams: which ids are in one of them only."),
        "report": CommandEntry("report", "report", "Write a report of a period: coverage, gaps, retention, evidence."),
        "log": CommandEntry("audit", "log", "Show the latest events."),
    },
    "Maintain": {
        "copy": CommandEntry("copy", "copy", "Keep second copies of the vault; restore from one."),
        "fleet": CommandEntry(
            "fleet", "fleet", "List the vaults that have a copy in one place: coverage, age, evidence."
        ),
        "repair": CommandEntry(
            "repair", "repair", "Repair damage in the vault from a copy, or in a copy from the vault."
        ),
        "scrub": CommandEntry("scrub", "scrub", "Read every sealed file again, or show the progress."),
        "key": CommandEntry("key", "key", "Manage who can open the vault, and prove that a key works."),
        "notify": CommandEntry("notify", "notify", "Test the alert channels, or list alerts."),
        "recover": CommandEntry("recover", "recover", "Diagnose a damaged vault, and repair what can be repaired."),
        "rebuild": CommandEntry("recover", "rebuild", "Rebuild the catalogue from the log and the manifests."),
        "help": CommandEntry("help", "help_", "Show the help of a command."),
    },
}
"""Every command, grouped by what a person wants to do."""

FIRST = (
    *("init", "doctor", "run", "daemon", "status", "archives", "records", "restore", "verify", "retention", "tui"),
    "help",
)
"""The dozen commands that are enough to begin with."""

RENAMED = {
    "pause": ("plan", "pause"),
    "resume": ("plan", "resume"),
    "wake": ("daemon", "wake"),
    "cancel": ("jobs", "cancel"),
    "regenerate": ("archives", "re-export"),
    "handover": ("package",),
}
"""Names of version 0.3, which work for one more version (docs/decisions/0020-commands-by-what-a-person-wants.md)."""

EPILOG = """Exit codes: 0 done, 1 findings, 2 usage or configuration, 3 provider, 4 vault, 5 vault in use, 6 this
machine, 7 invalid content, 70 a bug, 75 waiting for a quota, 130 interrupted.

Completion for your shell: eval "$(_STRONGROOM_COMPLETE=bash_source strongroom)", or zsh_source, or fish_source."""


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    if ctx.params.get("as_json"):
        from strongroom.cli.output import put_document
        from strongroom.engine.monitor.about import describe_program

        put_document(describe_program())
    else:
        click.echo(f"strongroom {__version__}")
    ctx.exit()


@click.command(
    "strongroom",
    cls=Program,
    sections=SECTIONS,
    first=FIRST,
    renamed=RENAMED,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(),
    metavar="PATH",
    help="The configuration file. By default $STRONGROOM_CONFIG, ./strongroom.toml, the user's, then the system's.",
)
@click.option("--json", "as_json", is_flag=True, is_eager=True, hidden=True)  # known before --version is answered
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit; with --json, also what it runs on, its formats, and a self-test of age.",
)
@click.pass_context
def cli(ctx: click.Context, config_path: str | None, *, as_json: bool) -> None:
    """Archive the exports of Zavu, HookBridge and Qlara before they are deleted, and prove that nothing is missing."""
    from pathlib import Path

    from strongroom.cli.options import Session

    if as_json:
        raise click.UsageError("put --json after the command, as in: strongroom status --json", ctx)
    ctx.obj = Session(None if config_path is None else Path(config_path))


def main() -> None:
    """Run the command line of this process. It may hold keys, so it never leaves a core dump."""
    reopen_standard()
    write_utf8()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cli.main()
