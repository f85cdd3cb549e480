"""The power goes out while a group of files is stored in a folder: what is named is whole, what was stored is there.

Then the protocol is spoiled, one flush left out at a time, and the model must notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kit.power_loss import Disk, State, Vary, states
from strongroom.copies.folder import FolderStore
from strongroom.copies.port import NewObject

OBJECTS = {f"archives/{place}/{name}.age": name.encode() * 40 for name, place in (("one", "ab"), ("two", "ab"))}
OBJECTS["log/lines/000000000001-000000000002.jsonl"] = b"line\n" * 20


def new_objects() -> Sequence[NewObject]:
    return [
        NewObject(name, hashlib.sha256(data).hexdigest(), lambda data=data: (data[:50], data[50:]))  # type: ignore[misc]
        for name, data in OBJECTS.items()
    ]


def left_by_a_power_loss(folder: Path, vary: Vary | None = None) -> tuple[Iterator[State], list[str]]:
    folder.mkdir()
    store = FolderStore(folder, "copy")
    store.begin()
    disk = Disk(store.root)
    with disk.recording(vary):
        assert store.put_many(new_objects()) == [True, True, True]
        disk.mark("stored")
    return states(disk, b"", last_first=vary is not None), disk.flushed


def faults(found: Iterable[State]) -> Iterator[str]:
    for state in found:
        for name, data in OBJECTS.items():
            if state.files.get(name, data) != data:
                yield f"{name} is not whole"
            if state.after == "stored" and name not in state.files:
                yield f"{name} is gone"


def test_a_group_of_files_is_stored_or_not_whenever_the_power_goes_out(tmp_path: Path) -> None:
    found, flushed = left_by_a_power_loss(tmp_path / "sound")
    whole = list(found)
    assert len(whole) > 100 and list(faults(whole)) == []
    assert len(flushed) == len(OBJECTS) + 5  # each folder once: the copy's own, archives, ab, log, lines
    for number in range(1, len(flushed) + 1):
        spoiled, _flushed = left_by_a_power_loss(tmp_path / str(number), lambda _name, at, number=number: at == number)  # type: ignore[misc]
        assert any(faults(spoiled)), f"without flush {number} nothing was missed"
