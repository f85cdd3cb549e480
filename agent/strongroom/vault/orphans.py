"""Files without a row in the catalogue, and the quarantine for damaged files. Nothing is deleted.

A name of ours that no row has is either a whole archive (it has a manifest), or a part that a crash or a restored copy
left. What belongs to a job under way, or to an archive that was destroyed, is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from strongroom.model.errors import VaultError
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.durable import flush_folder, in_words, make_folder
from strongroom.vault.files import link, list_folder, list_shards, same_file, unlink
from strongroom.vault.layout import Layout, id_of

KNOWN_ID = "SELECT id FROM archives WHERE id = ?1 UNION SELECT archive FROM tombstones WHERE archive = ?1"
IS_CONDEMNED = "SELECT archive FROM condemned WHERE archive = ? AND stage IN ('destroying', 'destroyed')"
JOB_OF_ARCHIVE = "SELECT id FROM jobs WHERE archive = ? AND state IN ('fetching', 'sealed')"

_FOLDERS = ("manifests", "archives", "keys")


class StrayFiles(Struct, frozen=True):
    """The files of one id that the catalogue does not know."""

    archive: str
    files: tuple[Path, ...]

    def manifest(self, layout: Layout) -> Path | None:
        """Return its manifest, if it has one."""
        places = (layout.manifest(self.archive), layout.quarantined(self.archive, ".json"))
        return next((path for path in places if path in self.files), None)


def strays(layout: Layout, catalogue: Catalogue) -> Iterator[StrayFiles]:
    """Yield what lies in the vault under ids that no row has, in the order of ids."""
    found: dict[str, list[Path]] = {}
    for path in _named(layout):
        name = id_of(path)
        if name is not None:
            found.setdefault(name, []).append(path)
    for name in sorted(found):
        if not _is_known(catalogue, name):
            yield StrayFiles(name, tuple(sorted(found[name])))


def _named(layout: Layout) -> Iterator[Path]:
    for folder in _FOLDERS:
        yield from list_shards(layout.root / folder)
    yield from (path for path in list_folder(layout.root / "quarantine") if path.suffix in (".age", ".json"))


def _is_known(catalogue: Catalogue, name: str) -> bool:
    asked = (KNOWN_ID, IS_CONDEMNED, JOB_OF_ARCHIVE)
    return any(catalogue.read_one(query, name) is not None for query in asked)


def move_aside(layout: Layout, path: Path) -> Path:
    """Move a damaged or stray file into quarantine under its own name; return where it is now.

    Nothing is overwritten: a name that is taken gets a number. Doing it twice does nothing more.
    """
    make_folder(layout.root / "quarantine")
    for number in range(1000):
        target = layout.root / "quarantine" / (f"{path.name}.aside{number or ''}")
        try:
            link(path, target)
        except FileExistsError:
            continue
        except OSError as error:
            raise in_words(error) from error
        flush_folder(target.parent)
        unlink(path)
        flush_folder(path.parent)
        return target
    raise VaultError(f"quarantine/ is full of files named {path.name}", hint="look at them")


def move_to(path: Path, target: Path) -> bool:
    """Move a file within the vault, never over another; return False where it is not there (any more)."""
    try:
        link(path, target)
    except FileNotFoundError:
        return False
    except FileExistsError:
        if not same_file(path, target):
            raise VaultError(f"{target.name} is already in quarantine", hint="look at both files") from None
    except OSError as error:
        raise in_words(error) from error
    flush_folder(target.parent)
    unlink(path)
    flush_folder(path.parent)
    return True
