"""What somebody can do who can write to the vault's folders: files removed, changed, swapped, linked, or of no kind."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kit.attacks.scene import Scene
from strongroom.evidence.note import Signer

FOREIGN = Signer.generate("strongroom", os.urandom)
Act = Callable[[Scene], object]


def of(room: str, name: str) -> Callable[[Scene], Path]:
    """Return how to find a part of an archive that is named by what it is here for."""
    return lambda scene: scene.place(room, scene.names[name])


def remove(where: Callable[[Scene], Path], scene: Scene) -> None:
    where(scene).unlink()


def flip(where: Callable[[Scene], Path], scene: Scene) -> None:
    data = bytearray(where(scene).read_bytes())
    data[len(data) // 2] ^= 1
    where(scene).write_bytes(data)


def exchange(room: str, scene: Scene) -> None:
    """Give each of two archives the file of the other."""
    one, other = (of(room, name)(scene) for name in ("a", "b"))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def elsewhere(where: Callable[[Scene], Path], scene: Scene) -> None:
    """Move a file or folder out of the vault, and leave a link to it."""
    path, target = where(scene), scene.base / "elsewhere"
    shutil.move(path, target)
    path.symlink_to(target)


def pipe(where: Callable[[Scene], Path], scene: Scene) -> None:
    path = where(scene)
    path.unlink()
    os.mkfifo(path)


def rename(scene: Scene) -> None:
    """Give all files of an archive another id."""
    old = scene.names["a"]
    for room in ("archives", "keys", "manifests"):
        new = scene.place(room, f"{old[:-3]}zzz")
        new.parent.mkdir(exist_ok=True)
        scene.place(room, old).rename(new)


def into_quarantine(scene: Scene) -> None:
    path = of("archives", "a")(scene)
    path.rename(scene.root / "quarantine" / path.name)


def of_the_living(where: Callable[[Scene], Path], to: Callable[[Scene], Path], scene: Scene) -> None:
    """Let a living archive have what tells of a destroyed one, with its own id in it."""
    text = where(scene).read_text().replace(scene.names["dead"], scene.names["a"])
    to(scene).write_text(text)


def certificate_of(name: str) -> Callable[[Scene], Path]:
    return lambda scene: scene.certificate.with_name(f"{scene.names[name]}.note")


def signed_by_another(scene: Scene) -> None:
    scene.certificate.write_text(FOREIGN.sign(scene.certificate.read_text().partition("\n\n")[0] + "\n"))


def come_back(scene: Scene) -> None:
    """Put something in the place of what was destroyed."""
    for room in ("archives", "keys"):
        path = of(room, "dead")(scene)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"?")


def stray(scene: Scene) -> None:
    path = scene.place("archives", f"{scene.names['a'][:-3]}zzz")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"?")


def everything(scene: Scene) -> None:
    """Remove every file of an archive, its row too: as if it had never been."""
    from kit.attacks.rows import sql

    for room in ("archives", "keys", "manifests"):
        of(room, "a")(scene).unlink()
    for table, key in (("archives", "id"), ("coverage", "archive"), ("retained", "archive")):
        sql(scene, f"DELETE FROM {table} WHERE {key} = '<a>'")


def note(scene: Scene) -> Path:
    return scene.first_checkpoint


FILES: dict[str, Act] = {
    "a payload is removed": partial(remove, of("archives", "a")),
    "a key file is removed": partial(remove, of("keys", "a")),
    "a manifest is removed": partial(remove, of("manifests", "a")),
    "a certificate is removed": partial(remove, certificate_of("dead")),
    "a tombstone is removed": partial(remove, of("manifests", "dead")),
    "a checkpoint is removed": partial(remove, note),
    "a payload is changed": partial(flip, of("archives", "a")),
    "a key file is changed": partial(flip, of("keys", "a")),
    "a manifest is changed": partial(flip, of("manifests", "a")),
    "a certificate is signed by another": signed_by_another,
    "a checkpoint is changed": partial(flip, note),
    "a file lies among the archives": stray,
    "files of a destroyed archive come back": come_back,
    "an archive is removed with its rows": everything,
}
NAMES: dict[str, Act] = {
    "a payload is another's": partial(exchange, "archives"),
    "a key file is another's": partial(exchange, "keys"),
    "a manifest is another's": partial(exchange, "manifests"),
    "an archive has another id": rename,
    "a payload lies in quarantine": into_quarantine,
    "a certificate names a living archive": partial(of_the_living, certificate_of("dead"), certificate_of("a")),
    "a tombstone is in a living archive's place": partial(of_the_living, of("manifests", "dead"), of("manifests", "a")),
}
ROOMS = ("archives", "log", "tmp")
LINKS: dict[str, Act] = {
    "payload": partial(elsewhere, of("archives", "a")),
    "key file": partial(elsewhere, of("keys", "a")),
    "manifest": partial(elsewhere, of("manifests", "a")),
    "certificate": partial(elsewhere, certificate_of("dead")),
    "checkpoint": partial(elsewhere, note),
    "log": partial(elsewhere, lambda scene: scene.log),
    "catalogue": partial(elsewhere, lambda scene: scene.root / "catalogue.sqlite"),
    **{f"folder {room}": partial(elsewhere, lambda scene, room=room: scene.root / room) for room in ROOMS},
}
PIPES: dict[str, Act] = {
    "payload": partial(pipe, of("archives", "a")),
    "key file": partial(pipe, of("keys", "a")),
    "certificate": partial(pipe, certificate_of("dead")),
    "log": partial(pipe, lambda scene: scene.log),
}


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
