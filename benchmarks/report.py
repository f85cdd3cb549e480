"""The results as markdown: one row for each contest and size, and our own time, CPU and memory at each size."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from contest import Outcome
from exports import Export
from measure import Sample

_VERSIONS = (
    ("age", "--version"),
    ("curl", "--version"),
    ("unzip", "-v"),
    ("restic", "version"),
    ("borg", "--version"),
)


def render(exports: Sequence[Export], outcomes: Sequence[Outcome], served_by: str, pairs: int) -> str:
    """Return the whole report."""
    sizes = "; ".join(f"{e.megabytes} MB of JSON in {e.size / 1e6:.1f} MB of ZIP" for e in exports)
    return "\n".join(
        (
            f"Measured {datetime.now(UTC):%Y-%m-%d}, {pairs} alternating pairs each, medians. {_machine()}",
            f"{sizes}. Served on loopback by {served_by}.",
            "",
            *_contests(outcomes),
            "",
            *_ourselves(outcomes),
            "",
        )
    )


def _contests(outcomes: Sequence[Outcome]) -> list[str]:
    head = (
        "| MB JSON | strongroom | against | ours s | theirs s | **ratio** | spread | target | CPU s ours / theirs |"
        " peak MiB ours / theirs |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    )
    return [*head, *map(_row, outcomes)]


def _row(outcome: Outcome) -> str:
    contest = outcome.contest
    start = f"| {outcome.megabytes} | {contest.job} | `{contest.peer}` |"
    if outcome.absent:
        return f"{start} not run: {outcome.absent} not installed | | | | | | |"
    ratios, target = outcome.ratios, outcome.target
    wanted = "" if target is None else f"≤ {target} {'met' if median(ratios) <= target else '**missed**'}"
    return (
        f"{start} {outcome.ours(outcome.time):.2f} | {outcome.theirs(_wall):.2f} | **{median(ratios):.2f}** |"
        f" {ratios[0]:.2f}-{ratios[-1]:.2f} | {wanted} |"
        f" {outcome.ours(_cpu):.2f} / {outcome.theirs(_cpu):.2f} |"
        f" {outcome.ours(_peak):.0f} / {outcome.theirs(_peak):.0f} |"
    )


def _ourselves(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [
        "| MB JSON | strongroom | wall s | CPU s | peak MiB of the largest process (highest seen) |",
        "| --- | --- | --- | --- | --- |",
    ]
    runs: dict[tuple[int, str], list[Sample]] = {}
    for outcome in outcomes:
        job = "ingest" if outcome.contest.durable else outcome.contest.job
        runs.setdefault((outcome.megabytes, job), []).extend(ours for ours, _ in outcome.pairs)
    for (megabytes, job), samples in runs.items():
        if samples:
            wall, cpu = median(map(_wall, samples)), median(sample.cpu for sample in samples)
            peaks = sorted(map(_peak, samples))
            lines.append(f"| {megabytes} | {job} | {wall:.2f} | {cpu:.2f} | {median(peaks):.1f} ({peaks[-1]:.1f}) |")
    return lines


def _wall(sample: Sample) -> float:
    return sample.wall


def _cpu(sample: Sample) -> float:
    return sample.cpu


def _peak(sample: Sample) -> float:
    return sample.peak


def _machine() -> str:
    found = [_first_line(tool, flag) for tool, flag in _VERSIONS if shutil.which(tool)]
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()},"
        f" Python {platform.python_version()}; {', '.join(found)}."
    )


def _first_line(tool: str, flag: str) -> str:
    words = subprocess.run([tool, flag], capture_output=True, text=True, check=False).stdout.split()[:3]
    version = next((word for word in words if any(letter.isdigit() for letter in word)), "")
    return f"{tool} {version.lstrip('v')}"
