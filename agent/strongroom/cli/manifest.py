"""`strongroom source new` and `strongroom source try`: describe a provider by a file, and see whether it works."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from strongroom.cli.options import PathOption, instant, json_option
from strongroom.cli.output import hang, put_document
from strongroom.cli.terminal import can_ask, clean, report, say, say_lines, width
from strongroom.model.errors import ExitCode, UsageError
from strongroom.model.manifest_words import AuthKind, DownloadBy, ObserveBy, TimeFormat, WindowEnds
from strongroom.model.provider import Container, Exchange

if TYPE_CHECKING:
    from strongroom.config.manifest_template import ManifestDraft
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.monitor.source_trial import Trial, TrialStep

W = TypeVar("W", bound=StrEnum)
_LABEL = 10  # cells of the names of steps


@click.command("new")
@click.argument("file", metavar="FILE", type=PathOption(path_type=Path, dir_okay=False))
def new(file: Path) -> None:
    """Write a manifest for a provider, from your answers to a few questions.

    FILE must end in .toml; its name becomes the name of the provider. An existing file is not changed. Comments in the
    manifest show what else you can add.
    """
    from strongroom.config.manifest import ManifestRefused
    from strongroom.config.manifest_template import write_manifest
    from strongroom.config.values import is_name

    if file.suffix != ".toml" or not is_name(file.stem):
        raise UsageError(f"{file.name} is not a name of a manifest", hint="write it like acme.toml, in small letters")
    if file.exists():
        raise UsageError(f"{file} exists, and is not changed", hint="choose another name, or edit the file")
    try:
        text = write_manifest(str(file), _ask())
    except ManifestRefused as refused:
        raise UsageError(f"the answers contradict each other:\n{refused.message}", hint="start again") from None
    with file.open("x", encoding="utf-8") as target:
        target.write(text)
    report(f"{file} is written. Read it, then check it: strongroom source try {file}")


def _ask() -> ManifestDraft:
    from strongroom.config.manifest_template import ManifestDraft

    label = _line("Name of the provider, as people write it")
    base_url = _line("Address of its API", "https://api.example.com/v1")
    documents = _line("Address of the page that documents the exports", "")
    auth = _word("How requests authenticate", AuthKind, AuthKind.BEARER)
    named = {
        AuthKind.HEADER: ("Header that carries the key", "X-Api-Key"),
        AuthKind.CLIENT_CREDENTIALS: ("Path of the request for a token", "/oauth/token"),
    }
    detail = _line(*named[auth]) if auth in named else ""
    create_path = _line("Path of the request that creates an export", "/exports")
    lower = _line("Key in its body for the start of the range (a.b for b inside a)", "from")
    upper = _line("Key for the end of the range", "to")
    dataset_key = _line("Key for the kind of records, or nothing", "")
    ends = _word("Whether the range includes its end (inclusive) or not (half-open)", WindowEnds, WindowEnds.UNKNOWN)
    time_format = _word("How times are written", TimeFormat, TimeFormat.RFC3339)
    found = _line("Where the response has the id of the export (JMESPath), or nothing", "id")
    observe = _word("Where to check the state of an export", ObserveBy, ObserveBy.GET)
    observe_path = _line("Path for one export", f"{create_path}/{{id}}") if observe is ObserveBy.GET else ""
    whole = _line("Where that response has the export (JMESPath); @ if it is the export", "@") if observe_path else "@"
    wanted = observe is ObserveBy.LIST or not found
    list_path = _line("Path of the list of exports" + ("" if wanted else ", or nothing"), create_path if wanted else "")
    entries = _line("Where a response has the entries (JMESPath)", "items") if list_path else ""
    entry_id = _line("Where an entry has its id (JMESPath)", found.rpartition(".")[2] or "id") if list_path else "id"
    seen = observe is not ObserveBy.FILE
    status = _line("Where an export has its status (JMESPath)", "status") if seen else ""
    words = ["in progress", "ready", "failed"] if seen else []
    states = [_words(f"The provider's words for an export that is {each}, separated by commas") for each in words] or [
        (),
        (),
        (),
    ]
    download = _word("How to get the file", DownloadBy, DownloadBy.LINK)
    link = download is DownloadBy.LINK
    path = ("Path to request", f"{create_path}/{{id}}/download")
    download_at = _line(*(("Where an export has the link (JMESPath)", "url") if link else path))
    return ManifestDraft(
        label=label,
        base_url=base_url,
        documents=documents,
        auth=auth,
        auth_detail=detail,
        create_path=create_path,
        lower_key=lower,
        upper_key=upper,
        dataset_key=dataset_key,
        ends=ends,
        time_format=time_format,
        id=found,
        observe=observe,
        observe_path=observe_path,
        observe_export=whole,
        entry_id=entry_id,
        list_path=list_path,
        list_entries=entries,
        status=status,
        running=states[0],
        ready=states[1],
        failed=states[2],
        download=download,
        download_at=download_at,
        container=_word("Format of the file", Container, Container.CSV, (Container.BUNDLE, Container.JSON_PAGE)),
        datasets=_words("Names of the datasets, separated by commas"),
        id_field=_line("Field that identifies a record, or nothing", ""),
        time_field=_line("Field with the time of a record, or nothing", ""),
    )


def _line(question: str, default: str | None = None) -> str:
    return str(click.prompt(question, default=default, show_default=bool(default), err=True)).strip()


def _words(question: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in _line(question).split(",") if word.strip())


def _word(question: str, words: type[W], default: W, without: tuple[W, ...] = ()) -> W:
    known = click.Choice([word.value for word in words if word not in without])
    return words(click.prompt(question, type=known, default=default.value, err=True))


@click.command("try")
@click.argument("file", metavar="FILE", type=PathOption(path_type=Path, dir_okay=False))
@click.option(
    "--key",
    "reference",
    metavar="REFERENCE",
    help="Where the key of an account is stored: env:NAME, file:PATH and so on.",
)
@click.option(
    "--dataset", "datasets", multiple=True, metavar="NAME", help="The dataset to export; the first by default."
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Limit the export by a filter of the manifest; may be repeated.",
)
@click.option(
    "--from",
    "start",
    type=instant,
    metavar="DAY",
    help="The day to export, in UTC; the day before yesterday by default.",
)
@click.option("--base-url", metavar="URL", default="", help="Another address for the API, such as a test server.")
@click.option(
    "--allow-private-addresses", "private", is_flag=True, help="Permit addresses that are not on the public internet."
)
@click.option("--wait", metavar="TIME", default="10m", show_default=True, help="How long to wait for the export.")
@click.option("--yes", is_flag=True, help="Request the export without a prompt.")
@json_option
def try_(
    file: Path,
    reference: str | None,
    datasets: tuple[str, ...],
    filters: tuple[str, ...],
    start: datetime | None,
    base_url: str,
    private: bool,
    wait: str,
    yes: bool,
    as_json: bool,
) -> int:
    """Check a manifest, and try it on one day of an account.

    Without --key, it checks the file and shows the request that it would send. With --key, it requests one real export,
    which counts against the provider's quota, and shows each request and response with secrets hidden. It reads the
    exported file to the end and does not keep it. Exits with 1 if a step fails.
    """
    from strongroom.config.addresses import parse_base_url
    from strongroom.config.secrets import SecretRef
    from strongroom.engine.core.sources import Dependencies, system_clock
    from strongroom.engine.monitor.source_trial import Trial, read_trial
    from strongroom.model.window import Window

    day = (start or system_clock() - timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    pairs = [_pair(each) for each in filters]
    manifest, spec = read_trial(file, datasets, Window(day, day + timedelta(days=1)), pairs)
    key = SecretRef.parse(reference) if reference else None
    trial = Trial(manifest, spec, key, parse_base_url(base_url) if base_url else "", private)
    if key is None:
        _show_request(trial, as_json=as_json)
        return ExitCode.OK
    if not yes and not (can_ask() and click.confirm("This requests one real export. Continue?", err=True)):
        raise UsageError("nothing was requested", hint="add --yes to request one export without a prompt")
    return _walk(trial, Dependencies(), wait, as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise UsageError(f"{text!r} is not a filter", hint="write it like --filter status=sent")
    return name, value


def _show_request(trial: Trial, *, as_json: bool) -> None:
    from strongroom.engine.monitor.source_trial import first_request

    method, place, body = first_request(trial.manifest, trial.spec)
    if as_json:
        put_document({"good": True, "method": method, "path": place, "body": body})
        return
    say(f"The manifest of {clean(trial.manifest.provider.label)} is good. For {trial.spec.datasets[0]} it would send:")
    say()
    _say_sent(method, place, body)
    say()
    report("To try it with an account: add --key REFERENCE.")


def _walk(trial: Trial, dependencies: Dependencies, wait: str, *, as_json: bool) -> int:
    from strongroom.config.values import duration
    from strongroom.engine.monitor.source_trial import walk_trial

    traces: list[Exchange] = []
    show = traces.append if as_json else _say_exchange
    patience = duration("1s", "7d")(wait)
    good = True
    steps: list[TrialStep] = []
    for step in walk_trial(trial, dependencies, show, lambda pause: time.sleep(pause.total_seconds()), patience):
        good = good and step.good
        steps.append(step)
        if not as_json:
            _say_step(step)
    if as_json:
        put_document({"good": good, "steps": steps, "requests": [_traced(each) for each in traces]})
    return ExitCode.OK if good else ExitCode.FINDINGS


def _traced(each: Exchange) -> dict[str, object]:
    return {"method": each.method, "place": each.place, "sent": each.sent, "status": each.status, "answer": each.answer}


def _say_exchange(each: Exchange) -> None:
    _say_sent(each.method, each.place, each.sent)
    headers = ", ".join(f"{name}: {value}" for name, value in each.headers.items())
    say(f"  < {each.status}  {clean(headers)}".rstrip())
    for line in each.answer.splitlines():
        say(f"  < {clean(line)}")


def _say_sent(method: str, place: str, body: object) -> None:
    say(f"  > {method} {clean(place)}")
    for line in [] if body is None else json.dumps(body, indent=2, ensure_ascii=False).splitlines():
        say(f"  > {clean(line)}")


def _say_step(step: TrialStep) -> None:
    word = click.style("ok     " if step.good else "FAILED ", fg="green" if step.good else "red")
    say_lines(hang(f"{word} {step.name:<{_LABEL}} ", _LABEL + 9, clean(step.words), width()))
    if step.hint:
        say_lines(hang(" " * (_LABEL + 9) + "-> ", _LABEL + 12, step.hint, width()))
    say()
