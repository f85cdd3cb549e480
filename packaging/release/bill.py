"""What a release is made of: every library that runs, with version, license and hashes, as CycloneDX and as a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from release.debian import DebianPackage
from release.pinned import entries, needed

EXTRAS = frozenset({"notify", "s3", "timestamps"})
"""The extras that a server has."""


class Library(NamedTuple):
    """A pinned library; the hashes are those of all its files that may be installed."""

    name: str
    version: str
    license: str  # an SPDX expression, or what the library says instead
    hashes: tuple[str, ...]  # SHA-256, as hex


def libraries(lock: Path) -> list[Library]:
    """Return what the program needs to run on this machine, by name. Raises LookupError for one that is not pinned."""
    pinned = entries(lock)
    return [_library(name, pinned[name]) for name in sorted(installed_names())]


def installed_names() -> set[str]:
    """Name what the program needs to run, without itself."""
    return {name for name in needed("strongroom", EXTRAS, set()) if name != "strongroom" and _metadata(name)}


def _metadata(name: str) -> PackageMetadata | None:
    try:
        return metadata(name)
    except PackageNotFoundError:
        return None  # not for this machine


def _library(name: str, entry: str) -> Library:
    version = re.match(r"[^=]+==([^\s;]+)", entry)
    found = _metadata(name)
    if version is None or found is None or found["Version"] != version[1]:
        raise LookupError(f"{name} is not installed as it is pinned: run `make .venv/.installed`")
    return Library(name, version[1], license_of(found), tuple(sorted(re.findall(r"sha256:([0-9a-f]{64})", entry))))


_SPDX = {
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "MIT License": "MIT",
    "The MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What libraries say of themselves in other words, where that names one license. Anything else is shown as it is."""


def license_of(found: PackageMetadata) -> str:
    """Return the license that a library states: its expression, its classifier, or its own words."""
    if stated := found.get("License-Expression"):
        return str(stated)
    classifiers = [each.rpartition(" :: ")[2] for each in found.get_all("Classifier") or [] if "License ::" in each]
    words = str(found.get("License") or "").strip().splitlines()
    own = [words[0]] if words and len(words[0]) < 60 else []
    for each in (*own, *classifiers):
        if each in _SPDX.values() or each in _SPDX:
            return _SPDX.get(each, each)
    return next(iter((*own, *classifiers)), "see its license file")


def render_licenses(found: Iterable[Library]) -> str:
    """Return the licenses as a page of Markdown."""
    lines = [f"| {each.name} | {each.version} | {each.license} |" for each in found]
    head = "# Licenses\n\nStrongroom is under the Apache License 2.0. These libraries are needed to run it:\n"
    return "\n".join([head, "| library | version | license |", "|---|---|---|", *lines, ""])


def render_bill(version: str, found: list[Library], made: datetime, debian: tuple[DebianPackage, ...] = ()) -> str:
    """Return the bill of materials as CycloneDX 1.6 in JSON. The same input always gives the same text.

    With packages of Debian it is the bill of an image.
    """
    program = Component(
        name="strongroom",
        version=version,
        type=ComponentType.APPLICATION,
        purl=PackageURL("pypi", None, "strongroom", version),
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        bom_ref="strongroom",
    )
    parts = [*map(_component, found), *map(_debian_component, debian)]
    about = BomMetaData(component=program, timestamp=made.astimezone(UTC))
    named = "\n".join(
        [
            *(f"{each.name}=={each.version} {' '.join(each.hashes)}" for each in found),
            *(f"{each.name} {each.version} {each.sha256}" for each in debian),
        ]
    )
    bom = Bom(components=parts, metadata=about, serial_number=uuid5(NAMESPACE_URL, f"strongroom {version}\n{named}"))
    bom.register_dependency(program, parts)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1) + "\n"


def _component(library: Library) -> Component:
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"pkg:pypi/{library.name}@{library.version}"),
        comment="every file of this version that may be installed",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in library.hashes],
    )
    return Component(
        name=library.name,
        version=library.version,
        purl=PackageURL("pypi", None, library.name, library.version),
        licenses=[LicenseFactory().make_from_string(library.license)],
        external_references=[files],
        bom_ref=f"{library.name}@{library.version}",
    )


def _debian_component(package: DebianPackage) -> Component:
    place = PackageURL("deb", "debian", package.name, package.version, {"arch": package.architecture})
    return Component(
        name=package.name,
        version=package.version,
        purl=place,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)],
        bom_ref=f"debian/{package.name}@{package.version}",
    )
