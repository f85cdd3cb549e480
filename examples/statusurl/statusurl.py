"""An export that is a status URL: a kick-off answers with it, and it answers with a manifest of many NDJSON files.

    POST   {base}/$export         202, Content-Location: {base}/bulkstatus/{name}
    GET    {base}/bulkstatus/...  202 and X-Progress; at last 200 with a manifest, and Expires
    DELETE {base}/bulkstatus/...  202: discarded

The shape is that of HL7's "FHIR Bulk Data Access" 2.0. The last part of the status URL names the export; a status URL
that is not below `base_url` is not followed. There is no list of exports, so a kick-off whose answer is lost cannot be
looked up (Match.NONE). A manifest that names errors is not a whole export: it has failed, whatever else it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from strongroom.model import provider as nouns
from strongroom.model.errors import RequestRefused
from strongroom.model.inspection import Expectation
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import Accepted, Ask, Container, ExportStatus, Limits, Listed, Observation, Part, Probe
from strongroom.model.times import format_instant
from strongroom.providers import account
from strongroom.providers.account import OVERLAP, overlapping
from strongroom.providers.answers import ApiResponse, ProviderProblem, Unusable, parse_date, refuse_create, refuse_read
from strongroom.providers.download import download
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.port import Plain, ProviderSettings, Sink, StopAsked

LABEL = "StatusUrl"
STATUS = "/bulkstatus"
TIMES = {"AuditEvent": "recorded", "Communication": "sent"}
SHAPES = {name: DatasetShape(name, "", "id", at) for name, at in TIMES.items()}
CAPABILITIES = nouns.Capabilities(
    tuple(SHAPES), nouns.Match.NONE, nouns.Renewal.NEW_EXPORT, nouns.ExpiryBasis.UNKNOWN, deletes=True
)
LIMITS = Limits(concurrent=None, per_hour=None)


def build(settings: ProviderSettings) -> StatusUrl:
    """Return the adapter of one server; `base_url` must be given, since there is no public one."""
    policy = account.open_policy(LABEL, settings.base_url, account.bearer(settings), settings)
    return StatusUrl(policy, settings.base_url.rstrip("/"), settings.limits.apply(LIMITS))


class StatusUrl(Plain):
    """One server."""

    capabilities = CAPABILITIES

    def __init__(self, policy: HttpPolicy, base_url: str, limits: Limits) -> None:
        self._policy = policy
        self._base_url = base_url
        self.limits = limits

    def ask(self, spec: ExportSpec) -> Ask:
        """Ask for a little more than the window: whether its ends belong to a range is not documented."""
        unknown = set(spec.datasets) - SHAPES.keys()
        if unknown or spec.filters or not spec.datasets:
            raise RequestRefused(f"{LABEL} exports {' and '.join(SHAPES)}, without filters")
        return Ask(frozenset(spec.datasets), *overlapping(spec.window))

    def expectation(self, spec: ExportSpec) -> Expectation:
        """Expect NDJSON, with a few records of the neighboring windows."""
        shapes = tuple(SHAPES[name] for name in spec.datasets)
        return Expectation(spec.window, shapes, container=Container.NDJSON, overlap=OVERLAP)

    def create(self, ask: Ask) -> Accepted:
        """Kick off an export with exactly one POST."""
        named = [("_type", "valueString", ",".join(sorted(ask.datasets)))]
        bounds = (("_since", ask.lower), ("_until", ask.upper))
        named += [(name, "valueInstant", format_instant(at)) for name, at in bounds if at is not None]
        body = {"resourceType": "Parameters", "parameter": [{"name": name, kind: value} for name, kind, value in named]}
        reply = self._policy.call("POST", "/$export", body=body, headers={"Prefer": "respond-async"})
        if reply.status != 202:
            raise refuse_create(reply, LABEL, read_problem(reply))
        base, _, ref = reply.headers.get("content-location", "").rpartition("/")
        if base != self._base_url + STATUS or not ref.isalnum():
            raise account.unanswered(LABEL, reply, Unusable("its status URL is none of this server's"))
        return Accepted(Observation(ref, ExportStatus.QUEUED, "202", request_id=reply.request_id), reply.request_id)

    def sweep(self, since: datetime) -> Iterator[Listed]:  # noqa: ARG002 - there is no list to walk
        """Yield nothing."""
        return iter(())

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Ask each status URL."""
        return {ref: self._look(ref)[1] for ref in refs}

    def parts(self, ref: str) -> tuple[Part, ...]:
        """Return the files of the manifest in its order, each with the dataset that it holds."""
        reply, seen = self._look(ref)
        account.require_ready(LABEL, seen)
        try:
            return tuple(read_parts(reply.content()))
        except Unusable as exc:
            raise account.unusable(LABEL, reply, exc) from None

    def download(self, part: Part, sink: Sink, stop: StopAsked) -> int:
        """Stream one file."""
        return download(self._policy, part, sink, stop)

    def delete(self, ref: str) -> None:
        """Discard the export; one that is gone already is no trouble."""
        reply = self._policy.call("DELETE", account.export_path(LABEL, STATUS, ref))
        if reply.status not in (200, 202, 204, 404, 410):
            raise refuse_read(reply, LABEL, read_problem(reply))

    def probe(self) -> Probe:
        """Read what the server says of itself."""
        reply = self._policy.call("GET", "/metadata")
        if reply.status not in (200, 404, 410, 501):
            raise refuse_read(reply, LABEL, read_problem(reply))
        return Probe(reply.status == 200, self._policy.skew, 0, notes=("the server has no list of exports",))

    def _look(self, ref: str) -> tuple[ApiResponse, Observation]:
        reply = self._policy.call("GET", account.export_path(LABEL, STATUS, ref))
        progress = reply.words(reply.headers.get("x-progress", "202"), 60)
        seen = Observation(ref, ExportStatus.RUNNING, progress, retry_at=reply.retry_at)
        if reply.status == 202:
            return reply, seen
        if reply.status in (404, 410):
            return reply, replace(seen, status=ExportStatus.GONE, raw_status=str(reply.status))
        if reply.status != 200:
            raise refuse_read(reply, LABEL, read_problem(reply))
        ends = parse_date(reply.headers.get("expires", ""))
        status = ExportStatus.FAILED if reply.loose_content().get("error") else ExportStatus.READY
        return reply, replace(seen, status=status, raw_status="200", expires_at=ends)


def read_parts(manifest: Mapping[str, object]) -> Iterator[Part]:
    """Yield the files of a manifest; raises Unusable for what is none."""
    for number, entry in enumerate(account.require_items(manifest.get("output")), 1):
        kind, url = entry.get("type"), entry.get("url")
        if not isinstance(kind, str) or kind not in SHAPES or not isinstance(url, str):
            raise Unusable("it has a file of unknown kind or without an address")
        armed, rows = manifest.get("requiresAccessToken") is True, account.read_count(entry.get("count"))
        yield Part(url, f"{number:04}-{kind}.ndjson", Container.NDJSON, armed, rows=rows, dataset=kind)


def read_problem(reply: ApiResponse) -> ProviderProblem:
    """Return what an OperationOutcome says."""
    issues = reply.loose_content().get("issue")
    issue = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    return ProviderProblem(reply.words(issue.get("code"), 60), reply.words(issue.get("diagnostics")))
