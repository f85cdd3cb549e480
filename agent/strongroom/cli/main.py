"""The overview of commands, and what holds for all of them."""

from __future__ import annotations

import resource
from pathlib import Path

import click

from strongroom import __version__
from strongroom.cli.descriptors import reopen_standard, write_utf8
from strongroom.cli.lazy import Place, Program
from strongroom.cli.session import Session

SECTIONS = {
    "Begin": {
        "demo": Place("demo", "demo", "Watch simulated exports become sealed archives in a fresh vault."),
        "init": Place("init", "init", "Make a vault, its identities and a configuration."),
        "config": Place("config", "config", "Check the configuration, or show what is in force."),
        "secret": Place("secret", "secret", "Keep a secret in the desktop's keyring, or see that one is found."),
        "source": Place("source", "source", "Look at a source before relying on it, or list what there is."),
        "doctor": Place("doctor", "doctor", "Check everything the archive depends on, each with a hint."),
    },
    "Archive": {
        "run": Place("run", "run", "Bring everything that is due into the vault."),
        "export": Place("export", "export", "Bring one window into the vault now."),
        "plan": Place("plan", "plan", "Show the work that lies ahead, before it begins."),
        "daemon": Place("daemon", "daemon", "Keep everything covered, unattended."),
        "service": Place("service", "service", "Put the daemon under your own systemd, or see how it does there."),
    },
    "Look": {
        "coverage": Place("coverage", "coverage", "Show what is held, due, missing or lost, and what is at risk."),
        "status": Place("status", "status", "Show the vault at a glance."),
        "jobs": Place("jobs", "jobs", "List export jobs; `jobs show ID` tells one from its beginning."),
        "archives": Place("archives", "archives", "List archives; `archives show ID` tells what one is."),
        "log": Place("log", "log", "Show what happened last."),
        "notify": Place("notify", "notify", "Test the channels that raise the alarm, or list what was raised."),
        "tui": Place("tui", "tui", "Open the screen of jobs and archives."),
    },
    "Steer": {
        "pause": Place("wishes", "pause", "Ask for nothing new of a stream or a source."),
        "resume": Place("wishes", "resume", "Let a paused stream or source go on."),
        "wake": Place("wishes", "wake", "Have the daemon look now for what is due."),
        "cancel": Place("wishes", "cancel", "Stop working on a job."),
        "regenerate": Place("wishes", "regenerate", "Export an archive's window afresh, beside the first."),
    },
    "Prove and restore": {
        "scrub": Place("scrub", "scrub", "Read every sealed byte again, or see how far that is."),
        "audit": Place("audit", "audit", "Read, sign, prove and check the evidence log."),
        "verify": Place("verify", "verify", "Check that archives are what was archived."),
        "rebuild": Place("rebuild", "rebuild", "Make the catalogue again from log and manifests."),
        "recover": Place("recover", "recover", "Find out what is wrong with a vault, and mend what can be mended."),
        "restore": Place("restore", "restore", "Write an archive's original bytes, or its members, to disk."),
        "handover": Place("handover", "handover", "Put archives with their evidence in a folder for somebody else."),
        "diff": Place("diff", "diff", "Compare two archives record by record."),
        "records": Place("records", "records", "Write a period's records, each once, as JSON lines."),
    },
    "Keep and destroy": {
        "retention": Place("retention", "retention", "Show how long archives are kept, or keep them longer."),
        "hold": Place("hold", "hold", "Keep archives for a matter, whatever their periods say."),
        "destroy": Place("destroy", "destroy", "Destroy what is due: proposed, approved by somebody else, certified."),
        "erase": Place("erase", "erase", "Record and answer requests of persons to be erased."),
    },
    "Keys": {
        "key": Place("key", "key", "See and change who can open the vault, and prove that somebody can."),
    },
    "Try out": {
        "sandbox": Place("sandbox", "sandbox", "Serve a simulated provider on this machine."),
    },
}

EPILOG = """Exit codes: 0 done, 1 findings, 2 usage or configuration, 3 provider, 4 vault, 5 vault in use, 6 this
machine, 7 unsound content, 70 a bug, 130 interrupted.

Completion for your shell: eval "$(_STRONGROOM_COMPLETE=bash_source strongroom)", or zsh_source, or fish_source."""


@click.command(
    "strongroom",
    cls=Program,
    sections=SECTIONS,
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
    """Keep a gap-free, provable, erasable record of sources that delete themselves."""
    ctx.obj = Session(config_path)


def main() -> None:
    """Run the command line of this process. It may hold keys, so it never leaves a core dump."""
    reopen_standard()
    write_utf8()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cli.main()
