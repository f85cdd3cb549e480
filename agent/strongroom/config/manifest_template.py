"""Writes a new manifest from a person's answers, with a comment for what each part is for."""

from __future__ import annotations

import re

from msgspec import Struct

from strongroom.config.manifest import parse_manifest
from strongroom.model.manifest_words import AuthKind, DownloadBy, ObserveBy, TimeFormat, WindowEnds
from strongroom.model.provider import Container


class ManifestDraft(Struct, frozen=True):
    """What a person says of a provider."""

    label: str
    base_url: str
    documents: str = ""
    auth: AuthKind = AuthKind.BEARER
    auth_detail: str = ""  # the header of a key, or the path of a token
    create_path: str = "/exports"
    lower_key: str = "from"
    upper_key: str = "to"
    dataset_key: str = "type"
    ends: WindowEnds = WindowEnds.UNKNOWN
    time_format: TimeFormat = TimeFormat.RFC3339
    id: str = "id"
    observe: ObserveBy = ObserveBy.GET
    observe_path: str = "/exports/{id}"
    observe_export: str = "@"
    list_path: str = ""
    list_entries: str = "items"
    entry_id: str = "id"
    status: str = "status"
    running: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    download: DownloadBy = DownloadBy.LINK
    download_at: str = "url"  # the expression of the link, or the path to ask
    container: Container = Container.CSV
    datasets: tuple[str, ...] = ()
    id_field: str = ""
    time_field: str = ""


def write_manifest(file: str, draft: ManifestDraft) -> str:
    """Return the text of a manifest that passes every check. Raises ManifestRefused where the answers contradict."""
    parts = [_about(draft), _auth(draft), _window(draft), _create(draft), _export(draft), _observe(draft)]
    text = "\n".join([*parts, _list(draft), _download(draft), *(_dataset(draft, name) for name in draft.datasets)])
    parse_manifest(file, text)
    return text


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _listed(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(map(_quoted, words)) + "]"


def _key(text: str) -> str:
    """Write a key of the body; `a.b` is the key b inside a, as TOML reads it."""
    return text if re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", text) else _quoted(text)


def _about(own: ManifestDraft) -> str:
    return f"""\
# A provider in a file: docs/providers.md explains it, docs/manifest.md lists every key.
# To check this file: strongroom source try FILE. To try it with an account: add --key REFERENCE.

[provider]
label = {_quoted(own.label)}
base_url = {_quoted(own.base_url)}
documents = {_listed((own.documents,) if own.documents else ())}     # the pages that this file was written from
tried = false                 # true once it has worked with a live account
"""


def _auth(own: ManifestDraft) -> str:
    key = {AuthKind.HEADER: "header", AuthKind.CLIENT_CREDENTIALS: "token_path"}.get(own.auth)
    detail = f"{key} = {_quoted(own.auth_detail)}\n" if key else ""
    return f"""\
# How requests authenticate. The secret itself is the api_key of a source.
[auth]
kind = {_quoted(own.auth)}
{detail}"""


def _window(own: ManifestDraft) -> str:
    return f"""\
# How requests write a time range. With ends = "unknown", Strongroom requests a little more, so that nothing is missed.
[window]
ends = {_quoted(own.ends)}
time_format = {_quoted(own.time_format)}
"""


def _create(own: ManifestDraft) -> str:
    where = f"id = {_quoted(own.id)}                     # where the response has its id, in JMESPath"
    dataset = f', {_key(own.dataset_key)} = "{{dataset}}"' if own.dataset_key else ""
    return f"""\
# The request that creates an export. Strongroom fills in {{lower}}, {{upper}} and {{dataset}}.
[create]
path = {_quoted(own.create_path)}
body = {{ {_key(own.lower_key)} = "{{lower}}", {_key(own.upper_key)} = "{{upper}}"{dataset} }}
{where if own.id else "id_may_lack = true"}
"""


def _export(own: ManifestDraft) -> str:
    entry = f"id = {_quoted(own.entry_id)}\n" if own.list_path and own.entry_id != "id" else ""
    by_file = own.observe is ObserveBy.FILE
    status = (
        ""
        if by_file
        else f"""\
status = {_quoted(own.status)}
# Any other word is unknown: the export counts as in progress, and the word is shown.
statuses = {{ running = {_listed(own.running)}, ready = {_listed(own.ready)}, failed = {_listed(own.failed)} }}
"""
    )
    return f"""\
# How the provider describes an export, in JMESPath: in an entry of the list, and in the response of [observe].
[export]
{entry}{status}# created = "created_at"
# completed = "completed_at"
# expires = "expires_at"      # when it can no longer be downloaded
# size = "file_size"          # bytes, compared with the download
# rows = "row_count"          # records, compared with the download
# detail = "error_message"    # why it failed

# If an export repeats its request, Strongroom can always find it again after a lost response.
# [export.request]
# dataset = "type"
# lower = "from"
# upper = "to"
"""


def _observe(own: ManifestDraft) -> str:
    path = f"path = {_quoted(own.observe_path)}\n" if own.observe is ObserveBy.GET else ""
    path += f"export = {_quoted(own.observe_export)}\n" if path and own.observe_export != "@" else ""
    return f"""\
# Where to check the state of an export: its own path (get), the list, or the file itself.
[observe]
by = {_quoted(own.observe)}
{path}"""


def _list(own: ManifestDraft) -> str:
    if not own.list_path:
        return """\
# The list of all exports. Strongroom looks here for an export whose request got no response.
# [list]
# path = "/exports"
# entries = "items"
# paging = "cursor"           # or page, offset, link; none if it has one page
# next = "next_cursor"
# page_key = "cursor"
"""
    return f"""\
# The list of all exports. Strongroom looks here for an export whose request got no response.
[list]
path = {_quoted(own.list_path)}
entries = {_quoted(own.list_entries)}
# paging = "cursor"           # or page, offset, link; none if it has one page
# next = "next_cursor"
# page_key = "cursor"
"""


def _download(own: ManifestDraft) -> str:
    key = "link" if own.download is DownloadBy.LINK else "path"
    asked = (
        'link = "url"                  # where the response has the link\n' if own.download is DownloadBy.ASK else ""
    )
    return f"""\
# How to get the file: by a link in the export (link), or by another request for the link (ask) or for the file (file).
[download]
by = {_quoted(own.download)}
{key} = {_quoted(own.download_at)}
{asked}container = {_quoted(own.container)}

# [limits]
# concurrent = 1              # exports in progress at once
# per_hour = 10
# retention_days = 90         # how long the provider keeps records
"""


def _dataset(own: ManifestDraft, name: str) -> str:
    member = f"member = {_quoted(name + '.json')}\n" if own.container is Container.ZIP_OF_JSON else ""
    return (
        f"""\
[datasets.{_quoted(name)}]
{member}id = {_quoted(own.id_field)}                       # the field that identifies a record
time = {_quoted(own.time_field)}                     # the field with the time, which is compared with the window
# senders = ["from"]          # fields that a search for senders reads; also: recipients, parties, channel, status
"""
        if own.id_field and own.time_field
        else f"""\
[datasets.{_quoted(name)}]
{member}# id = "id"                   # the field that identifies a record
# time = "created_at"         # the field with the time, which is compared with the window
"""
    )
