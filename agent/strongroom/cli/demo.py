"""`strongroom demo`: real exports from simulated providers, through every stage, into a real vault, and back out."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import PathOption, json_option
from strongroom.cli.output import hang, put_line
from strongroom.cli.sandbox import require_sandbox
from strongroom.cli.service import program
from strongroom.cli.terminal import clean, report, say, width
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import ExitCode
from strongroom.model.text import counted

if TYPE_CHECKING:
    from strongroom.cli.demo_scene import DemoScene
    from strongroom.cli.summary import RunOutcome
    from strongroom.config.schema import Config
    from strongroom.model.archive import Archive
    from strongroom_sandbox.server import Sandbox

_PATIENCE = timedelta(minutes=3)


@click.command("demo")
@click.option(
    "--dir", "folder", metavar="PATH", type=PathOption(path_type=Path), help="A new or empty folder for everything."
)
@click.option("--keep/--remove", default=True, show_default=True, help="Keep or remove the folder at the end.")
@json_option
def demo(folder: Path | None, keep: bool, as_json: bool) -> int:
    """Archive simulated exports in a new vault, as a demonstration. Takes about half a minute.

    Simulated APIs of Zavu, HookBridge and Qlara and a vault are created in a folder of their own; nothing leaves this
    machine. Eight windows are exported within the providers' quotas. Two faults are injected and repaired, a daemon
    is killed and catches up, everything is verified, and one archive is restored and opened with the standard age tool.
    """
    require_sandbox()
    from strongroom.cli.demo_scene import build_vault, new_scene, simulated_providers
    from strongroom.engine.core.sources import system_clock

    began = time.monotonic()
    scene = new_scene(folder, system_clock())
    with simulated_providers() as sandbox:
        _step(1, "Simulated APIs of Zavu, HookBridge and Qlara on this machine, as strict as the real ones:")
        for name, url, quota in _apis(sandbox):
            _note(f"{name:<10}  {url}  ({quota})")
        config = build_vault(scene, sandbox)
        _step(
            2,
            f"A new vault in {scene.folder}. It is sealed to two public keys, and archiving needs neither private key.",
        )
        outcome = _archive(config, as_json=as_json)
        healed = list(_healed(config, sandbox))
        for words in healed:
            _note(words)
        caught_up = _catch_up(scene)
    if not outcome.archived:
        return ExitCode.FINDINGS
    sound = _verify(config, as_json=as_json)
    same = _restore(config, scene, _to_restore(outcome), as_json=as_json)
    if as_json:
        put_line(
            {
                "event": "demo",
                "dir": str(scene.folder),
                "sound": sound,
                "age_agrees": same,
                "healed": healed,
                "caught_up": caught_up,
            }
        )
    _leave(scene, began, keep=keep)
    return ExitCode.OK if outcome.complete and sound and caught_up and same is not False else ExitCode.FINDINGS


def _step(number: int, words: str) -> None:
    report()
    for line in hang(click.style(f"{number}. ", bold=True), 3, words, width()):
        report(line)


def _note(words: str) -> None:
    for line in hang("   ", 3, words, width()):
        report(line)


def _archive(config: Config, *, as_json: bool) -> RunOutcome:
    from strongroom.cli.work import RunOptions, work
    from strongroom.engine.core.sources import plans_of
    from strongroom.engine.ingest.planning import enter_due

    _step(3, "Two days of four streams are pending. For each: request, wait, download and seal, read back and count.")
    _note("Two faults are injected: an answer is lost after the export was made, and a download is cut.")
    report()
    options = RunOptions("strongroom demo", _PATIENCE, workers=4, as_json=as_json)
    return work(config, lambda engine: enter_due(engine, plans_of(config)), options)


def _healed(config: Config, sandbox: Sandbox) -> Iterator[str]:
    """Yield how each fault was repaired, from the evidence log and from what the provider received."""
    from strongroom.engine.access.inventory import find_job
    from strongroom.engine.core.moments import newest_moments
    from strongroom.engine.core.sources import open_reading
    from strongroom.text.times import job_name

    _step(4, "What went wrong on the way, and how it was repaired:")
    with open_reading(config) as vault:
        adopted = [moment for moment in newest_moments(vault, 500) if moment.kind == EntryKind.JOB_ADOPTED]
        for moment in adopted:
            name = job_name(find_job(vault, moment.job))
            yield f"{name}: the answer was lost; the export was found on the provider's list and adopted, not repeated"
    resumed = [request for request in sandbox.requests.downloads if request.header("range")]
    for request in resumed:
        yield f"export {request.job}: the download was cut and resumed from there ({request.header('range')})"
    made = len(sandbox.zavu.jobs) + len(sandbox.hookbridge.jobs) + len(sandbox.qlara.jobs)
    yield f"{counted(made, 'export')} were made at the providers for as many windows: none twice"


def _catch_up(scene: DemoScene) -> bool:
    from strongroom.cli.demo_scene import STREAM, add_stream, kill_and_catch_up
    from strongroom.engine.core.sources import system_clock

    _step(5, "The same unattended: one more stream is pending, and `strongroom daemon` is killed in the middle of it.")
    add_stream(scene, STREAM, "zavu", "activities", system_clock())
    well, words = kill_and_catch_up(scene.config)
    _note(words)
    return well


def _verify(config: Config, *, as_json: bool) -> bool:
    from strongroom.cli.identities import open_identities
    from strongroom.cli.restore import check_archive, report_archives, say_result
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.queries.lists import all_archives

    _step(6, "Verify, with the identity: open every archive, compare its digest, read every record again.")
    identities, results = open_identities(config, None, None), []
    with open_reading(config) as vault:
        for archive in all_archives(vault):
            results.append(check_archive(vault, archive, identities, quiet=as_json))
            if not as_json:
                say_result(results[-1])
    report_archives(results, content=True)
    return all(result.sound for result in results)


def _restore(config: Config, scene: DemoScene, archive: Archive, *, as_json: bool) -> bool | None:
    """Restore one archive, then open it without this program and compare; None where there is no age to do it."""
    from strongroom.cli.identities import age_command, open_identities
    from strongroom.cli.terminal import watching
    from strongroom.engine.access.restore import restore
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.queries.lists import files_of

    _step(7, "Restore one: the delivered bytes, with the digest checked before the file gets its name.")
    scene.restored.mkdir()
    with open_reading(config) as vault, watching("restore", archive.seal.size, quiet=as_json) as watch:
        files = files_of(vault, archive)
        restored = restore(vault, archive, open_identities(config, None, None), scene.restored, watch)
    report(f"   {clean(str(restored.paths[0]))}")
    report(f"   SHA-256 {restored.sha256}")
    delivered = scene.restored / f"with-age-{archive.seal.delivered_name}"
    coding = archive.seal.coding
    command = age_command(scene.identity, files.key, files.payload, str(delivered), archive.seal)
    tools = ["age", "bash", *([coding] if coding else [])]
    _step(8, f"The same without this program: the standard tools {', '.join(tools[:-1])} and {tools[-1]}:")
    (report if as_json else say)(command)
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if absent:
        _note(f"{' and '.join(absent)} not installed here; where all are, the line above gives the same bytes.")
        return None
    subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, check=False)
    found = _sha256(delivered)
    report(f"   SHA-256 {found}")
    report(f"   {'the same bytes' if found == restored.sha256 else 'OTHER BYTES'}")
    return found == restored.sha256


def _apis(sandbox: Sandbox) -> Iterator[tuple[str, str, str]]:
    yield "Zavu", sandbox.api_url, "3 exports at once, 10 an hour"
    yield "HookBridge", sandbox.hookbridge_url, "one export at a time"
    yield "Qlara", sandbox.qlara_url, "only its list shows the state of an export"


def _to_restore(outcome: RunOutcome) -> Archive:
    """Choose a compressed archive where the stock tool for it is installed, any other otherwise."""
    archives = [archive for _job, archive in outcome.archived]
    wanted = "zstd" if shutil.which("zstd") else ""
    return next((archive for archive in archives if archive.seal.coding == wanted), archives[-1])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _callable() -> list[str]:
    """Return how to call this program from the present shell, where its folder may not be on the PATH."""
    return ["strongroom"] if shutil.which("strongroom") else program()


def _leave(scene: DemoScene, began: float, *, keep: bool) -> None:
    if not keep:
        shutil.rmtree(scene.folder)
        report(f"\nDone in {time.monotonic() - began:.0f} s; {clean(str(scene.folder))} was removed.")
        return
    call = f"{shlex.join(_callable())} --config {shlex.quote(clean(str(scene.config)))}"
    _step(9, "Look around:")
    report(f"   {call} tui")
    report(f"   {call} status")
    report(f"   {call} log")
    report(
        f"\nDone in {time.monotonic() - began:.0f} s. It is all in {clean(str(scene.folder))}; delete it at any time."
    )
