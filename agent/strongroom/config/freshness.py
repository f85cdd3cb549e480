"""Whether a configuration file is another one than before: asked again and again, it costs one look at the folder."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int] | None


class Freshness:
    """Remembers how the file looked. A file that is away counts as unchanged: an editor may be putting it back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()

    def changed(self) -> bool:
        """Say whether the file looks otherwise than when this was last asked."""
        now = self._stamp()
        if now is None or now == self._seen:
            return False
        self._seen = now
        return True

    def _stamp(self) -> Stamp:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
