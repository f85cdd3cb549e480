"""The overview of commands, and what holds for all of them."""

from __future__ import annotations

import resource
from pathlib import Path

import click

from strongroom import __version__
from strongroom.cli.lazy import CommandEntry, Program
from strongroom.cli.options import Session
from strongroom.cli.terminal import reopen_standard, write_utf8

SECTIONS = {
    "Set up": {
        "init": CommandEntry("init", "init", "Create a vault, its identities and a configuration."),
        "config": CommandEntry("config", "config", "Check the configuration, or show the values in force."),
        "secret": CommandEntry("secret", "secret", "Store, check or remove the secrets that the configuration names."),
        "source": CommandEntry("source", "source", "Check a source before you rely on it, or list the sources."),
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
        "records": CommandEntry("records", "records", "Write the records of a period as JSON lines, each once."),
        "restore": CommandEntry("restore", "restore", "Write the original file of an archive to disk."),
        "diff": CommandEntry("diff", "diff", "Compare two archives record by record."),
        "tui": CommandEntry("tui", "tui", "Open the full-screen interface."),
    },
    "Retain": {
        "retention": CommandEntry("retention", "retention", "Show how long archives are retained, or extend it."),
        "hold": CommandEntry("hold", "hold", "Place, list and release legal holds."),
        "destroy": CommandEntry("destroy", "destroy", "Propose, approve and carry out destruction, with certificates."),
        "erase": CommandEntry("erase", "erase", "Record and answer erasure requests of data subjects."),
    },
    "Prove": {
        "verify": CommandEntry("restore", "verify", "Check that archives are unchanged."),
        "audit": CommandEntry("audit", "audit", "Read, sign, prove and check the evidence log."),
        "package": CommandEntry("package", "handover", "Create an evidence package for a lawyer or an auditor."),
        "log": CommandEntry("log", "log", "Show the latest events."),
    },
    "Maintain": {
        "scrub": CommandEntry("scrub", "scrub", "Read every sealed file again, or show the progress."),
        "key": CommandEntry("key", "key", "Manage who can open the vault, and prove that a key works."),
        "notify": CommandEntry("notify", "notify", "Test the alert channels, or list alerts."),
        "recover": CommandEntry("recover", "recover", "Diagnose a damaged vault, and repair what can be repaired."),
        "rebuild": CommandEntry("recover", "rebuild", "Rebuild the catalogue from the log and the manifests."),
        "help": CommandEntry("help", "help_", "Show the help of a command."),
    },
}
"""Every command, in the groups of what a person wants."""

FIRST = (
    *("init", "doctor", "run", "daemon", "status", "archives", "records", "restore", "verify", "retention", "tui"),
    "help",
)
"""The dozen words that are enough for a beginning."""

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
machine, 7 unsound content, 70 a bug, 75 waiting for a quota, 130 interrupted.

Completion for your shell: eval "$(_STRONGROOM_COMPLETE=bash_source strongroom)", or zsh_source, or fish_source."""


@click.command(
    "strongroom",
    cls=Program,
    sections=SECTIONS,
    first=FIRST,
    renamed=RENAMED,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The configuration file. By default $STRONGROOM_CONFIG, ./strongroom.toml, the user's, then the system's.",
)
@click.version_option(__version__, prog_name="strongroom", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, config_path: Path | None) -> None:
    """Archive what Zavu, HookBridge and Qlara export before they delete it, and prove that nothing is missing."""
    ctx.obj = Session(config_path)


def main() -> None:
    """Run the command line of this process. It may hold keys, so it never leaves a core dump."""
    reopen_standard()
    write_utf8()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cli.main()
