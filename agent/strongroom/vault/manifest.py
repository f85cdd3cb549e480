"""The manifest: what an archive is, without what it says. JSON for people and for rebuilding the catalogue.

Fields: docs/format.md. One that says nothing (no coding, no dialect, no overlap) is left out, so
that the bytes of older manifests, which the log has hashed, stay what they were. The digest of the delivered bytes is
salted and the salt lies in the sealed key file, so that a manifest can outlive its archive without confirming a guess
about what was in it.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.errors import VaultError
from strongroom.model.inspection import Bundled, Expectation, Finding, Inspection, MemberReport, Severity
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import Container
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window
from strongroom.vault.layout import id_of
from strongroom.vault.manifest_schema import check_shape, read_retention, require_text, retention_body

FORMAT, FORMAT_CODED = 1, 2
"""A manifest of an archive with a content coding has the second: a program that does not undo it must not read it."""


def write_manifest(archive: Archive) -> bytes:
    """Render a manifest; the same archive always gives the same bytes."""
    return (json.dumps(_body(archive), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_manifest(data: bytes | str) -> Archive:
    """Read a manifest back. Raises VaultError when it is not one that this program can read."""
    try:
        body = json.loads(data)
        if body["format"] > FORMAT_CODED:
            raise VaultError(
                f"the manifest has format {body['format']}, this program knows up to {FORMAT_CODED}",
                hint="install a newer strongroom",
            )
        if body["holding"] == Holding.DESTROYED:
            raise VaultError(
                f"archive {body['id']} was destroyed: its manifest is a tombstone",
                hint="see: strongroom destroy list",
            )
        check_shape(body)
        _require_id(body["id"])
        require_text(data, body)
        return _archive(body)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise VaultError("a manifest cannot be read", hint="restore it from a copy of the vault") from error


def _require_id(name: str) -> None:
    if id_of(Path(name)) != name:  # it becomes a path
        raise ValueError("the id is not valid")


def _body(archive: Archive) -> dict[str, Any]:
    seal, window = archive.seal, archive.spec.window
    return {
        "format": FORMAT_CODED if _is_coded(archive) else FORMAT,
        "id": archive.id,
        "holding": archive.holding.value,
        "stream": archive.stream,
        "source": archive.source,
        "provider": archive.provider,
        "datasets": list(archive.spec.datasets),
        "filters": [list(pair) for pair in archive.spec.filters],
        "window": {"start": format_instant(window.start), "end": format_instant(window.end)},
        "job": archive.job,
        "ref": archive.ref,
        "delivered": _delivered(seal),
        "container": archive.container,
        "sealed": _sealed(archive),
        "expected": _expected(archive.expectation),
        "counts": {"records": archive.inspection.records, "in_window": archive.inspection.in_window},
        "members": [_member(report) for report in archive.inspection.members],
        "findings": [_finding(finding) for finding in archive.inspection.findings],
        "retention": retention_body(archive),
        "durable_at": format_instant(archive.durable_at),
        "verified_at": format_instant(archive.verified_at),
    }


def _is_coded(archive: Archive) -> bool:
    return bool(archive.seal.delivered_coding or any(report.coding for report in archive.inspection.members))


def _delivered(seal: Seal) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": seal.delivered_name, "size": seal.size, "digest": seal.digest}
    if seal.delivered_coding:
        fields["coding"] = seal.delivered_coding
    if seal.decoded_size is not None:
        fields |= {"decoded_size": seal.decoded_size, "decoded_digest": seal.decoded_digest}
    return fields


def _sealed(archive: Archive) -> dict[str, Any]:
    seal = archive.seal
    fields = {"size": seal.sealed_size, "sha256": seal.sealed_sha256, "recipients": list(archive.recipients)}
    return {**fields, "coding": seal.coding} if seal.coding else fields


def _expected(expectation: Expectation) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "datasets": [
            {"name": shape.name, "member": shape.member, "id_field": shape.id_field, "time_field": shape.time_field}
            for shape in expectation.datasets
        ],
        "end_inclusive": expectation.end_inclusive,
        "companions": list(expectation.companions),
    }
    if expectation.rows is not None:
        fields["rows"] = expectation.rows
    if expectation.overlap:
        seconds = expectation.overlap.total_seconds()
        fields["overlap"] = int(seconds) if seconds.is_integer() else seconds
    if expectation.size is not None:
        fields["size"] = expectation.size
    if expectation.counts_header is not None:
        fields["counts_header"] = expectation.counts_header
    if expectation.accepts:
        fields["accepts"] = list(expectation.accepts)
    if expectation.files:
        fields["files"] = [_file(file) for file in expectation.files]
    return fields


def _file(file: Bundled) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": file.name, "dataset": file.dataset, "container": file.container.value}
    counts = {"rows": file.rows, "size": file.size, "records": file.records or None}
    return fields | {name: count for name, count in counts.items() if count is not None}


def _member(report: MemberReport) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "member": report.member,
        "dataset": report.dataset,
        "size": report.size,
        "records": report.records,
        "in_window": report.in_window,
        "undated": report.undated,
        "earliest": _text(report.earliest),
        "latest": _text(report.latest),
        "fields_unknown": list(report.fields_unknown),
        "fields_vanished": list(report.fields_vanished),
    }
    if report.dialect:
        fields["dialect"] = report.dialect
    if report.coding:
        fields["coding"] = report.coding
    return fields if report.empty is None else {**fields, "empty": report.empty}


def _finding(finding: Finding) -> dict[str, str]:
    fields = {"severity": finding.severity.value, "code": finding.code, "message": finding.message}
    return {**fields, "member": finding.member} if finding.member else fields


def _archive(body: dict[str, Any]) -> Archive:
    delivered, sealed = body["delivered"], body["sealed"]
    retention, rule = read_retention(body["retention"])
    window = Window(parse_instant(body["window"]["start"]), parse_instant(body["window"]["end"]))
    return Archive(
        id=body["id"],
        holding=Holding(body["holding"]),
        stream=body["stream"],
        source=body["source"],
        provider=body["provider"],
        spec=ExportSpec(
            datasets=tuple(body["datasets"]),
            window=window,
            filters=tuple((name, value) for name, value in body["filters"]),
        ),
        job=body["job"],
        ref=body["ref"],
        seal=Seal(
            size=delivered["size"],
            sealed_size=sealed["size"],
            sealed_sha256=sealed["sha256"],
            digest=delivered["digest"],
            delivered_name=delivered["name"],
            coding=sealed.get("coding", ""),
            delivered_coding=delivered.get("coding", ""),
            decoded_size=delivered.get("decoded_size"),
            decoded_digest=delivered.get("decoded_digest", ""),
        ),
        expectation=_expectation(window, body["expected"], Container(body["container"])),
        inspection=Inspection(
            members=tuple(_report(fields) for fields in body["members"]),
            findings=tuple(
                Finding(Severity(fields["severity"]), fields["code"], fields["message"], fields.get("member", ""))
                for fields in body["findings"]
            ),
        ),
        recipients=tuple(sealed["recipients"]),
        retention=retention,
        rule=rule,
        container=body["container"],
        durable_at=parse_instant(body["durable_at"]),
        verified_at=parse_instant(body["verified_at"]),
    )


def _expectation(window: Window, fields: dict[str, Any], container: Container) -> Expectation:
    return Expectation(
        window=window,
        datasets=tuple(
            DatasetShape(shape["name"], shape["member"], shape["id_field"], shape["time_field"])
            for shape in fields["datasets"]
        ),
        end_inclusive=fields["end_inclusive"],
        companions=tuple(fields["companions"]),
        container=container,
        rows=fields.get("rows"),
        overlap=timedelta(seconds=fields.get("overlap", 0)),
        files=tuple(
            Bundled(
                file["name"],
                file["dataset"],
                Container(file["container"]),
                file.get("rows"),
                file.get("size"),
                file.get("records", ""),
            )
            for file in fields.get("files", ())
        ),
        size=fields.get("size"),
        counts_header=fields.get("counts_header"),
        accepts=tuple(fields.get("accepts", ())),
    )


def _report(fields: dict[str, Any]) -> MemberReport:
    return MemberReport(
        member=fields["member"],
        dataset=fields["dataset"],
        size=fields["size"],
        records=fields["records"],
        in_window=fields["in_window"],
        undated=fields["undated"],
        earliest=_instant(fields["earliest"]),
        latest=_instant(fields["latest"]),
        fields_unknown=tuple(fields["fields_unknown"]),
        fields_vanished=tuple(fields["fields_vanished"]),
        dialect=fields.get("dialect", ""),
        empty=fields.get("empty"),
        coding=fields.get("coding", ""),
    )


def _text(instant: datetime | None) -> str | None:
    return format_instant(instant) if instant else None


def _instant(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None
