"""Productions of a case: what is withheld, what is redacted, and numbers that go on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.sealed_vault import AT, House, Record, as_zip
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.core.identities import unlock
from strongroom.engine.proof.checkpoints import signer_of
from strongroom.evidence.verifier import Key, Report, check_production
from strongroom.model.errors import ExitCode
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.vault.archives import get_archive

SHAPE = DatasetShape("messages", "messages.json", "id", "at")
FORMATS = ("jsonl", "dat", "csv", "rsmf", "html")
PHONE, SECRET = "+14155551234", "attorney-canary"
RULES = r"""
[[rule]]
name = "phone"
fields = ["from", "contact.phone"]
pattern = '\+?1415555\d{4}'

[[rule]]
name = "card"
pattern = 'card \d+'
"""


def message(place: int, **more: object) -> Record:
    text = f"refund {place}, call {PHONE} or card {4000 + place}" if place % 2 else f"refund {place} to ada"
    at = f"2026-03-01T{place:02}:30:00Z"
    return {"id": f"m{place}", "at": at, "from": PHONE, "to": "ada@example.org", "status": "sent", "text": text, **more}


FIRST = [message(place) for place in range(12)]
FIRST[3]["text"] = FIRST[4]["text"] = f"refund, {SECRET}"
SECOND = [*FIRST[:5], {**FIRST[5], "text": f"refund 5 edited, {PHONE}"}, *FIRST[6:]]
SECOND[3] = {**FIRST[3], "text": "refund, harmless now"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A day with its second pass, and a case that marks m3 in the older archive and m4 in the newer."""
    (tmp_path / "house").mkdir()
    made = House(tmp_path / "house")
    for age, records in enumerate((FIRST, SECOND)):
        data, at = as_zip(messages=records), AT + timedelta(hours=age)
        old_or_new = made.seal(data, (SHAPE,), Container.ZIP_OF_JSON, overlap=timedelta(days=1), alone=False, at=at)
        if age == 0:
            run(made, "case", "new", "doe", *key(made))
        run(made, "case", "mark", "doe", f"{old_or_new.id}/m{3 + age}", "privileged", *key(made))
    yield made
    made.vault.close()


def key(house: House) -> tuple[str, ...]:
    return ("--identity", str(house.base / "identity.age"))


def run(house: House, *words: object, code: int = ExitCode.OK) -> Result:
    result = CliRunner().invoke(cli, ["--config", str(house.base / "strongroom.toml"), *map(str, words)])
    assert result.exit_code == code, result.output
    return result


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def check(path: Path, house: House) -> list[str]:
    report, public = Report(), Key(str(signer_of(load_config(house.base / "strongroom.toml")).verifier))
    report.check(path.name, lambda: check_production(path, [public], [], report))
    return [each.code for each in report.findings]


def clear(path: Path) -> str:
    """Return everything that can be read in a production, coded parts decoded; without the verifier."""
    found: list[bytes] = []
    for each in path.rglob("*"):
        if each.is_file() and each.name != "strongroom-verify.py":
            found += [each.read_bytes(), each.name.encode()]
        if each.suffix == ".rsmf":
            parts = [part.get_payload(decode=True) for part in message_from_bytes(each.read_bytes()).walk()]
            with zipfile.ZipFile(io.BytesIO(parts[-1])) as packed:  # type: ignore[arg-type]
                found += [*filter(None, parts), *(packed.read(name) for name in packed.namelist())]  # type: ignore[list-item]
    return b"\n".join(found).decode(errors="replace")


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_marked_is_withheld_in_every_version_and_listed(house: House, tmp_path: Path, kind: str) -> None:
    words = ("production", "refund", "--format", kind, "--case", "doe", "--at", "2026-04-01", *key(house), "--output")
    told = run(house, *words, tmp_path / "one")
    assert "10 records out of 2 archives; 12 older or equal versions left out; 2 withheld" in told.stderr
    assert f"strongroom-verify {tmp_path / 'one'} --key KEY" in told.stderr
    withheld = lines_of(tmp_path / "one" / "withheld.jsonl")
    assert [(line["id"], line["reason"]) for line in withheld] == [("m3", "privileged"), ("m4", "privileged")]
    assert all("(" in line["by"] and line["marked_at"] for line in withheld)
    text = clear(tmp_path / "one")
    assert SECRET not in text
    assert "harmless" not in text
    assert check(tmp_path / "one", house) == []
    assert run(house, *words, tmp_path / "next", "--json").stdout.count('"P0000011"') == 1  # the numbers go on
    run(house, *words, tmp_path / "again", "--start", 1)
    for each in (path for path in (tmp_path / "one").rglob("*") if path.is_file()):
        assert each.read_bytes() == (tmp_path / "again" / each.relative_to(tmp_path / "one")).read_bytes()
    assert "production: 10 records from P11, 2 withheld" in run(house, "case", "show", "doe", *key(house)).output


MUTANTS: dict[str, tuple[Callable[[list[Any]], object], str]] = {
    "one is not listed": (lambda lines: lines.pop(), "count"),
    "one is listed twice": (lambda lines: lines.append(lines[0]), "withheld"),
    "what it says is listed": (lambda lines: lines[0].update(text="x"), "withheld"),
    "no reason is given": (lambda lines: lines[0].update(reason=""), "withheld"),
    "one is produced as well": (lambda lines: lines[0].update(place=0), "withheld"),
}


def test_the_verifier_refuses_another_log_of_what_is_withheld(house: House, tmp_path: Path) -> None:
    run(house, "production", "refund", "--case", "doe", *key(house), "--output", tmp_path / "out")
    for name, (change, code) in MUTANTS.items():
        folder = shutil.copytree(tmp_path / "out", tmp_path / name)
        lines = lines_of(folder / "withheld.jsonl")
        change(lines)
        (folder / "withheld.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        document = json.loads((folder / "production.json").read_bytes())
        document["files"]["withheld.jsonl"] = hashlib.sha256((folder / "withheld.jsonl").read_bytes()).hexdigest()
        (folder / "production.json").write_text(json.dumps(document))
        assert code in check(folder, house), name


def test_saved_queries_and_matters_of_a_case_select(house: House, tmp_path: Path) -> None:
    run(house, "case", "add-query", "doe", "id:m5", *key(house))
    told = run(house, "production", "--case", "doe", "--saved", 1, *key(house), "--output", tmp_path / "one")
    assert "1 record out of 2 archives" in told.stderr
    assert json.loads((tmp_path / "one" / "production.json").read_bytes())["selection"]["query"] == "id:m5"
    wrong = run(house, "production", "--case", "doe", *key(house), "--output", tmp_path / "two", code=ExitCode.USAGE)
    assert "doe" in wrong.output  # no hold of that matter
    for words in (("--saved", "1"), ("--saved", "9", "--case", "doe"), ("x", "--case", "roe")):
        run(house, "production", *words, *key(house), "--output", tmp_path / "two", code=ExitCode.USAGE)
    assert "every record that matches is withheld" in run(
        house, "production", "id:m3", "--case", "doe", *key(house), "--output", tmp_path / "two", code=ExitCode.USAGE
    ).output  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_a_redaction_cannot_be_undone_from_the_files(house: House, tmp_path: Path, kind: str) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    words = ("--redact", tmp_path / "rules.toml", "--format", kind, *key(house), "--output", tmp_path / "out")
    told = run(house, "production", f"refund call OR {PHONE}", *words)
    assert "12 redacted" in told.stderr
    text = clear(tmp_path / "out")
    undigested = re.sub(r"[0-9a-f]{64}|[0-9A-Za-z+/]{43,}=*", "", text)  # by chance, digests have any digits
    for hidden in (r"\+?1415555", "415.?555", r"card \d", base64.b64encode(PHONE.encode()).decode()[:10]):
        assert not re.search(hidden, undigested), hidden
    plain = [hashlib.sha256(json.dumps(each).encode()).hexdigest() for each in SECOND]
    assert not any(each in text for each in plain)  # a guess cannot be checked
    assert "[redacted: phone]" in text
    assert "card 4005" not in text
    assert check(tmp_path / "out", house) == []
    line = lines_of(tmp_path / "out" / "index.jsonl")[0]
    assert (line["id"], line["redactions"]) == ("m0", ["phone"])
    archive = get_archive(house.vault.catalogue, line["archive"])
    assert archive is not None
    salt = unlock(house.vault, archive, house.identities).salt
    assert line["original"] == hmac.new(salt, bytes.fromhex(plain[0]), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("", "are not valid"),
        ("rule = []", "has no rule"),
        ('[[rule]]\nname = "x"', "neither fields nor a pattern"),
        ('[[rule]]\nname = "x"\npattern = "("', "are not valid"),
        ('[[rule]]\nname = "x"\npattern = "a*"', "matches an empty text"),
        ('[[rule]]\nname = "x]"\nfields = ["a"]', "must have 1 to 40 letters"),
        ('[[rule]]\nname = "x"\nfield = ["a"]', "unknown field"),
    ],
)
def test_rules_that_are_not_right_are_refused(house: House, tmp_path: Path, rules: str, words: str) -> None:
    (tmp_path / "rules.toml").write_text(rules)
    told = run(
        house, "production", "x", "--redact", tmp_path / "rules.toml", "--output", tmp_path / "o", code=ExitCode.USAGE
    )
    assert words in told.output
