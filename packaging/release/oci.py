"""Write a container image without any container program: sorted layers, and one file that Docker and Podman load.

The file is an OCI image layout in a tar, with Docker's own list of layers beside it. The same entries always give the
same bytes: no time, owner or order comes from the machine. Source: OCI image specification 1.1.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Entry(NamedTuple):
    """A file, folder or link of an image. A folder has neither data nor a link."""

    path: str  # without a slash at either end
    mode: int
    data: bytes | Path | None = None
    link: str = ""
    uid: int = 0
    gid: int = 0


class Layer(NamedTuple):
    """A finished layer."""

    blob: bytes  # compressed
    diff_id: str  # the digest of the tar before compression
    unpacked: int  # bytes of all files


def tree_entries(tree: Path) -> Iterator[Entry]:
    """Yield what is in a folder, as root's; of the permissions only whether a file can be executed counts."""
    for path in tree.rglob("*"):
        place = path.relative_to(tree).as_posix()
        if path.is_symlink():
            yield Entry(place, 0o777, link=str(path.readlink()))
        elif path.is_dir():
            yield Entry(place, 0o755)
        else:
            yield Entry(place, 0o755 if path.stat().st_mode & 0o100 else 0o644, path)


def make_layer(entries: Iterable[Entry], epoch: int) -> Layer:
    """Return a layer with the date `epoch` (seconds since 1970). Raises ValueError where a path is given twice."""
    found = sorted(entries, key=_by_path)
    if twice := [one.path for one, next_one in pairwise(found) if one.path == next_one.path]:
        raise ValueError(f"the image has two files of one name: {', '.join(twice)}")
    tar = _pack(found, epoch)
    return Layer(gzip.compress(tar, 9, mtime=0), _digest(tar), sum(len(_read(each)) for each in found))


def _by_path(entry: Entry) -> str:
    return entry.path


def _read(entry: Entry) -> bytes:
    return entry.data.read_bytes() if isinstance(entry.data, Path) else entry.data or b""


def _pack(entries: Iterable[Entry], epoch: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            data = _read(entry)
            tar.addfile(_header(entry, len(data), epoch), io.BytesIO(data))
    return packed.getvalue()


def _header(entry: Entry, size: int, epoch: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(entry.path)
    header.mode, header.uid, header.gid, header.mtime, header.size = entry.mode, entry.uid, entry.gid, epoch, size
    if entry.link:
        header.type, header.linkname = tarfile.SYMTYPE, entry.link
    elif entry.data is None:
        header.type = tarfile.DIRTYPE
    return header


def pack_image(
    name: str, architecture: str, settings: Mapping[str, Any], layers: Mapping[str, Layer], epoch: int
) -> bytes:
    """Return an image as one file. `name` has a tag; `settings` is what a container starts with; layers by origin."""
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = _json(
        {
            "created": created,
            "architecture": architecture,
            "os": "linux",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers.values()]},
            "history": [{"created": created, "created_by": origin} for origin in layers],
        }
    )
    blobs = [layer.blob for layer in layers.values()]
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _describe(CONFIG, config),
            "layers": [_describe(LAYER, blob) for blob in blobs],
        }
    )
    tag = name.rpartition(":")[2]
    named = {"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": name}
    index = {"schemaVersion": 2, "manifests": [_describe(MANIFEST, manifest) | {"annotations": named}]}
    docker = [{"Config": _place(config), "RepoTags": [name], "Layers": [_place(blob) for blob in blobs]}]
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    files |= {"manifest.json": _json(docker)} | {_place(blob): blob for blob in (config, manifest, *blobs)}
    folders = [Entry("blobs", 0o755), Entry("blobs/sha256", 0o755)]
    held = [*folders, *(Entry(place, 0o644, data) for place, data in files.items())]
    return _pack(sorted(held, key=_by_path), epoch)


def _describe(kind: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(blob), "size": len(blob)}


def _place(blob: bytes) -> str:
    return f"blobs/{_digest(blob).replace(':', '/')}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
