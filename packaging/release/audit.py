"""Look up known weaknesses of what runs on a server: `make audit`.

pip-audit asks its database. Where the tool, the network or the database is not there, this says so and exits with 0:
nobody's build may depend on them. Exits with 1 if a weakness is known.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from msgspec import DecodeError, Struct, json

ROOT = Path(__file__).parents[2]
TOOL = "pip-audit>=2.10,<3"
PATIENCE = 20.0  # seconds, with the tool's own installation


class Weakness(Struct, frozen=True):
    """A known weakness, under the ID that the database gives it."""

    id: str
    fix_versions: tuple[str, ...] = ()


class Library(Struct, frozen=True):
    """What the database knows of a pinned library."""

    name: str
    version: str = ""
    vulns: tuple[Weakness, ...] = ()
    skip_reason: str = ""  # of a library that the database does not know


class Audit(Struct, frozen=True):
    """The answer of pip-audit."""

    dependencies: tuple[Library, ...]


_DECODER = json.Decoder(Audit)


class Verdict(NamedTuple):
    """What to print, and whether a weakness is known."""

    text: str
    weak: bool = False


def judge(audit: Audit) -> Verdict:
    """Return what an answer means. Libraries that the database does not know are not called sound."""
    known = [each for each in audit.dependencies if not each.skip_reason]
    unknown = len(audit.dependencies) - len(known)
    if not known:
        return Verdict(f"audit skipped: the database has no answer for any of the {unknown} libraries")
    found = [_describe(library, weakness) for library in known for weakness in library.vulns]
    asked = f"{len(known)} of {len(known) + unknown} libraries looked up"
    head = f"audit: {asked}, known weaknesses: {len(found) or 'none'}"
    return Verdict("\n".join([head, *found]), weak=bool(found))


def _describe(library: Library, weakness: Weakness) -> str:
    fixed = f"fixed in {', '.join(weakness.fix_versions)}" if weakness.fix_versions else "not fixed yet"
    return f"  {library.name} {library.version}: {weakness.id}, {fixed}"


def look_up(lock: Path, work: Path, patience: float = PATIENCE) -> Verdict:
    """Audit a file of pinned dependencies within so many seconds. `work` is where the tool is installed if need be."""
    until = time.monotonic() + patience
    try:
        tool = shutil.which("pip-audit") or _install(work, patience)
        command = [tool, "--requirement", str(lock), "--no-deps", "--disable-pip", "--format", "json"]
        command += ["--progress-spinner", "off", "--timeout", "5"]
        left = until - time.monotonic()
        done = subprocess.run(command, capture_output=True, check=False, timeout=max(0.0, left))
        return judge(_DECODER.decode(done.stdout))
    except subprocess.TimeoutExpired:
        return Verdict(f"audit skipped: no answer in {patience:.0f} s")
    except (subprocess.CalledProcessError, OSError):
        return Verdict("audit skipped: pip-audit is not here and cannot be installed")
    except DecodeError:
        return Verdict(f"audit skipped: the database cannot be asked: {_last_line(done.stderr)}")


def _install(work: Path, patience: float) -> str:
    """Install the tool apart from the program, and return its path."""
    tool = work / "bin" / "pip-audit"
    if not tool.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(work)], check=True, capture_output=True)
        command = [sys.executable, "-m", "pip", "--python", str(work / "bin" / "python"), "install", "-q", TOOL]
        subprocess.run(command, check=True, capture_output=True, timeout=patience)
    return str(tool)


def _last_line(said: bytes) -> str:
    return next(iter(said.decode(errors="replace").strip().splitlines()[-1:]), "it said nothing")


def main() -> None:
    """Audit what is pinned for a server, print what is known, and exit."""
    verdict = look_up(ROOT / "requirements.lock", ROOT / "build" / "audit")
    sys.stdout.write(verdict.text + "\n")
    sys.exit(verdict.weak)


if __name__ == "__main__":
    main()
