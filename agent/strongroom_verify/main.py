"""strongroom-verify: check evidence offline, with Python 3.9 or later and the `cryptography` library.

PATH is a package that was handed over, a production (a folder or a ZIP), a coverage statement, a report's note, or a
log: log.jsonl with what lies beside it, or a vault's folder, whose archives are compared with the log. --log is the log
to compare a statement with. --key is the public key of the archiving agent, as text or as a file. It must come to you
by a way of its own: a key in PATH proves nothing and is not used. --checkpoint is one that was kept elsewhere: whatever
PATH says must go on from it.

Leaves with 0 where nothing is wrong and a key of yours signed it, 1 where something is wrong, 2 for a wrong call, and 3
where nothing is wrong but no given key signed it, so that anybody could have made all of it.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path

from strongroom_verify.files import begins, is_file
from strongroom_verify.findings import Report
from strongroom_verify.log import check_log
from strongroom_verify.notes import Key
from strongroom_verify.package import check_package
from strongroom_verify.papers import REPORT, STATEMENT, check_report, check_statement
from strongroom_verify.production import check_production, is_production
from strongroom_verify.vault import check_vault


def _named(text: str) -> Path:
    """Return the path that a person named, a link resolved: what lies in it is never followed through one."""
    return Path(os.path.realpath(text))


def _check(asked: Namespace, report: Report) -> bool:
    """Check what the path is; say whether it is a signed paper, whose log lies elsewhere."""
    path, paper = asked.path, False
    if is_file(path / "package.json"):
        report.check("package.json", lambda: check_package(path, asked.key, asked.checkpoint, report))
    elif is_production(path):
        report.check(path.name, lambda: check_production(path, asked.key, asked.checkpoint, report))
    elif paper := begins(path, STATEMENT):
        report.check(path.name, partial(check_statement, path, asked.key, asked.log, report))
    elif paper := begins(path, REPORT):
        report.check(path.name, partial(check_report, path, asked.key, report))
    elif os.path.lexists(path / "log" / "log.jsonl"):
        check_vault(path, asked.key, asked.checkpoint, report)
    else:
        report.scope = "the log alone; no file of an archive was looked at: for that, name the vault's folder"
        check_log(path / "log.jsonl" if path.is_dir() else path, asked.key, asked.checkpoint, report)
    return paper


def main() -> int:
    """Check what the command line names; tell what was proven and what not."""
    parser = ArgumentParser("strongroom-verify", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("path", type=_named, metavar="PATH")
    parser.add_argument("--key", type=Key, action="append", default=[])
    parser.add_argument("--log", type=_named, metavar="FILE")
    parser.add_argument("--checkpoint", type=_named, action="append", default=[], metavar="FILE")
    while os.open(os.devnull, os.O_RDWR) < 3:  # so that no file takes the number of a closed standard descriptor
        pass
    asked, report = parser.parse_args(), Report()
    if sys.stdout is None:
        parser.error("standard output is closed: the result could not be read")
    if not os.path.lexists(asked.path):
        parser.error(f"there is no file or folder {str(asked.path)!a}")
    paper = _check(asked, report)
    if not asked.checkpoint and not paper:
        report.unproven.append("that nothing newer was rolled back: no checkpoint was given that was kept elsewhere")
    if not report.vouched:
        report.unproven.append("who made this: no key that you gave signed it, so anyone could have")
    lines = [f"CHECKED     {report.scope}"] if report.scope else []
    lines += [f"PROVEN      {each}" for each in report.proven] + [f"NOT PROVEN  {each}" for each in report.unproven]
    lines += [f"WRONG       {each.code}: {each.where}: {each.message}" for each in report.findings]
    sound = "nothing is wrong" + ("" if report.vouched else " in itself, but no key that you gave signed it")
    lines.append(f"things that are wrong: {len(report.findings)}" if report.findings else sound)
    for line in lines:  # escaped, so that nothing that was read can steer a terminal or pass for a line of ours
        sys.stdout.write(line.encode("unicode_escape").decode() + "\n")
    return 1 if report.findings else 0 if report.vouched else 3


if __name__ == "__main__":
    sys.exit(main())
