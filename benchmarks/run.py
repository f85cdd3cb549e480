"""`make bench`: Strongroom against the tools a person would use instead, in alternating pairs, as whole commands."""

from __future__ import annotations

import argparse
import compileall
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from contest import CONTESTS, Contest, Outcome, Ring
from exports import DATA, Export, prepare_export
from report import render
from serving import serve_api, serve_files

_HERE = Path(__file__).parent
_RESULTS = _HERE / "results"


def main() -> int:
    """Measure, print the tables and keep them under benchmarks/results."""
    options = _read_options()
    for sources in (_HERE.parent / "agent", _HERE):  # an installation has its bytecode, a fresh clone has not
        compileall.compile_dir(sources, quiet=1)
    exports = [prepare_export(megabytes) for megabytes in options.sizes]
    contests = [contest for contest in CONTESTS if options.only in f"{contest.job} {contest.peer}"]
    if options.quick:
        contests = [contest for contest in contests if any(size in dict(contest.targets) for size in options.sizes)]
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=DATA))
    try:
        with serve_files(DATA, scratch) as (files_url, served_by), serve_api(exports, files_url) as api_urls:
            ring = Ring(files_url, api_urls, scratch)
            outcomes = [_hold(ring, contest, export, options.pairs) for export in exports for contest in contests]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report = render(exports, outcomes, served_by, options.pairs)
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.md").write_text(report)
    print(report)
    return 0


def _hold(ring: Ring, contest: Contest, export: Export, pairs: int) -> Outcome:
    print(f"{export.megabytes} MB: {contest.job} against {contest.peer}", file=sys.stderr, flush=True)
    return ring.hold(contest, export, pairs)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes", type=lambda text: [int(size) for size in text.split(",")], default=[200, 1000], help="MB of JSON"
    )
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs in each contest")
    parser.add_argument("--only", default="", help="contests whose job and peer contain this text")
    parser.add_argument("--quick", action="store_true", help="three pairs at most, of the contests that have a target")
    options = parser.parse_args()
    options.pairs = min(options.pairs, 3) if options.quick else options.pairs
    return options


if __name__ == "__main__":
    sys.exit(main())
