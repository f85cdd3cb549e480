"""What must hold between the keys of a manifest: each check names what would go wrong without it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import combinations
from typing import Any

from strongroom.config.manifest_faults import Fault, paging_faults, placeholders_in, where_faulty
from strongroom.config.problem import KeyPath, quote, suggest
from strongroom.model.manifest import Manifest
from strongroom.model.manifest_words import (
    AuthKind,
    DownloadBy,
    FilterForm,
    ObserveBy,
    Precision,
    RequestMethod,
    TimeFormat,
)
from strongroom.model.provider import Container, ExpiryBasis

Refuse = Callable[[KeyPath, str, str, str], None]


def check_manifest(manifest: Manifest, refuse: Refuse) -> None:
    """Note every contradiction in a manifest of exports."""
    _run((_create, _export, _life, _observe, _list, _download, _paths, _datasets), manifest, refuse)
    check_account(manifest, refuse)


def check_account(manifest: Manifest, refuse: Refuse) -> None:
    """Note every contradiction in what has nothing to do with exports."""
    _run((_auth, _window, _filters, _codes), manifest, refuse)


def _run(checks: Iterable[Callable[[Manifest], Iterator[Fault]]], manifest: Manifest, refuse: Refuse) -> None:
    for check in checks:
        for fault in check(manifest):
            refuse(*fault)


def _auth(manifest: Manifest) -> Iterator[Fault]:
    auth = manifest.auth
    pairs = (
        (AuthKind.HEADER, "header", auth.header),
        (AuthKind.CLIENT_CREDENTIALS, "token_path", auth.token_path),
        (AuthKind.CLIENT_CREDENTIALS, "scope", auth.scope),
    )
    for kind, key, value in pairs:
        if auth.kind is kind and not value and key != "scope":
            yield Fault(("auth", key), f"a {key.replace('_', ' ')} for kind = {quote(kind)}", "nothing")
        if auth.kind is not kind and value:
            yield Fault(
                ("auth", key), f"no {key} with kind = {quote(auth.kind)}", "one", f"kind = {quote(kind)} has it"
            )


def _window(manifest: Manifest) -> Iterator[Fault]:
    window = manifest.window
    place, got = ("window", "precision"), quote(window.precision or "")
    fine = window.precision in (Precision.MICROSECOND, Precision.MILLISECOND)
    date = window.time_format is TimeFormat.DATE and window.precision not in (None, Precision.DAY)
    hint = "a date has no smaller step"
    return where_faulty(
        (date, Fault(place, 'precision "day" for dates', got, hint)),
        (window.time_format is TimeFormat.UNIX and fine, Fault(place, "a second or more for Unix seconds", got)),
    )


_ALL_THERE_IS = "without it, every export has all records; if that is meant, set snapshot = true"


def _create(manifest: Manifest) -> Iterator[Fault]:
    create, listed = manifest.create, manifest.list is not None
    own = {name for name, each in manifest.datasets.items() if each.path}
    paths = [create.path, *(each.path for each in manifest.datasets.values())]
    used = placeholders_in([create.body, create.query, *paths])
    dated = not all(each.snapshot for each in manifest.datasets.values())
    for name in ("lower", "upper") if dated else ():
        words = "{" + name + "} in the body or query"
        yield from where_faulty(
            (name not in used, Fault(("create", "body"), words, "a request without it", _ALL_THERE_IS))
        )
    place, whole = ("create", "together"), create.together
    yield from where_faulty(
        (
            create.method is RequestMethod.DELETE,
            Fault(("create", "method"), "a method that creates", quote(create.method)),
        ),
        (
            create.method is RequestMethod.GET and create.body,
            Fault(("create", "body"), "no body with GET", "one", "write it under query"),
        ),
        (
            not (create.id or create.id_header or create.export or listed),
            Fault(("create", "id"), "where the response has the id, or a [list] with it", "neither"),
        ),
        (
            create.id_may_lack and not listed,
            Fault(("create", "id_may_lack"), "a [list], to find the export on", "none"),
        ),
        (
            create.original and not create.idempotency_header,
            Fault(("create", "original"), "an idempotency_header as well", "none"),
        ),
        ("datasets" in used and not whole, Fault(place, "true for {datasets}", "false", "or write {dataset}")),
        ("dataset" in used and whole, Fault(place, "{datasets} where together = true", "{dataset}")),
        (
            own and whole,
            Fault(("datasets", min(own, default=""), "path"), "one path for all datasets", "a separate path"),
        ),
        (
            "id" in placeholders_in(paths),
            Fault(("create", "path"), "a path without {id}", "a path with {id}", "there is no id yet"),
        ),
    )


def _export(manifest: Manifest) -> Iterator[Fault]:
    export, request = manifest.export, manifest.export.request
    seen, words = manifest.observe.by is not ObserveBy.FILE, export.statuses
    asks = manifest.download.by is DownloadBy.ASK
    yield from where_faulty(
        (seen and not export.status, Fault(("export", "status"), "where the export has its status", "nothing")),
        (
            seen and not (words.ready or words.empty or words.unclear),
            Fault(("export", "statuses", "ready"), "the word for a finished export", "nothing"),
        ),
        (
            words.unclear and not asks,
            Fault(
                ("export", "statuses", "unclear"),
                'download.by = "ask", which shows whether there is a file',
                "another value",
            ),
        ),
        (
            bool(request.lower) is not bool(request.upper),
            Fault(("export", "request"), "both lower and upper", "one of them"),
        ),
    )
    first: dict[str, str] = {}
    for name in words.__struct_fields__:
        for word in getattr(words, name):
            other = first.setdefault(word.casefold(), name)
            if other != name:
                yield Fault(
                    ("export", "statuses", name), "a word with one meaning", f"{quote(word)}, which is also {other}"
                )
    yield from _unknown(("export", "request", "filters"), request.filters, manifest.filters, "filter")
    missing = [request.missing_dataset] if request.missing_dataset else []
    yield from _unknown(("export", "request", "missing_dataset"), missing, manifest.datasets)


def _life(manifest: Manifest) -> Iterator[Fault]:
    export = manifest.export
    counted = export.life_from is not ExpiryBasis.UNKNOWN
    key = "created" if export.life_from is ExpiryBasis.CREATED else "completed"
    return where_faulty(
        (export.life is not None and not counted, Fault(("export", "life"), "life_from as well", "life alone")),
        (
            export.life is not None and counted and not getattr(export, key),
            Fault(("export", key), f"when it was {key}, because its life counts from then", "nothing"),
        ),
    )


def _unknown(path: KeyPath, names: Iterable[str], known: Collection[str], noun: str = "dataset") -> Iterator[Fault]:
    for name in names:
        if name not in known:
            yield Fault(path, f"a {noun} of this manifest", quote(name), suggest(name, known))


def _observe(manifest: Manifest) -> Iterator[Fault]:
    observe, by = manifest.observe, manifest.observe.by
    file = manifest.download.by
    return where_faulty(
        (
            by is ObserveBy.GET and not observe.path,
            Fault(("observe", "path"), 'the path of one export for by = "get"', "nothing"),
        ),
        (
            by is not ObserveBy.GET and observe.path,
            Fault(("observe", "path"), f"no path with by = {quote(by)}", "one"),
        ),
        (
            by is ObserveBy.LIST and manifest.list is None,
            Fault(("observe", "by"), 'a [list] for by = "list"', "none"),
        ),
        (
            by is ObserveBy.FILE and file is not DownloadBy.FILE,
            Fault(("observe", "by"), 'download.by = "file" for by = "file"', quote(file)),
        ),
    )


def _list(manifest: Manifest) -> Iterator[Fault]:
    return iter(()) if manifest.list is None else paging_faults(manifest.list, "list")


def _download(manifest: Manifest) -> Iterator[Fault]:
    own, zipped = manifest.download, manifest.download.container is Container.ZIP_OF_JSON
    file, key = own.by is DownloadBy.FILE, "link" if own.link else "parts"
    several = manifest.create.together and len(manifest.datasets) > 1 and not own.parts
    return where_faulty(
        (
            own.container in (Container.BUNDLE, Container.JSON_PAGE),
            Fault(("download", "container"), "a format that providers deliver", quote(own.container)),
        ),
        (
            not file and not own.link,
            Fault(("download", "link"), f"where to find the link, for by = {quote(own.by)}", "nothing"),
        ),
        (file and (own.link or own.parts), Fault(("download", key), f'no {key} with by = "file"', "one")),
        (
            own.by is DownloadBy.LINK and own.path,
            Fault(("download", "path"), 'no path with by = "link"', "one"),
        ),
        (
            own.by is not DownloadBy.LINK and not own.path,
            Fault(("download", "path"), f"a path for by = {quote(own.by)}", "nothing"),
        ),
        (
            own.companions and not zipped,
            Fault(("download", "companions"), "companions only for a ZIP", f"a {own.container}"),
        ),
        (
            several and not zipped,
            Fault(("create", "together"), "only one dataset in a file that is not a ZIP", "several"),
        ),
        (
            own.parts and zipped,
            Fault(("download", "parts"), "a format other than ZIP if there are several files", "ZIP files"),
        ),
    )


def _paths(manifest: Manifest) -> Iterator[Fault]:
    renew, delete, auth = manifest.renew, manifest.delete, manifest.auth
    tables: list[tuple[str, Any]] = [("observe", manifest.observe), ("download", manifest.download)]
    tables += [(name, table) for name, table in (("renew", renew), ("delete", delete)) if table is not None]
    for name, table in tables:
        wrong = table.path and placeholders_in(table.path) != {"id"}
        yield from where_faulty(
            (wrong, Fault((name, "path"), "a path with {id} and no other placeholder", quote(table.path)))
        )
    plain: list[tuple[KeyPath, object]] = [(("auth", "token_path"), auth.token_path)]
    if manifest.list is not None:
        plain += [(("list", "path"), manifest.list.path), (("list", "query"), manifest.list.query)]
    plain += [(("account", "path"), manifest.account.path)] if manifest.account else []
    for place, template in plain:
        yield from where_faulty(
            (placeholders_in(template), Fault(place, "no placeholder", "one", "there is nothing to fill in"))
        )
    renews = renew and renew.method in (RequestMethod.GET, RequestMethod.DELETE)
    yield from where_faulty(
        (renew and renews, Fault(("renew", "method"), "a method that renews", quote(renew.method if renew else ""))),
        (
            delete and delete.method is RequestMethod.GET,
            Fault(("delete", "method"), "a method that deletes", quote(delete.method if delete else "")),
        ),
    )


def _datasets(manifest: Manifest) -> Iterator[Fault]:
    zipped, known = manifest.download.container is Container.ZIP_OF_JSON, manifest.datasets
    yield from where_faulty((not known, Fault(("datasets",), "at least one dataset", "none")))
    for (one, first), (other, second) in combinations(known.items(), 2):
        words = [
            {each.casefold() for each in (own.word or name, *own.listed_as)}
            for name, own in ((one, first), (other, second))
        ]
        yield from where_faulty(
            (
                words[0] & words[1],
                Fault(("datasets", other), "a name that no other dataset has", f"one that {one} also has"),
            ),
            (
                first.member and first.member == second.member,
                Fault(("datasets", other, "member"), "a file that no other dataset has", f"the file of {one}"),
            ),
        )
    for name, own in known.items():
        extra = sorted(set(own.always) - set(own.known)) if own.known else []
        yield from where_faulty(
            (
                zipped and not own.member,
                Fault(("datasets", name, "member"), "the name of its file in the ZIP", "nothing"),
            ),
            (not zipped and own.member, Fault(("datasets", name, "member"), "no member outside a ZIP", "one")),
            (
                bool(own.lacks) is not bool(own.closed_by),
                Fault(("datasets", name, "lacks"), "both lacks and closed_by", "one of them"),
            ),
            (
                extra,
                Fault(("datasets", name, "always"), "fields that known also lists", quote(extra[0] if extra else "")),
            ),
        )
        yield from _unknown(("datasets", name, "closed_by"), [own.closed_by] if own.closed_by else [], known)


def _filters(manifest: Manifest) -> Iterator[Fault]:
    for name, own in manifest.filters.items():
        yield from _unknown(("filters", name, "datasets"), own.datasets, manifest.datasets)
        for key, form, words in (("prefix", FilterForm.UUID, "a prefix"), ("values", FilterForm.TEXT, "values")):
            wrong = getattr(own, key) and own.form is not form
            expected = f"form = {quote(form)} for {words}"
            yield from where_faulty((wrong, Fault(("filters", name, key), expected, quote(own.form))))


def _codes(manifest: Manifest) -> Iterator[Fault]:
    """Check the statuses and codes, and the waits."""
    renew, limits, errors = manifest.renew, manifest.limits, manifest.errors
    for name, accepted in (("create", manifest.create.accepted), ("renew", renew.accepted if renew else (200,))):
        wrong = not accepted or max(accepted) >= 300
        yield from where_faulty((wrong, Fault((name, "accepted"), "statuses from 200 to 299", "another")))
    bad: list[tuple[str, Any, tuple[str, ...]]] = [
        ("observe", manifest.observe, ("gone", "expired")),
        ("download", manifest.download, ("gone", "expired")),
        *([("renew", renew, ("still_there", "gone"))] if renew else []),
    ]
    for name, table, keys in bad:
        for key in keys:
            low = min(getattr(table, key), default=400) < 400
            yield from where_faulty((low, Fault((name, key), "statuses from 400 to 599", "another")))
        both = set(getattr(table, keys[0])) & set(getattr(table, keys[1]))
        got = f"{min(both, default=0)}, which is also in {keys[0]}"
        yield from where_faulty((both, Fault((name, keys[1]), "a status with one meaning", got)))
    late = limits.poll_first > limits.poll_longest
    yield from where_faulty((late, Fault(("limits", "poll_first"), "at most poll_longest", "a longer wait")))
    for code in sorted(set(errors.quota) & set(errors.key_refused)):
        yield Fault(("errors", "key_refused"), "a code with one meaning", f"{quote(code)}, which is also in quota")
