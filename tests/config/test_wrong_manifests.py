"""Wrong manifests, each a small change of a good one, and each refused with its place and its reason."""

from __future__ import annotations

import re

import pytest

from kit.manifests import GALLERY, SHORTEST
from strongroom.config.manifest import ManifestRefused, load_manifest, parse_manifest
from strongroom.model.expression import LARGEST

LIST = '\n[list]\npath = "/exports"\nentries = "items"\n'
Change = tuple[str, str]

WRONG: dict[str, tuple[Change, str]] = {
    "a misspelled table": (("[observe]", "[obsrve]"), r'm\.toml:14: obsrve: .*did you mean "observe"\?'),
    "a misspelled key": (
        ('path = "/exports"\nid', 'pth = "/exports"\nid'),
        r'm\.toml:6: create\.pth: .*did you mean "path"\?',
    ),
    "a missing table": (
        ('[download]\nlink = "url"\ncontainer = "csv"\n', ""),
        r"download: expected the table \[download\], got nothing",
    ),
    "a missing key": (('label = "Acme"\n', ""), r"m\.toml:1: provider\.label: expected text on one line, got nothing"),
    "a number for a text": (('label = "Acme"', "label = 7"), r"m\.toml:2: provider\.label: .*got the number 7"),
    "a text for a flag": (
        ('id = "id"', 'id = "id"\ntogether = "yes"'),
        r"m\.toml:8: create\.together: expected true or false",
    ),
    "a text for a list": (('["busy"]', '"busy"'), r"m\.toml:12: export\.statuses\.running: expected a list"),
    "a text for a table": (
        ('statuses = { running = ["busy"], ready = ["done"], failed = ["broken"] }', 'statuses = "busy"'),
        r"export\.statuses: expected a table, got",
    ),
    "an unknown word": (
        ('container = "csv"', 'container = "cvs"'),
        r'm\.toml:19: download\.container: .*did you mean "csv"\?',
    ),
    "an unknown kind of key": (
        ("[create]", '[auth]\nkind = "beare"\n[create]'),
        r'auth\.kind: .*did you mean "bearer"\?',
    ),
    "a container of ours": (
        ('"csv"', '"bundle"'),
        r"download\.container: expected a format that providers deliver",
    ),
    "an address of a file": (
        ("https://api.acme.example/v2", "file:///etc/passwd"),
        r"m\.toml:3: provider\.base_url: expected an https address",
    ),
    "an address without encryption": (("https://api", "http://api"), r"provider\.base_url: expected an https address"),
    "an address of this machine": (
        ("https://api.acme.example/v2", "http://127.0.0.1:8080"),
        r"provider\.base_url: expected a public address",
    ),
    "credentials in the address": (
        ("https://api", "https://me:pw@api"),
        r"provider\.base_url: .*with credentials in it \(not shown\)",
    ),
    "a query in the address": (("example/v2", "example/v2?key=1"), r"provider\.base_url: expected an https address"),
    "an address for a path": (
        ('path = "/exports"\n', 'path = "https://evil.example/x"\n'),
        r"m\.toml:6: create\.path: .*begins with /",
    ),
    "a host for a path": (
        ('path = "/exports"\n', 'path = "//evil.example/x"\n'),
        r"create\.path: .*a path that leads elsewhere",
    ),
    "a path that climbs": (
        ("/exports/{id}", "/exports/../admin/{id}"),
        r"observe\.path: .*a path that leads elsewhere",
    ),
    "a path that climbs in disguise": (
        ("/exports/{id}", "/exports/%252e%252e/{id}"),
        r"observe\.path: .*leads elsewhere",
    ),
    "a path with a backslash": (('path = "/exports"\n', 'path = "/exports%5cx"\n'), r"create\.path: .*leads elsewhere"),
    "a path with a query": (
        ("/exports/{id}", "/exports/{id}?token=1"),
        r"observe\.path: .*query or fragment \(write a query under query\)",
    ),
    "a path without the export": (("/exports/{id}", "/exports/last"), r"observe\.path: expected a path with \{id\}"),
    "an unknown placeholder in a path": (
        ("/exports/{id}", "/exports/{ids}"),
        r'observe\.path: .*got \{ids\} \(did you mean "id"\?\)',
    ),
    "an unknown placeholder in a body": (
        ("{lower}", "{lowr}"),
        r'create\.body\.from: .*got \{lowr\} \(did you mean "lower"\?\)',
    ),
    "a range without an end": ((', to = "{upper}"', ""), r"create\.body: expected \{upper\} in the body or query"),
    "a credential in a query": (
        ("[export]", 'query = { api_key = "x" }\n[export]'),
        r"create\.query\.api_key: expected no credential in a manifest",
    ),
    "a credential in a body": (
        ('kind = "{dataset}"', 'client_secret = "x"'),
        r"create\.body\.client_secret: expected no credential",
    ),
    "a secret in a header": (
        ("[export]", 'headers = { X-Version = "sk4f9a8b7c6d5e4f3a2b1c0d9e8f7" }\n[export]'),
        r"create\.headers\.X-Version: expected no secret in a manifest, got text of 29 characters \(not shown",
    ),
    "a header that is ours": (
        ("[export]", 'headers = { Host = "evil.example" }\n[export]'),
        r"create\.headers\.Host: expected another header",
    ),
    "a credential in another header": (
        ("[export]", 'headers = { Authorization = "x" }\n[export]'),
        r"create\.headers\.Authorization: expected another header",
    ),
    "the key in a header of ours": (
        ("[create]", '[auth]\nkind = "header"\nheader = "Cookie"\n[create]'),
        r"auth\.header: expected another header",
    ),
    "a key without a header": (
        ("[create]", '[auth]\nkind = "header"\n[create]'),
        r'auth\.header: expected a header for kind = "header", got nothing',
    ),
    "a token from elsewhere": (
        ("[create]", '[auth]\nkind = "client-credentials"\ntoken_path = "https://evil.example/token"\n[create]'),
        r"auth\.token_path: expected a path below base_url",
    ),
    "an expression that is none": (
        ('status = "state"', 'status = "state["'),
        r"m\.toml:11: export\.status: .*\(it is not JMESPath\)",
    ),
    "an expression that copies": (
        ('status = "state"', 'status = "[state, state]"'),
        r"export\.status: .*it uses \[a, b\]",
    ),
    "an expression that runs another": (('status = "state"', 'status = "map(&a, b)"'), r"export\.status: .*it uses"),
    "a function that is not allowed": (
        ('status = "state"', 'status = "sort(b)"'),
        r"export\.status: .*a function other than",
    ),
    "a word with two meanings": (
        ('failed = ["broken"]', 'failed = ["DONE"]'),
        r'statuses\.failed: .*got "DONE", which is also ready',
    ),
    "no word for the end": (('ready = ["done"], ', ""), r"statuses\.ready: expected the word for a finished export"),
    "ends that contradict the format": (
        ("[create]", '[window]\ntime_format = "date"\nprecision = "second"\n[create]'),
        r'window\.precision: expected precision "day" for dates, got "second"',
    ),
    "a bound without the other": (
        ("[observe]", '[export.request]\nlower = "a"\n[observe]'),
        r"export\.request: expected both lower and upper",
    ),
    "pages without a number": (
        ("[download]", f'{LIST}paging = "page"\n[download]'),
        r"list\.page_key: .*every request returns the first page",
    ),
    "a cursor that leads nowhere": (
        ("[download]", f'{LIST}paging = "cursor"\npage_key = "c"\n[download]'),
        r"list\.next: .*every request returns the first page",
    ),
    "an offset without a size": (
        ("[download]", f'{LIST}paging = "offset"\npage_key = "o"\n[download]'),
        r"list\.size_key: .*every request returns the first page",
    ),
    "a cursor where nothing leads on": (
        ("[download]", f'{LIST}next = "c"\n[download]'),
        r'list\.next: expected no next with paging = "none"',
    ),
    "an id that is nowhere": (
        ('\nid = "id"\n', "\n"),
        r"create\.id: expected where the response has the id, or a \[list\]",
    ),
    "a list that is not there": (('path = "/exports/{id}"', 'by = "list"'), r"observe\.by: expected a \[list\]"),
    "a link that is nowhere": (
        ('link = "url"\n', ""),
        r'download\.link: expected where to find the link, for by = "link"',
    ),
    "an accepted refusal": (
        ('id = "id"', 'id = "id"\naccepted = [404]'),
        r"create\.accepted: expected statuses from 200 to 299",
    ),
    "a status that is none": (
        ('path = "/exports/{id}"', 'path = "/exports/{id}"\ngone = [9]'),
        r"observe\.gone\[0\]: expected an HTTP status",
    ),
    "a status with two meanings": (
        ('path = "/exports/{id}"', 'path = "/exports/{id}"\ngone = [410]'),
        r"observe\.expired: expected a status with one meaning",
    ),
    "waits that contradict": (
        ("[create]", '[limits]\npoll_first = "1h"\n[create]'),
        r"limits\.poll_first: expected at most poll_longest",
    ),
    "a limit beyond all bounds": (
        ("[create]", "[limits]\nconcurrent = 0\n[create]"),
        r"limits\.concurrent: expected a whole number from 1 to 100",
    ),
    "a life from nowhere": (
        ('status = "state"', 'status = "state"\nlife = "1d"'),
        r"export\.life: expected life_from as well",
    ),
    "a filter of an unknown dataset": (
        ("[datasets.calls]", '[filters.a]\ndatasets = ["cals"]\n[datasets.calls]'),
        r'filters\.a\.datasets: .*did you mean "calls"\?',
    ),
    "a dataset in the file of another": (
        (
            '"csv"\n\n[datasets.calls]',
            '"zip-of-json"\n[datasets.b]\nmember = "a.json"\n[datasets.calls]\nmember = "a.json"',
        ),
        r"datasets\.calls\.member: expected a file that no other dataset has, got the file of b",
    ),
    "a file that leaves the ZIP": (
        ('"csv"\n\n[datasets.calls]', '"zip-of-json"\n[datasets.calls]\nmember = "../a.json"'),
        r"datasets\.calls\.member: expected the name of a file inside the ZIP",
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_manifest_is_refused_with_its_place_and_reason(name: str) -> None:
    (old, new), words = WRONG[name]
    assert SHORTEST.count(old) >= 1, name
    with pytest.raises(ManifestRefused) as caught:
        parse_manifest("m.toml", SHORTEST.replace(old, new, 1))
    message = str(caught.value)
    assert re.search(words, message), message
    assert all(line.startswith("m.toml:") for line in message.splitlines())
    assert "sk4f9" not in message and "me:pw" not in message
    assert "strongroom source try" in caught.value.hint


def test_there_are_forty_of_them_and_the_good_one_is_good() -> None:
    assert len(WRONG) >= 40
    assert list(parse_manifest("m.toml", SHORTEST).datasets) == ["calls"]


def test_every_mistake_is_noted_at_once() -> None:
    text = SHORTEST.replace('label = "Acme"', "label = 7").replace('"csv"', '"cvs"').replace('"/exports"', '"exports"')
    with pytest.raises(ManifestRefused) as caught:
        parse_manifest("m.toml", text)
    assert [problem.key for problem in caught.value.problems] == ["provider.label", "create.path", "download.container"]


def test_an_expression_is_bounded() -> None:
    long = "||".join(["a"] * LARGEST)
    with pytest.raises(ManifestRefused, match="it has more than 60 parts"):
        parse_manifest("m.toml", SHORTEST.replace('status = "state"', f'status = "{long}"'))


@pytest.mark.parametrize("path", sorted(GALLERY.glob("*.toml")), ids=lambda path: path.stem)
def test_every_manifest_of_the_gallery_is_good(path) -> None:  # type: ignore[no-untyped-def]
    manifest = load_manifest(path).manifest
    assert manifest.provider.documents, "it names the pages that it was written from"
    assert not manifest.provider.tried
    assert "from documents, not tried on a live account" in path.read_text()
