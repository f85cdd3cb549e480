"""What a store for copies must offer: a few acts on objects that are written once and never changed.

Names are those of `model/copies.py`. No act follows a link, overwrites an object, or believes a write that was not read
back. Every store passes the same contract suite.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Protocol

from msgspec import Struct, field

from strongroom.model.errors import StrongroomError, VaultError, WorldError

BLOCK = 1 << 20  # bytes that are in memory at once


class CopyAway(WorldError):
    """The store cannot be reached, or is not the one that it should be. Trying later may help."""


class ObjectLocked(CopyAway):
    """The store keeps a version of an object for a time: nobody can remove it earlier."""


class ObjectAbsent(StrongroomError):
    """The store has no object of this name."""


class SourceChanged(VaultError):
    """The bytes to be stored are not those that were expected: nothing was stored."""


class StoredObject(Struct, frozen=True):
    """One object as the store lists it."""

    name: str
    size: int  # bytes


class NewObject(Struct, frozen=True):
    """One object that is to be stored."""

    name: str
    sha256: str
    blocks: Callable[[], Iterable[bytes]]  # called once; its blocks may raise SourceChanged


Stored = bool | SourceChanged
"""What became of a new object: stored, or not since its name is taken (False), or since its source is not it."""


class CopyStore(Protocol):
    """A place for one copy of one vault."""

    @property
    def place(self) -> str:
        """What a person calls it: a folder, or an address without credentials."""
        ...

    @property
    def if_missing(self) -> str:
        """What a person should look at where the copy is not there: one question."""
        ...

    def begin(self) -> None:
        """Make the place ready for writing, and remove what an interrupted write left. Raises CopyAway."""
        ...

    def put(self, name: str, blocks: Iterable[bytes], sha256: str) -> bool:
        """Store an object and read it back; return False, storing nothing, where the name is taken.

        Raises SourceChanged where the blocks do not have this SHA-256, CopyAway where the store fails.
        """
        ...

    def put_many(self, objects: Sequence[NewObject]) -> Sequence[Stored]:
        """Do the same with several, in whatever way is fast; return what became of each. Raises CopyAway.

        All of them are as safe as after `put` when it returns. Where it raises, some may be stored.
        """
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes as the store has them, past any cache. Raises ObjectAbsent, CopyAway."""
        ...

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Yield every object whose name begins with this, in the order of names. Raises CopyAway."""
        ...

    def remnants(self, prefix: str) -> Iterator[StoredObject]:
        """Yield all that is kept under names that begin so: former versions and unfinished uploads, too."""
        ...

    def delete(self, name: str) -> bool:
        """Remove an object for good, in every version; return False where there was none.

        Raises ObjectLocked where the store must keep a version, CopyAway where it fails.
        """
        ...


def put_each(store: CopyStore, objects: Sequence[NewObject], at_once: int = 1) -> Sequence[Stored]:
    """Store each object, so many at the same time: for a store whose answers are waited for."""

    def put(each: NewObject) -> Stored:
        try:
            return store.put(each.name, each.blocks(), each.sha256)
        except SourceChanged as error:
            return error

    if min(at_once, len(objects)) < 2:
        return [put(each) for each in objects]
    with ThreadPoolExecutor(min(at_once, len(objects))) as pool:
        return list(pool.map(put, objects))


class Throttle(Struct):
    """Keeps a transfer below a rate, and ends it when it is to stop. Several threads may share one."""

    rate: int = 0  # bytes a second; 0: no limit
    stop: Callable[[], bool] = lambda: False
    rest: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    interrupted: Callable[[], StrongroomError] = lambda: CopyAway("the transfer was interrupted")
    _free_at: float = field(default=0.0)
    _guard: Lock = field(default_factory=Lock)

    def passed(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks, as slowly as the rate asks for."""
        for block in blocks:
            if self.stop():
                raise self.interrupted()
            yield block
            self._wait(len(block))

    def _wait(self, count: int) -> None:
        if self.rate <= 0:
            return
        with self._guard:
            now = self.monotonic()
            self._free_at = free_at = max(self._free_at, now - 1.0) + count / self.rate
        if free_at > now:
            self.rest(free_at - now)


def digest_of(blocks: Iterable[bytes]) -> str:
    """Return the SHA-256 of blocks, one in memory at a time."""
    found = hashlib.sha256()
    for block in blocks:
        found.update(block)
    return found.hexdigest()


def read_whole(store: CopyStore, name: str, most: int = 64 << 20) -> bytes:
    """Return a small object. Raises ObjectAbsent, CopyAway, VaultError where it has more than `most` bytes."""
    data = bytearray()
    for block in store.read(name):
        data += block
        if len(data) > most:
            raise VaultError(f"{name} in {store.place} is far too large to be one of ours")
    return bytes(data)
