"""How fast the evidence is checked and proven, in entries a second, beside what plain SHA-256 of the same lines takes.

    python benchmarks/evidence.py [--entries 200000] [--rounds 3]

Lines are made as the log has them. Every round measures all in turn, so that a machine that slows down slows all; the
best of the rounds counts. The ratio is against hashing each line once and nothing else, in the same interpreter.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from strongroom.evidence import verifier
from strongroom.evidence.checkpoint import make_checkpoint, sign_checkpoint
from strongroom.evidence.line import GENESIS, Entry, digest, format_line, read_chain
from strongroom.evidence.note import Signer
from strongroom.evidence.tree import Tree, leaf_hash, prove, root_by_inclusion

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROVEN = 1000  # entries whose inclusion is proven in one pass


def make_lines(count: int) -> list[bytes]:
    lines, prev = [], GENESIS
    for seq in range(1, count + 1):
        facts = {"from": "sealed", "to": "archived", "records": seq, "sealed_sha256": prev, "manifest_sha256": prev}
        entry = Entry("job.proven", AT, "01kjrfx5009jaa0a8e78f8dhhv", f"{seq:026}", "messages", facts)
        lines.append(format_line(entry, seq, prev))
        prev = digest(lines[-1])
    return lines


def grow(lines: list[bytes]) -> bytes:
    tree = Tree()
    for line in lines:
        tree.append(leaf_hash(line))
    return tree.root()


def contests(lines: list[bytes], folder: Path) -> dict[str, Callable[[], object]]:
    signer = Signer.generate("strongroom", os.urandom)
    log = folder / "log.jsonl"
    log.write_bytes(b"".join(line + b"\n" for line in lines))
    (folder / "checkpoints").mkdir()
    note = sign_checkpoint(make_checkpoint(signer.name, lines[0], len(lines), grow(lines), AT), signer)
    (folder / "checkpoints" / f"{len(lines)}.note").write_text(note)
    leaves = [leaf_hash(line) for line in lines]
    wanted = range(0, len(lines), max(1, len(lines) // PROVEN))
    proofs = prove(leaves, len(lines), wanted)
    alone = [sys.executable, "-I", verifier.__file__, str(log), "--key", str(signer.verifier)]

    def run_alone() -> None:
        subprocess.run(alone, check=True, capture_output=True)

    def check_proofs() -> None:
        for index, path in proofs.inclusion.items():
            assert root_by_inclusion(leaves[index], index, len(lines), path) == proofs.root

    return {
        "plain SHA-256 of each line": lambda: [hashlib.sha256(line).digest() for line in lines],
        "tree: the root of all lines": lambda: grow(lines),
        "chain: every line follows": lambda: sum(1 for _ in read_chain(lines)),
        "strongroom-verify, whole process": run_alone,
        f"{len(wanted)} inclusion proofs, one pass": lambda: prove(leaves, len(lines), wanted),
        f"{len(wanted)} proofs checked": check_proofs,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    lines = make_lines(options.entries)
    with tempfile.TemporaryDirectory() as folder:
        table = contests(lines, Path(folder))
        best = dict.fromkeys(table, float("inf"))
        for _ in range(options.rounds):
            for name, work in table.items():
                began = time.perf_counter()
                work()
                best[name] = min(best[name], time.perf_counter() - began)
    plain = best["plain SHA-256 of each line"]
    print(f"{options.entries} entries of {sum(map(len, lines)) // len(lines)} bytes, best of {options.rounds}\n")
    print("| what | seconds | a second | against plain SHA-256 |\n|---|---:|---:|---:|")
    for name, seconds in best.items():
        count = int(name.split()[0]) if name.endswith("checked") else options.entries
        print(f"| {name} | {seconds:.2f} | {count / seconds:,.0f} | {seconds / plain:.1f} x |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
